// What a module is compiled to, as text: where everything lies in memory, and the calls in order.
//
//   absl::StatusOr<std::string> text = PlanText(*module, program, "attn");
//   frames: 9699328 bytes
//   @attn: 9437184 bytes
//     %h at 8388608, 1048576 bytes, statements 0..1
//   ...
//   step: 427 calls
//     28 times:
//       attn[0].h  rmsnorm_f32_bf16_bf16_Tx1024_avx512bf16_9(frame+65536, model...) ->
//       frame+8454144
//       ...
//       & attn[0].vs  ...          & runs side by side with the call above
#ifndef LLUDA_TOOLS_INSPECT_IR_PLAN_H_
#define LLUDA_TOOLS_INSPECT_IR_PLAN_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "ir/graph.h"
#include "runtime/program.h"

namespace lluda::tools {

// Of one function ("attn", "@attn", "load") or, if `func` is empty, of the whole module, which has
// gone through plan-memory and was compiled to `program`. InvalidArgument if there is no such
// function.
absl::StatusOr<std::string> PlanText(const ir::Module& module, const runtime::Program& program,
                                     absl::string_view func);

}  // namespace lluda::tools

#endif  // LLUDA_TOOLS_INSPECT_IR_PLAN_H_
