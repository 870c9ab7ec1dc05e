#include "engine/source/checkpoint_weights.h"

#include <optional>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "frontends/tensor_info.h"
#include "ir/type/blocks.h"
#include "ir/type/encoding.h"

namespace lluda::engine {

void CheckpointWeights::Prefetch() const {
  for (const frontends::TensorFile& file : checkpoint_->files()) {
    for (const frontends::TensorView& tensor : file.tensors()) file.WillNeed(tensor);
  }
}

absl::string_view CheckpointWeights::FileOf(const frontends::TensorView& tensor) const {
  for (const frontends::TensorFile& file : checkpoint_->files()) {
    if (file.Contains(tensor)) return file.path();
  }
  return "checkpoint";
}

absl::StatusOr<const void*> CheckpointWeights::Data(const std::string& tensor, int64_t bytes) {
  ASSIGN_OR_RETURN(const frontends::TensorView* view, checkpoint_->Get(tensor));
  if (static_cast<int64_t>(view->bytes) != bytes) {
    return absl::InvalidArgumentError(
        absl::StrCat("tensor '", tensor, "' has ", view->bytes, " bytes, the model needs ", bytes));
  }
  const std::optional<ir::DType> dtype = frontends::IrDType(view->dtype);
  if (dtype && ir::IsBlock(*dtype)) {
    const absl::Status scales = ir::CheckBlockScales(*dtype, view->span());
    if (!scales.ok()) {
      return absl::InvalidArgumentError(
          absl::StrCat(FileOf(*view), ": tensor '", view->name, "': ", scales.message()));
    }
  }
  return view->data;
}

void CheckpointWeights::Release(const std::string& tensor, int64_t offset, int64_t bytes) {
  const frontends::TensorView* view = checkpoint_->Find(tensor);
  if (view == nullptr) return;
  frontends::TensorView part = *view;
  part.data += offset;
  part.bytes = static_cast<size_t>(bytes);
  checkpoint_->DropPages(part);
}

}  // namespace lluda::engine
