// The weights that a bundle holds, as values of its module: what the step reads of packed tensors
// and of those that it takes as the checkpoint has them. Where each lies, the calls say.
//
//   auto weights = BundleWeights::Create(*module, program, bundle->weights());
//   absl::StatusOr<ir::Tensor> wqkv = weights->Read(*module->FindGlobal("wqkv"), /*index=*/3);
#ifndef LLUDA_TOOLS_VERIFY_BUNDLE_WEIGHTS_H_
#define LLUDA_TOOLS_VERIFY_BUNDLE_WEIGHTS_H_

#include <cstdint>
#include <map>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "ir/graph.h"
#include "ir/interpreter/tensor.h"
#include "runtime/program.h"

namespace lluda::tools {

class BundleWeights {
 public:
  // `program` is what `module` was compiled to, its calls statements of it; `bytes`, its loaded
  // memory, must outlive this.
  BundleWeights(const ir::Module& module, const runtime::Program& program, absl::string_view bytes);

  // InvalidArgument if it does not lie inside the bytes; NotFound if no call reads it.
  absl::StatusOr<ir::Tensor> Read(const ir::Global& global, int64_t index) const;

 private:
  absl::string_view bytes_;
  std::map<std::pair<std::string, int64_t>, int64_t> offsets_;  // by name and index
};

}  // namespace lluda::tools

#endif  // LLUDA_TOOLS_VERIFY_BUNDLE_WEIGHTS_H_
