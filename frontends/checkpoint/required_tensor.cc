#include "frontends/checkpoint/required_tensor.h"

#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "ir/type/encoding.h"

namespace lluda::frontends {
namespace {

std::string ShapeText(const std::vector<int64_t>& shape) {
  return absl::StrCat("[", absl::StrJoin(shape, ", "), "]");
}

// "BF16, F16, F32" and, for a matrix, the block dtypes.
std::string SupportedDTypes(bool is_matrix) {
  std::vector<std::string> names;
  for (size_t i = 0; i < ir::kDTypeCount; ++i) {
    const auto dtype = static_cast<ir::DType>(i);
    if (!ir::IsFloat(dtype) && !(is_matrix && ir::IsBlock(dtype))) continue;
    names.push_back(absl::AsciiStrToUpper(ir::DTypeName(dtype)));
  }
  return absl::StrJoin(names, ", ");
}

}  // namespace

absl::StatusOr<TensorInfo> RequireTensor(const TensorLookup& lookup,
                                         const std::string& checkpoint_name,
                                         const std::string& name,
                                         const std::vector<int64_t>& shape) {
  const std::string label = absl::StrCat(checkpoint_name, ": tensor '", name, "'");
  std::optional<TensorInfo> info = lookup(name);
  if (!info) {
    return absl::NotFoundError(
        absl::StrCat(label, " is missing, config.json asks for one of shape ", ShapeText(shape)));
  }
  if (WithoutLeadingOnes(info->shape) != WithoutLeadingOnes(shape)) {
    return absl::InvalidArgumentError(absl::StrCat(label, " has shape ", ShapeText(info->shape),
                                                   ", config.json asks for ", ShapeText(shape)));
  }
  const bool is_matrix = shape.size() >= 2;
  const bool in_blocks = is_matrix && info->dtype && ir::IsBlock(*info->dtype);
  if (!info->dtype || !(ir::IsFloat(*info->dtype) || in_blocks)) {
    return absl::UnimplementedError(absl::StrCat(label, " is ", info->dtype_name,
                                                 ", supported are ", SupportedDTypes(is_matrix)));
  }
  const int64_t block = ir::EncodingOf(*info->dtype).elements;
  if (shape.back() % block != 0) {
    return absl::InvalidArgumentError(absl::StrCat(label, " is ", info->dtype_name, ", and ",
                                                   shape.back(), " elements of a row are not whole",
                                                   " blocks of ", block));
  }
  return *std::move(info);
}

}  // namespace lluda::frontends
