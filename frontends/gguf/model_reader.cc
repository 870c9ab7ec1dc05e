#include "frontends/gguf/model_reader.h"

#include <cmath>
#include <cstring>
#include <map>
#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/json/json.h"
#include "base/status_macros.h"
#include "frontends/checkpoint/tensor_info.h"
#include "frontends/decoder/weights/expected_tensors.h"
#include "frontends/families/families.h"
#include "frontends/gguf/architectures.h"
#include "frontends/gguf/config.h"
#include "frontends/gguf/file/ggml_type.h"
#include "frontends/gguf/rotation.h"
#include "ir/type/encoding.h"

namespace lluda::frontends::gguf {
namespace {

constexpr char kDivisors[] = "rope_freqs.weight";
constexpr char kShortFactors[] = "rope_factors_short.weight";
constexpr char kLongFactors[] = "rope_factors_long.weight";

// The tensors of all parts by their names.
using Tensors = std::map<absl::string_view, const Tensor*>;

Tensors TensorsOf(const GgufFile& file) {
  Tensors tensors;
  for (const GgufFile::Part& part : file.parts()) {
    for (const Tensor& tensor : part.container.tensors) tensors[tensor.name] = &tensor;
  }
  return tensors;
}

std::string Where(const GgufFile& file, absl::string_view tensor) {
  return absl::StrCat(file.path(), ": tensor '", base::QuoteName(tensor), "' ");
}

std::string ShapeText(const std::vector<int64_t>& shape) {
  return absl::StrCat("[", absl::StrJoin(shape, ", "), "]");
}

// What divides frequencies: one number for each of `pairs`, or for as many as there are.
absl::StatusOr<std::vector<float>> PositiveNumbers(const GgufFile& file, const Tensor& tensor,
                                                   std::optional<size_t> pairs = std::nullopt) {
  const bool is_list = tensor.type->dtype == ir::DType::kF32 && tensor.shape.size() == 1;
  if (!is_list || (pairs && tensor.bytes.size() != *pairs * sizeof(float))) {
    return absl::InvalidArgumentError(absl::StrCat(
        Where(file, tensor.name), "must be F32 [", pairs ? absl::StrCat(*pairs) : "pairs", "], is ",
        tensor.type->name, " ", ShapeText(tensor.shape)));
  }
  std::vector<float> numbers(tensor.bytes.size() / sizeof(float));
  std::memcpy(numbers.data(), tensor.bytes.data(), tensor.bytes.size());
  for (size_t i = 0; i < numbers.size(); ++i) {
    if (std::isfinite(numbers[i]) && numbers[i] > 0) continue;
    return absl::InvalidArgumentError(absl::StrCat(
        Where(file, tensor.name), "must hold positive numbers, number ", i, " is ", numbers[i]));
  }
  return numbers;
}

absl::StatusOr<TensorFacts> FactsOf(const GgufFile& file, const Architecture& architecture,
                                    const Tensors& tensors) {
  const auto embedding = tensors.find(kEmbeddingTensor);
  if (embedding == tensors.end()) {
    return absl::NotFoundError(absl::StrCat(Where(file, kEmbeddingTensor), "is missing"));
  }
  TensorFacts facts{embedding->second->shape[0], tensors.count(kHeadTensor) == 0};
  const auto short_factors = tensors.find(kShortFactors), long_factors = tensors.find(kLongFactors);
  const bool has_short = short_factors != tensors.end(), has_long = long_factors != tensors.end();
  if (!architecture.rotates_partly || (!has_short && !has_long)) return facts;
  if (!has_short || !has_long) {
    return absl::NotFoundError(
        absl::StrCat(Where(file, has_short ? kLongFactors : kShortFactors), "is missing, but '",
                     has_short ? kShortFactors : kLongFactors, "' is there"));
  }
  ASSIGN_OR_RETURN(facts.short_factors, PositiveNumbers(file, *short_factors->second));
  ASSIGN_OR_RETURN(facts.long_factors, PositiveNumbers(file, *long_factors->second));
  return facts;
}

absl::Status ReadDivisors(const GgufFile& file, const Tensor& tensor, decoder::Decoder* decoder) {
  const auto pairs = static_cast<size_t>(decoder->head_dim / 2);
  ASSIGN_OR_RETURN(const std::vector<float> divisors, PositiveNumbers(file, tensor, pairs));
  if (!decoder->ropes[0].frequencies.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat(Where(file, kDivisors), "and the keys of rope.scaling contradict each other"));
  }
  decoder->ropes[0].frequencies =
      DividedFrequencies(decoder->ropes[0].theta, decoder->head_dim, divisors);
  return absl::OkStatus();
}

absl::StatusOr<decoder::Decoder> DecoderOf(const GgufFile& file, const Architecture& architecture,
                                           const Tensors& tensors) {
  ASSIGN_OR_RETURN(const TensorFacts facts, FactsOf(file, architecture, tensors));
  ASSIGN_OR_RETURN(const ConfigText config, ConfigOf(file.metadata(), architecture, facts));
  absl::StatusOr<decoder::Decoder> decoder = families::ParseConfig(file.path(), config.json);
  if (!decoder.ok()) return InTermsOfKeys(decoder.status(), config);
  decoder->paired_rows = architecture.paired_rows;
  if (architecture.gemma != nullptr) decoder->norm_offset = 0;
  const auto has = [&](absl::string_view name) { return tensors.count(name) > 0; };
  decoder->qkv_bias |= has("blk.0.attn_q.bias");
  decoder->output_bias |= has("blk.0.attn_output.bias");
  decoder->mlp_bias |= has("blk.0.ffn_up.bias");
  if (decoder->experts) decoder->experts->one_tensor = true;
  if (has(kDivisors)) {
    RETURN_IF_ERROR(ReadDivisors(file, *tensors.at(kDivisors), &*decoder));
  }
  return decoder;
}

// The tensors of a model have the shapes that its keys ask for, and types that can be computed
// with; each has a part in it. Gives each the name that the importer looks for.
// Floats, and matrices in blocks.
absl::Status CheckType(const GgufFile& file, absl::string_view name, const Tensor& tensor) {
  const auto is_read = [&](const GgmlType& type) {
    if (!type.dtype) return false;
    return ir::IsFloat(*type.dtype) || (tensor.shape.size() >= 2 && ir::IsBlock(*type.dtype));
  };
  if (is_read(*tensor.type)) return absl::OkStatus();
  std::vector<absl::string_view> supported;
  for (const GgmlType& type : GgmlTypes()) {
    if (is_read(type)) supported.push_back(type.name);
  }
  return absl::UnimplementedError(absl::StrCat(Where(file, name), "is ", tensor.type->name,
                                               ", supported are ", absl::StrJoin(supported, ", ")));
}

absl::Status AdoptTensors(const GgufFile& file, const Architecture& architecture,
                          const decoder::Decoder& decoder, const Tensors& tensors,
                          Checkpoint* checkpoint) {
  const TensorLookup expected = decoder::TensorsOf(decoder);
  std::map<std::string, absl::string_view> found;  // checkpoint names to the file's
  for (const auto& [name, tensor] : tensors) {
    const bool is_factors =
        architecture.rotates_partly && (name == kShortFactors || name == kLongFactors);
    if (name == kDivisors || is_factors) continue;
    const std::optional<std::string> known = CheckpointName(architecture, name);
    const std::optional<TensorInfo> info = known ? expected(*known) : std::nullopt;
    if (!info) {
      return absl::InvalidArgumentError(absl::StrCat(
          Where(file, name), "is no part of a model of '", architecture.name, "' with these keys"));
    }
    if (WithoutLeadingOnes(tensor->shape) != WithoutLeadingOnes(info->shape)) {
      return absl::InvalidArgumentError(
          absl::StrCat(Where(file, name), "has shape ", ShapeText(tensor->shape),
                       ", the keys ask for ", ShapeText(info->shape)));
    }
    RETURN_IF_ERROR(CheckType(file, name, *tensor));
    found[*known] = name;
    checkpoint->Rename(name, *known);
  }
  for (const std::string& name : decoder::TensorNames(decoder)) {
    const bool is_tied_head = name == "lm_head.weight" && decoder.tie_word_embeddings;
    if (is_tied_head || found.count(name) > 0) continue;
    return absl::NotFoundError(absl::StrCat(Where(file, FileName(architecture, name)),
                                            "is missing, the keys ask for one of shape ",
                                            ShapeText(expected(name)->shape)));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<decoder::Decoder> ReadDecoder(const GgufFile& file) {
  ASSIGN_OR_RETURN(const Architecture* architecture, ArchitectureOf(file.metadata()));
  return DecoderOf(file, *architecture, TensorsOf(file));
}

absl::StatusOr<GgufModel> ReadModel(const GgufFile& file) {
  ASSIGN_OR_RETURN(const Architecture* architecture, ArchitectureOf(file.metadata()));
  const Tensors tensors = TensorsOf(file);
  ASSIGN_OR_RETURN(decoder::Decoder decoder, DecoderOf(file, *architecture, tensors));
  Checkpoint checkpoint(file.path(), file.TensorFiles());
  RETURN_IF_ERROR(AdoptTensors(file, *architecture, decoder, tensors, &checkpoint));
  return GgufModel{std::move(decoder), std::move(checkpoint), {}};
}

}  // namespace lluda::frontends::gguf
