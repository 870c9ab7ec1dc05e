#include "frontends/gguf/importance.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <optional>
#include <set>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/json/json.h"
#include "base/status_macros.h"
#include "frontends/checkpoint/tensor_info.h"
#include "frontends/gguf/architectures.h"
#include "frontends/gguf/file/gguf_file.h"
#include "frontends/gguf/file/gguf_writer.h"

namespace lluda::frontends::gguf {
namespace {

constexpr char kSums[] = ".in_sum2";
constexpr char kCounts[] = ".counts";
constexpr char kExperts[] = ".experts.";
constexpr char kTexts[] = "imatrix.datasets";
constexpr char kWindows[] = "imatrix.chunk_count";
constexpr char kWindowTokens[] = "imatrix.chunk_size";
constexpr int64_t kMostTokens = int64_t{1} << 40;

absl::Status Refuse(const std::string& path, absl::string_view tensor, absl::string_view reason) {
  return absl::InvalidArgumentError(absl::StrCat(path, ": tensor '", tensor, "' ", reason));
}

// A tensor of numbers that are at least 0.
absl::StatusOr<std::vector<float>> NumbersOf(const std::string& path, const Tensor& tensor) {
  if (tensor.type->dtype != ir::DType::kF32) return Refuse(path, tensor.name, "must be F32");
  std::vector<float> numbers(tensor.bytes.size() / sizeof(float));
  std::memcpy(numbers.data(), tensor.bytes.data(), tensor.bytes.size());
  for (const float number : numbers) {
    if (std::isfinite(number) && number >= 0) continue;
    return Refuse(path, tensor.name,
                  absl::StrCat("holds ", number, ", which is no sum of squares"));
  }
  return numbers;
}

// What a matrix's two tensors say.
absl::StatusOr<Importance::Matrix> MatrixOf(const std::string& path, const Tensor& sums,
                                            const Tensor& counts) {
  ASSIGN_OR_RETURN(const std::vector<float> squares, NumbersOf(path, sums));
  ASSIGN_OR_RETURN(const std::vector<float> tokens, NumbersOf(path, counts));
  const auto columns = static_cast<size_t>(sums.shape.back());
  if (tokens.empty() || squares.size() != tokens.size() * columns) {
    return Refuse(path, sums.name,
                  absl::StrCat("has ", squares.size(), " sums, ", tokens.size(), " counts of ",
                               columns, " columns are beside it"));
  }
  return Importance::Matrix{{squares.begin(), squares.end()}, {tokens.begin(), tokens.end()}};
}

// "model.layers.0.mlp.experts.3.up_proj.weight": the name that the matrices of all experts have, without
// the number, and that. Of another one it is the name itself.
std::pair<std::string, std::optional<size_t>> SplitExpert(const std::string& name) {
  const size_t begin = name.find(kExperts);
  if (begin == std::string::npos) return {name, std::nullopt};
  const size_t number = begin + std::strlen(kExperts);
  const size_t end = name.find('.', number);
  size_t expert = 0;
  if (end == std::string::npos ||
      !absl::SimpleAtoi(absl::string_view(name).substr(number, end - number), &expert)) {
    return {name, std::nullopt};
  }
  return {absl::StrCat(name.substr(0, number), name.substr(end + 1)), expert};
}

// Fits multiply means and square sums of them, for which these leave room. The least one is too small to
// change what others ask for.
constexpr double kLeastMean = 0x1p-40, kMostMean = 0x1p40;

// As floats that fits can compute with; none is 0.
std::vector<float> InRange(std::vector<double> means) {
  const double largest = *std::max_element(means.begin(), means.end());
  if (largest == 0) return std::vector<float>(means.size(), 1.0f);
  const bool fit = std::all_of(means.begin(), means.end(),
                               [](double mean) { return kLeastMean <= mean && mean <= kMostMean; });
  int exponent = 0;
  if (!fit) std::frexp(largest, &exponent);
  std::vector<float> floats;
  for (const double mean : means) {
    floats.push_back(static_cast<float>(std::max(std::ldexp(mean, -exponent), kLeastMean)));
  }
  return floats;
}

// The means of an expert's columns; of one that no token took, ones.
void AppendMeans(const Importance::Matrix& matrix, size_t expert, std::vector<float>* means) {
  const double count = matrix.counts[expert];
  const auto begin = matrix.sums.begin() + static_cast<std::ptrdiff_t>(expert * matrix.columns());
  std::vector<double> columns(begin, begin + static_cast<std::ptrdiff_t>(matrix.columns()));
  for (double& column : columns) column = count > 0 ? column / count : 0;
  const std::vector<float> floats = InRange(std::move(columns));
  means->insert(means->end(), floats.begin(), floats.end());
}

std::string FloatsOf(const std::vector<double>& numbers) {
  std::string bytes;
  for (const double number : numbers) {
    absl::StrAppend(&bytes, FloatBytes(static_cast<float>(number)));
  }
  return bytes;
}

}  // namespace

absl::StatusOr<Importance> ReadImportance(const std::string& path) {
  ASSIGN_OR_RETURN(const GgufFile file, GgufFile::Open(path));
  const Metadata& metadata = file.metadata();
  ASSIGN_OR_RETURN(const absl::string_view type, metadata.String("general.type"));
  if (type != "imatrix") return metadata.Error("general.type", "must be 'imatrix'");
  Importance importance;
  importance.path = path;
  if (metadata.Has(kTexts)) {
    ASSIGN_OR_RETURN(const std::vector<absl::string_view> texts, metadata.Strings(kTexts));
    for (const absl::string_view text : texts) importance.texts.emplace_back(text);
  }
  ASSIGN_OR_RETURN(importance.windows, metadata.Int(kWindows, 0, kMostTokens));
  ASSIGN_OR_RETURN(importance.window_tokens, metadata.Int(kWindowTokens, 0, kMostTokens));
  std::map<std::string, const Tensor*> tensors;
  for (const GgufFile::Part& part : file.parts()) {
    for (const Tensor& tensor : part.container.tensors) tensors[std::string(tensor.name)] = &tensor;
  }
  for (const auto& [name, tensor] : tensors) {
    absl::string_view matrix = name;
    if (!absl::ConsumeSuffix(&matrix, kSums)) continue;
    const auto counts = tensors.find(absl::StrCat(matrix, kCounts));
    if (counts == tensors.end()) return Refuse(path, name, "has no counts beside it");
    ASSIGN_OR_RETURN(importance.matrices[std::string(matrix)],
                     MatrixOf(path, *tensor, *counts->second));
  }
  if (importance.matrices.empty()) {
    return absl::InvalidArgumentError(absl::StrCat(path, ": has no tensors of sums"));
  }
  return importance;
}

std::string ImportanceFile(const Importance& importance) {
  GgufWriter writer;
  writer.String("general.type", "imatrix").Strings(kTexts, importance.texts);
  writer.U32(kWindows, static_cast<uint32_t>(importance.windows));
  writer.U32(kWindowTokens, static_cast<uint32_t>(importance.window_tokens));
  for (const auto& [name, matrix] : importance.matrices) {
    const auto columns = static_cast<int64_t>(matrix.columns());
    const auto experts = static_cast<int64_t>(matrix.counts.size());
    writer.Tensor(absl::StrCat(name, kSums), 0, {columns, experts}, FloatsOf(matrix.sums));
    writer.Tensor(absl::StrCat(name, kCounts), 0, {1, experts}, FloatsOf(matrix.counts));
  }
  return writer.Bytes();
}

absl::Status AddImportance(const Importance& importance, bool is_tied, Checkpoint* checkpoint,
                           std::vector<std::string>* notes) {
  std::set<std::string> used;
  for (const std::string& name : checkpoint->Names()) {
    const TensorView& tensor = *checkpoint->Find(name);
    if (tensor.shape.size() < 2) continue;
    const auto [stacked, expert] = SplitExpert(name);
    const std::string file_name = FileName(stacked);
    auto found = importance.matrices.find(file_name);
    if (file_name == kEmbeddingTensor && is_tied && importance.matrices.count(kHeadTensor) > 0) {
      found = importance.matrices.find(kHeadTensor);
    }
    if (found == importance.matrices.end()) continue;
    used.insert(found->first);
    const Importance::Matrix& matrix = found->second;
    const bool has_all = tensor.shape.size() == 3;  // experts
    const auto columns = static_cast<size_t>(tensor.shape.back());
    if (matrix.columns() != columns) {
      return absl::InvalidArgumentError(absl::StrCat(importance.path, ": has ", matrix.columns(),
                                                     " columns for ", found->first,
                                                     ", the model has ", columns));
    }
    const size_t experts = has_all ? static_cast<size_t>(tensor.shape[0]) : 1;
    const size_t needed = expert.value_or(0) + experts;
    const size_t known = matrix.counts.size();
    if (known != 1 && (has_all || !expert ? known != needed : known < needed)) {
      return absl::InvalidArgumentError(
          absl::StrCat(importance.path, ": has ", known, " experts for ", found->first,
                       ", the model has ", expert ? "more" : absl::StrCat(experts)));
    }
    std::vector<float> means;
    for (size_t i = 0; i < experts; ++i) {
      AppendMeans(matrix, known == 1 ? 0 : expert.value_or(0) + i, &means);
    }
    DerivedTensor derived;
    std::vector<int64_t> shape = {tensor.shape.back()};
    if (has_all) shape.insert(shape.begin(), tensor.shape[0]);
    derived.view = {absl::StrCat(name, kImportanceSuffix), ir::DType::kF32, "F32", shape, nullptr,
                    means.size() * sizeof(float)};
    // Of its first axis: columns, or experts.
    const size_t row = has_all ? columns : 1;
    derived.write = [means = std::move(means), row](int64_t begin, int64_t end, std::byte* to) {
      std::memcpy(to, means.data() + static_cast<size_t>(begin) * row,
                  static_cast<size_t>(end - begin) * row * sizeof(float));
      return absl::OkStatus();
    };
    checkpoint->Add(std::move(derived));
  }
  if (used.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat(importance.path, ": names no matrix of the model"));
  }
  for (const auto& [name, matrix] : importance.matrices) {
    if (used.count(name) > 0) continue;
    notes->push_back(
        absl::StrCat(importance.path, ": is of another model, or of more: ",
                     importance.matrices.size() - used.size(), " of ", importance.matrices.size(),
                     " matrices are not in this one, such as '", base::QuoteName(name), "'"));
    break;
  }
  return absl::OkStatus();
}

}  // namespace lluda::frontends::gguf
