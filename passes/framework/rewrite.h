// Rewrites that every pass needs, keeping names and provenance right.
//
// Replacing `%q4 = cast %q3 {out = bf16}` by a rope:
//   ASSIGN_OR_RETURN(Op* rope, ReplaceOp(cast, Opcode::kRope, {x, cos, sin}, attrs, name()));
//   EraseDeadChain(concat);
// gives `%q4 = rope ... by fuse-rope`: the new op has the old one's place, name and uses.
#ifndef LLUDA_PASSES_FRAMEWORK_REWRITE_H_
#define LLUDA_PASSES_FRAMEWORK_REWRITE_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "ir/graph.h"
#include "ir/statement_name.h"

namespace lluda::passes {

// True when the op does more than compute its result: terminators, appends, calls of functions that
// append, loops whose body does, and ops that define a global. Such an op is never removed because
// its result is unused, nor merged with an equal one.
bool HasEffect(const ir::Op& op);
// True when the op, or a function it calls, reads a state directly: what it computes depends on the
// appends before it.
bool ReadsState(const ir::Op& op);

// A name starting with `hint` that no value has in the function, or in the load block, that `block`
// belongs to.
std::string UniqueValueName(const ir::Block& block, absl::string_view hint);

// Inserts an op before `position`, with its type inferred and a name starting with `hint`. The
// error is InferType's, and nothing is inserted.
absl::StatusOr<ir::Op*> InsertOp(const ir::Op* position, absl::string_view hint, ir::Opcode opcode,
                                 std::vector<ir::Operand> operands, ir::Attrs attrs,
                                 absl::string_view by);
// Puts a new op in the place of `op`, under the same name (or defining the same global), with all
// its uses, and erases `op`. The type must come out as it was; it is an Internal error, and nothing
// is changed, when it does not.
absl::StatusOr<ir::Op*> ReplaceOp(ir::Op* op, ir::Opcode opcode, std::vector<ir::Operand> operands,
                                  ir::Attrs attrs, absl::string_view by);
// Makes every use of the op's result read `replacement` and erases the op.
void ReplaceOpByOperand(ir::Op* op, ir::Operand replacement);

// Erases `op` if it has no effect and no use, then what only it used, and so on; true when anything
// was erased.
bool EraseDeadChain(ir::Op* op);

// "attn", or "load" inside the load block; what Miss::func holds.
std::string FuncName(const ir::Block& block);
// What Miss::statement holds.
using ir::StatementName;

}  // namespace lluda::passes

#endif  // LLUDA_PASSES_FRAMEWORK_REWRITE_H_
