#include "engine/source/checkpoint_weights.h"

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace lluda::engine {

void CheckpointWeights::Prefetch() const {
  for (const frontends::TensorFile& file : checkpoint_->files()) {
    for (const frontends::TensorView& tensor : file.tensors()) file.WillNeed(tensor);
  }
}

absl::StatusOr<const void*> CheckpointWeights::Data(const std::string& tensor, int64_t bytes) {
  ASSIGN_OR_RETURN(const frontends::TensorView* view, checkpoint_->Get(tensor));
  if (static_cast<int64_t>(view->bytes) != bytes) {
    return absl::InvalidArgumentError(
        absl::StrCat("tensor '", tensor, "' has ", view->bytes, " bytes, the model needs ", bytes));
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
