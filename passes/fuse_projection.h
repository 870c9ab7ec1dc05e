// Moves what is done to the heads of a projection into its matmul: the norm and the rotation of q
// and k, and the appends of k and v to their caches.
//
// Before:
//   %k0 = matmul %h @wk over hid : f32 tok[T] kd[1024]
//   %k1 = split %k0 kd -> kv[8] dim[128] : f32 tok[T] kv[8] dim[128]
//   %k2 = rmsnorm %k1 @k_norm over dim {eps = 1e-06} : f32 tok[T] kv[8] dim[128]
//   %k3 = rope %k2 %cos %sin over dim {style = half} : f32 tok[T] kv[8] dim[128]
// After:
//   %k3 = matmul %h @wk @k_norm %cos %sin over hid -> kv[8] dim[128] {epilogue = norm_rope,
//       eps = 1e-06, style = half} : f32 tok[T] kv[8] dim[128] by fuse-projection
//
// Before (or with a split matmul without epilogue, which becomes `epilogue = append`):
//   %k4 = cast %k3 {out = bf16} : bf16 tok[T] kv[8] dim[128]
//   %ks = append @k_cache %k4 over slot pos at %slot %pos : bf16 slot[S] kv[8] pos[C] dim[128]
// After:
//   %ks = matmul %h @wk @k_norm %cos %sin @k_cache over hid slot pos -> kv[8] dim[128] at %slot
//   %pos
//       {epilogue = norm_rope_append, eps = 1e-06, out = bf16, style = half} : bf16 slot[S] kv[8]
//       pos[C] dim[128] by fuse-projection
//
// No bit of any result changes: what is fused is f32 before it, and is computed in f32.
//
// Does not fire when:
// - a statement in between has a further user, or stands in another block than the last one;
// - the heads' last axis is no whole number of a panel's rows, or the norm or the rope goes along
//   another one;
// - the matmul has another epilogue, or its result, or the norm's, is not f32;
// - what is appended was rounded before, or is no float;
// - a statement in between reads a state's declaration, which may be appended to in between.
// Needs: fuse-rope before it, and fuse-attention, which looks for the appends. To be before
// merge-matmul, which leaves what is fused here alone.
#ifndef LLUDA_PASSES_FUSE_PROJECTION_H_
#define LLUDA_PASSES_FUSE_PROJECTION_H_

#include "passes/pass.h"

namespace lluda::passes {

class FuseProjection : public Pass {
 public:
  absl::string_view name() const override { return "fuse-projection"; }
  absl::StatusOr<bool> Run(ir::Module* module) override;

 private:
  // Each looks at one statement, replaces it if it can, and returns whether it did.
  bool FuseNormRope(ir::Op* rope);
  bool FuseAppend(ir::Op* append);
  // Puts a matmul in the place of `op`, and erases the chain that led to it; false after a miss.
  bool Replace(ir::Op* op, ir::Op* chain, std::vector<ir::Operand> operands, ir::Attrs attrs);
  // Why the split does not make heads of the matmul's columns; "" when it does.
  std::string HeadsObstacle(const ir::Op& split, const ir::Op& matmul) const;
};

}  // namespace lluda::passes

#endif  // LLUDA_PASSES_FUSE_PROJECTION_H_
