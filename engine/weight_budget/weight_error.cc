#include "engine/weight_budget/weight_error.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "frontends/checkpoint/tensor_info.h"
#include "ir/type/blocks.h"
#include "ir/type/encoding.h"

namespace lluda::engine {
namespace {

using frontends::Checkpoint;
using frontends::TensorView;

// Rows that stand for all of a matrix: of one that exists once, and of one that each layer has.
constexpr int64_t kRowsOfSingle = 128;
constexpr int64_t kRowsOfLayer = 16;

float Widen(ir::DType dtype, const std::byte* element) {
  if (dtype == ir::DType::kF32) {
    float value = 0;
    std::memcpy(&value, element, sizeof(value));
    return value;
  }
  uint16_t bits = 0;
  std::memcpy(&bits, element, sizeof(bits));
  return dtype == ir::DType::kBF16 ? ir::BF16ToFloat(bits) : ir::F16ToFloat(bits);
}

// One row of the tensor's last axis, as f32; its leading axes are one.
absl::StatusOr<std::vector<float>> RowOf(const Checkpoint& checkpoint, const TensorView& tensor,
                                         int64_t row, int64_t columns) {
  const int64_t bytes = ir::BytesOf(*tensor.dtype, columns);
  std::vector<std::byte> made;
  const std::byte* elements = tensor.data + row * bytes;
  if (const frontends::DerivedTensor* derived = checkpoint.DerivedOf(tensor)) {
    // It is made by rows of its first axis.
    const int64_t inner = static_cast<int64_t>(tensor.bytes) / bytes / tensor.shape[0];
    made.resize(static_cast<size_t>(inner * bytes));
    RETURN_IF_ERROR(derived->write(row / inner, row / inner + 1, made.data()));
    elements = made.data() + row % inner * bytes;
  }
  std::vector<float> values;
  const int64_t size = bytes / columns;
  for (int64_t i = 0; i < columns; ++i) {
    values.push_back(Widen(*tensor.dtype, elements + i * size));
  }
  return values;
}

// What an error in each column costs; empty where nothing is known of them.
absl::StatusOr<std::vector<float>> ImportanceOf(const Checkpoint& checkpoint,
                                                const std::string& name, int64_t columns) {
  const TensorView* importance = checkpoint.Find(absl::StrCat(name, frontends::kImportanceSuffix));
  if (importance == nullptr) return std::vector<float>();
  ASSIGN_OR_RETURN(const frontends::TensorBytes bytes, checkpoint.Read(importance->name));
  std::vector<float> values(static_cast<size_t>(columns));
  std::memcpy(values.data(), bytes.span.data(), values.size() * sizeof(float));
  return values;
}

WeightError ErrorOf(const std::vector<float>& row, ir::DType type,
                    const std::vector<float>& importance) {
  std::vector<std::byte> blocks(
      static_cast<size_t>(ir::BytesOf(type, static_cast<int64_t>(row.size()))));
  absl::Span<const float> searched_by;
  if (ir::TakesImportance(type)) searched_by = importance;
  ir::EncodeBlocks(type, row, absl::MakeSpan(blocks), searched_by);
  std::vector<float> decoded(row.size());
  ir::DecodeBlocks(type, blocks, absl::MakeSpan(decoded));
  WeightError error;
  for (size_t i = 0; i < row.size(); ++i) {
    const double weight = importance.empty() ? 1 : importance[i];
    const double by = static_cast<double>(decoded[i]) - row[i];
    error.squares += weight * by * by;
    error.of += weight * row[i] * row[i];
  }
  return error;
}

}  // namespace

absl::StatusOr<std::vector<WeightError>> ErrorsOf(const Checkpoint& checkpoint,
                                                  const frontends::decoder::Matrix& matrix,
                                                  absl::Span<const ir::DType> types) {
  std::vector<WeightError> errors(types.size());
  const auto tensors = static_cast<int64_t>(matrix.tensors.size());
  const int64_t rows = matrix.rows / tensors;  // of each
  const int64_t sampled = std::min(matrix.rows, matrix.layer ? kRowsOfLayer : kRowsOfSingle);
  for (int64_t i = 0; i < sampled; ++i) {
    const int64_t at = i * matrix.rows / sampled;
    const std::string& name = matrix.tensors[static_cast<size_t>(at / rows)];
    ASSIGN_OR_RETURN(const TensorView* tensor, checkpoint.Get(name));
    ASSIGN_OR_RETURN(const std::vector<float> row,
                     RowOf(checkpoint, *tensor, at % rows, matrix.columns));
    ASSIGN_OR_RETURN(const std::vector<float> importance,
                     ImportanceOf(checkpoint, name, matrix.columns));
    for (size_t type = 0; type < types.size(); ++type) {
      errors[type].Add(ErrorOf(row, types[type], importance));
    }
  }
  return errors;
}

}  // namespace lluda::engine
