// Brings chains of layout statements to their shortest form and removes what does nothing.
//
// Before:
//   %q0 = slice %qkv qkv 0..16 as q[16] : f32 tok[T] q[16]
//   %q1 = split %q0 q -> head[2] dim[8] : f32 tok[T] head[2] dim[8]
//   %q2 = cast %q1 {out = f32} : f32 tok[T] head[2] dim[8]
// After:
//   %q1 = slice %qkv qkv 0..16 as head[2] dim[8] : f32 tok[T] head[2] dim[8] by canonicalize
// with %q1 in the place of %q2. The rules are the table at the end of canonicalize.cc: casts,
// permutes and slices that change nothing, `scale` by 1, one split, merge, slice or permute of
// another, a merge that undoes a split and the reverse, and, in the load block, a pack of a concat
// or of a permute.
//
// Does not fire when: the rewrite would change a type or a rounding. Arithmetic on floats is never
// reordered.
// Needs: nothing.
#ifndef LLUDA_PASSES_TIDY_CANONICALIZE_H_
#define LLUDA_PASSES_TIDY_CANONICALIZE_H_

#include "passes/framework/pass.h"

namespace lluda::passes {

class Canonicalize : public Pass {
 public:
  absl::string_view name() const override { return "canonicalize"; }
  absl::StatusOr<bool> Run(ir::Module* module) override;
};

}  // namespace lluda::passes

#endif  // LLUDA_PASSES_TIDY_CANONICALIZE_H_
