// Recognises a rotary position embedding written out as slices, products and a concatenation.
//
// The rotation is that of Su et al., "RoFormer" (arXiv:2104.09864), section 3.2.2, with element i
// paired with element i + dim / 2, as Llama and Qwen checkpoints have it.
//
// Before:
//   %qa = slice %q2 dim 0..64 as pair[64] : f32 tok[T] kv[8] pair[64]
//   %qb = slice %q2 dim 64..128 as pair[64] : f32 tok[T] kv[8] pair[64]
//   %t0 = mul %qa %cos : f32 tok[T] kv[8] pair[64]
//   %t1 = mul %qb %sin : f32 tok[T] kv[8] pair[64]
//   %lo = sub %t0 %t1 : f32 tok[T] kv[8] pair[64]
//   %t2 = mul %qb %cos : f32 tok[T] kv[8] pair[64]
//   %t3 = mul %qa %sin : f32 tok[T] kv[8] pair[64]
//   %hi = add %t2 %t3 : f32 tok[T] kv[8] pair[64]
//   %q3 = concat %lo %hi pair -> dim[128] : f32 tok[T] kv[8] dim[128]
// After:
//   %q3 = rope %q2 %cos %sin over dim {style = half} : f32 tok[T] kv[8] dim[128] by fuse-rope
//
// The operands of `mul` and `add` may come in either order.
//
// Does not fire when:
// - a slice is not exactly the first or the second half, or the halves are swapped;
// - the products do not use each table once per half, or a sign is another one;
// - a statement in between has a further user, which would keep it alive;
// - the arithmetic is not f32: rounding after each statement is not what `rope` does;
// - the tables do not have the axis of pairs, or the result's axes would come in another order;
// - a statement stands outside the loop of the last one, or reads a state's declaration, which may
//   be appended to in between.
#ifndef LLUDA_PASSES_FUSE_FUSE_ROPE_H_
#define LLUDA_PASSES_FUSE_FUSE_ROPE_H_

#include "passes/framework/pass.h"

namespace lluda::passes {

class FuseRope : public Pass {
 public:
  absl::string_view name() const override { return "fuse-rope"; }
  absl::StatusOr<bool> Run(ir::Module* module) override;
};

}  // namespace lluda::passes

#endif  // LLUDA_PASSES_FUSE_FUSE_ROPE_H_
