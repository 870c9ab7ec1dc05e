// Keeps the first of several statements that compute the same.
//
// Before:
//   %a = cast %x {out = bf16} : bf16 tok[T] hid[8]
//   %b = cast %x {out = bf16} : bf16 tok[T] hid[8]
//   %c = matmul %a @w over hid : f32 tok[T] q[8]
//   %d = matmul %b @w over hid : f32 tok[T] q[8]
// After:
//   %a = cast %x {out = bf16} : bf16 tok[T] hid[8]
//   %c = matmul %a @w over hid : f32 tok[T] q[8]
// with every use of %b and %d reading %a and %c. Of two equal globals of the load block the first
// is kept, too.
//
// Does not fire when: the statement appends or reads a state directly (what it sees depends on the
// appends before it), operands are merely swapped, or the first stands in a loop that the second is
// not in.
// Needs: nothing.
#ifndef LLUDA_PASSES_TIDY_CSE_H_
#define LLUDA_PASSES_TIDY_CSE_H_

#include "passes/framework/pass.h"

namespace lluda::passes {

class Cse : public Pass {
 public:
  absl::string_view name() const override { return "cse"; }
  absl::StatusOr<bool> Run(ir::Module* module) override;
};

}  // namespace lluda::passes

#endif  // LLUDA_PASSES_TIDY_CSE_H_
