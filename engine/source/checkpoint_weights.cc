#include "engine/source/checkpoint_weights.h"

#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "ir/type/blocks.h"
#include "ir/type/encoding.h"

namespace lluda::engine {
namespace {

// Rows of a derived tensor, or pieces of one that is checked, that a thread takes at a time.
constexpr int64_t kRows = 64;

frontends::RunRows RunOn(runtime::ThreadPool* pool) {
  if (pool == nullptr) return nullptr;
  return [pool](int64_t items, const std::function<void(int64_t, int64_t)>& body) {
    pool->ParallelFor(items, kRows, [&](int64_t begin, int64_t end, int) { body(begin, end); });
  };
}

}  // namespace

void CheckpointWeights::Prefetch() const {
  for (const frontends::TensorFile& file : checkpoint_->files()) {
    for (const frontends::TensorView& tensor : file.tensors()) file.WillNeed(tensor);
  }
}

absl::string_view CheckpointWeights::FileOf(const frontends::TensorView& tensor) const {
  if (const frontends::DerivedTensor* derived = checkpoint_->DerivedOf(tensor)) {
    return derived->parts.empty() ? "checkpoint" : FileOf(derived->parts[0]);
  }
  for (const frontends::TensorFile& file : checkpoint_->files()) {
    if (file.Contains(tensor)) return file.path();
  }
  return "checkpoint";
}

absl::StatusOr<const void*> CheckpointWeights::Data(const std::string& tensor, int64_t bytes) {
  const size_t begin = tensor.find('{');
  const size_t end = begin == std::string::npos ? begin : tensor.find('}', begin);
  if (end == std::string::npos || checkpoint_->Find(tensor) != nullptr) return View(tensor, bytes);
  std::vector<char> stack;
  for (int64_t i = 0; static_cast<int64_t>(stack.size()) < bytes; ++i) {
    const std::string name =
        absl::StrCat(tensor.substr(0, begin), i, absl::string_view(tensor).substr(end + 1));
    ASSIGN_OR_RETURN(const frontends::TensorView* view, checkpoint_->Get(name));
    ASSIGN_OR_RETURN(const void* data, View(name, static_cast<int64_t>(view->bytes)));
    const char* elements = static_cast<const char*>(data);
    stack.insert(stack.end(), elements, elements + view->bytes);
    Release(name, 0, static_cast<int64_t>(view->bytes));
  }
  if (static_cast<int64_t>(stack.size()) != bytes) {
    return absl::InvalidArgumentError(absl::StrCat("tensors '", tensor, "' have ", stack.size(),
                                                   " bytes, the model needs ", bytes));
  }
  return (stacks_[tensor] = std::move(stack)).data();
}

absl::StatusOr<const void*> CheckpointWeights::View(const std::string& tensor, int64_t bytes) {
  ASSIGN_OR_RETURN(const frontends::TensorView* view, checkpoint_->Get(tensor));
  if (static_cast<int64_t>(view->bytes) != bytes) {
    return absl::InvalidArgumentError(
        absl::StrCat("tensor '", tensor, "' has ", view->bytes, " bytes, the model needs ", bytes));
  }
  if (checkpoint_->DerivedOf(*view) != nullptr) {
    frontends::TensorBytes& made = made_[tensor];
    if (made.made == nullptr) {
      ASSIGN_OR_RETURN(made, checkpoint_->Read(tensor, RunOn(pool_)));
      RETURN_IF_ERROR(Check(tensor, *view, made.span));
    }
    return made.span.data();
  }
  RETURN_IF_ERROR(Check(tensor, *view, view->span()));
  return view->data;
}

absl::Status CheckpointWeights::Check(const std::string& name, const frontends::TensorView& view,
                                      absl::Span<const std::byte> bytes) const {
  if (!view.dtype) return absl::OkStatus();
  absl::Status status;
  if (ir::IsBlock(*view.dtype)) status = ir::CheckBlockScales(*view.dtype, bytes);
  if (const auto quantised = quantised_.find(name); quantised != quantised_.end()) {
    for (const ir::DType to : quantised->second) {
      status.Update(CheckQuantises(*view.dtype, bytes, to, RunOn(pool_)));
    }
  }
  if (status.ok()) return status;
  return absl::InvalidArgumentError(
      absl::StrCat(FileOf(view), ": tensor '", view.name, "': ", status.message()));
}

void CheckpointWeights::Release(const std::string& tensor, int64_t offset, int64_t bytes) {
  if (const auto stack = stacks_.find(tensor); stack != stacks_.end()) {
    if (static_cast<int64_t>(stack->second.size()) == bytes) stacks_.erase(stack);
    return;
  }
  const frontends::TensorView* view = checkpoint_->Find(tensor);
  if (view == nullptr) return;
  if (const frontends::DerivedTensor* derived = checkpoint_->DerivedOf(*view)) {
    if (offset > 0 || bytes < static_cast<int64_t>(view->bytes)) return;
    made_.erase(tensor);
    for (const frontends::TensorView& part : derived->parts) checkpoint_->DropPages(part);
    return;
  }
  frontends::TensorView part = *view;
  part.data += offset;
  part.bytes = static_cast<size_t>(bytes);
  checkpoint_->DropPages(part);
}

}  // namespace lluda::engine
