#include "frontends/checkpoint/tensor_file.h"

#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/json/json.h"

namespace lluda::frontends {

TensorFile::TensorFile(std::string path, std::shared_ptr<const base::MappedFile> file,
                       std::vector<TensorView> tensors)
    : path_(std::move(path)), file_(std::move(file)), tensors_(std::move(tensors)) {
  for (const TensorView& tensor : tensors_) by_name_.emplace(tensor.name, &tensor);
}

const TensorView* TensorFile::Find(absl::string_view name) const {
  const auto found = by_name_.find(name);
  return found == by_name_.end() ? nullptr : found->second;
}

absl::StatusOr<const TensorView*> TensorFile::Get(absl::string_view name) const {
  const std::string where = absl::StrCat(path_, ": tensor '", base::QuoteName(name), "' ");
  const TensorView* tensor = Find(name);
  if (tensor == nullptr) return absl::NotFoundError(absl::StrCat(where, "is missing"));
  if (!tensor->dtype) {
    return absl::UnimplementedError(
        absl::StrCat(where, "has dtype ", tensor->dtype_name, ", which is not supported"));
  }
  return tensor;
}

}  // namespace lluda::frontends
