// A module cut down to one statement and what it is computed from, to be read and run by itself.
//
//   absl::StatusOr<std::string> text = SliceText(*module, rope, {"q2", "cos", "sin"});
//   // lluda 1
//   // module @qwen3 {
//   //   symbol T in 1..512
//   //   func @attn[layer < 6](%q2: ..., %cos: ..., %sin: ...) -> ... {
//   //     %q3 = rope %q2 %cos %sin over dim {style = half} : ...
//   //     return %q3
#ifndef LLUDA_TOOLS_VERIFY_VERIFY_SLICE_H_
#define LLUDA_TOOLS_VERIFY_VERIFY_SLICE_H_

#include <set>
#include <string>

#include "absl/status/statusor.h"
#include "ir/graph.h"

namespace lluda::tools {

// `op` with everything before it down to the values named in `inputs`, which become the function's
// parameters, as do results of calls and loops; of an append, what it appends does. Of the load
// block, what the rest reads. Text that
// parses; where `op` defines a global, the load block alone and a function that returns it.
absl::StatusOr<std::string> SliceText(const ir::Module& module, const ir::Op& op,
                                      const std::set<std::string>& inputs);

// The values that `op` reads, through views: what its kernel is given.
std::set<std::string> KernelInputs(const ir::Op& op);

}  // namespace lluda::tools

#endif  // LLUDA_TOOLS_VERIFY_VERIFY_SLICE_H_
