// Which of the checkpoint's modules a statement computes, told by the names of the weights it
// reads.
//
//   ModulePath(op)   // of attn.qkv: "model.layers.{layer}.self_attn.{q_proj, k_proj, v_proj}"
//                    // of attn.q4, a RoPE: "model.layers.{layer}.self_attn"
#ifndef LLUDA_TOOLS_INSPECT_MODULE_PATH_H_
#define LLUDA_TOOLS_INSPECT_MODULE_PATH_H_

#include <string>

#include "ir/graph.h"

namespace lluda::tools {

// A statement without weights belongs to what the nearest statements before it that have some are
// parts of. "" if there are none.
std::string ModulePath(const ir::Op& op);

}  // namespace lluda::tools

#endif  // LLUDA_TOOLS_INSPECT_MODULE_PATH_H_
