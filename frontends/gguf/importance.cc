#include "frontends/gguf/importance.h"

#include <cmath>
#include <cstring>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/status_macros.h"
#include "frontends/checkpoint/tensor_info.h"
#include "frontends/gguf/architectures.h"
#include "frontends/gguf/file/gguf_file.h"
#include "frontends/gguf/file/gguf_writer.h"

namespace lluda::frontends::gguf {
namespace {

constexpr char kSums[] = ".in_sum2";
constexpr char kCounts[] = ".counts";
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

// What a matrix's two tensors say; its experts, which have a count each, are added up.
absl::StatusOr<Importance::Matrix> MatrixOf(const std::string& path, const Tensor& sums,
                                            const Tensor& counts) {
  ASSIGN_OR_RETURN(const std::vector<float> squares, NumbersOf(path, sums));
  ASSIGN_OR_RETURN(const std::vector<float> tokens, NumbersOf(path, counts));
  const auto columns = static_cast<size_t>(sums.shape.back());
  Importance::Matrix matrix;
  matrix.sums.assign(columns, 0);
  for (size_t i = 0; i < squares.size(); ++i) matrix.sums[i % columns] += squares[i];
  for (const float count : tokens) matrix.count += count;
  return matrix;
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
    const auto columns = static_cast<int64_t>(matrix.sums.size());
    writer.Tensor(absl::StrCat(name, kSums), 0, {columns, 1}, FloatsOf(matrix.sums));
    writer.Tensor(absl::StrCat(name, kCounts), 0, {1, 1}, FloatsOf({matrix.count}));
  }
  return writer.Bytes();
}

absl::Status AddImportance(const Importance& importance, bool is_tied, Checkpoint* checkpoint) {
  bool is_of_model = false;
  for (const std::string& name : checkpoint->Names()) {
    const TensorView& tensor = *checkpoint->Find(name);
    if (tensor.shape.size() < 2) continue;
    const std::string file_name = FileName(name);
    auto found = importance.matrices.find(file_name);
    if (file_name == kEmbeddingTensor && is_tied && importance.matrices.count(kHeadTensor) > 0) {
      found = importance.matrices.find(kHeadTensor);
    }
    if (found == importance.matrices.end()) continue;
    is_of_model = true;
    if (found->second.count == 0) continue;
    const Importance::Matrix& matrix = found->second;
    const int64_t columns = tensor.shape.back();
    if (static_cast<int64_t>(matrix.sums.size()) != columns) {
      return absl::InvalidArgumentError(absl::StrCat("the importance matrix has ",
                                                     matrix.sums.size(), " columns for ",
                                                     found->first, ", the model has ", columns));
    }
    std::vector<float> means;
    for (const double sum : matrix.sums) means.push_back(static_cast<float>(sum / matrix.count));
    DerivedTensor derived;
    derived.view = {
        absl::StrCat(name, kImportanceSuffix), ir::DType::kF32, "F32", {columns}, nullptr,
        means.size() * sizeof(float)};
    derived.write = [means = std::move(means)](int64_t begin, int64_t end, std::byte* to) {
      std::memcpy(to, means.data() + begin, static_cast<size_t>(end - begin) * sizeof(float));
      return absl::OkStatus();
    };
    checkpoint->Add(std::move(derived));
  }
  if (is_of_model) return absl::OkStatus();
  return absl::InvalidArgumentError("the importance matrix names no matrix of the model");
}

}  // namespace lluda::frontends::gguf
