// Moves what is done to the heads of a projection into its matmul: bias, norm, rotation, and the
// append to a cache.
//
// Each statement that a step on heads stands for (ir/op/epilogue.def) is looked at in the order of
// execution. On a split matmul it becomes the first of these steps, on a matmul that ends in other
// steps the next one:
//   %k0 = matmul %h @wk over hid : f32 tok[T] kd[1024]
//   %k1 = split %k0 kd -> kv[8] dim[128] : f32 tok[T] kv[8] dim[128]
//   %k2 = rmsnorm %k1 @k_norm over dim {eps = 1e-06} : f32 tok[T] kv[8] dim[128]
//   %k3 = rope %k2 %cos %sin over dim {style = half} : f32 tok[T] kv[8] dim[128]
//   %k4 = cast %k3 {out = bf16} : bf16 tok[T] kv[8] dim[128]
//   %ks = append @k_cache %k4 over slot pos at %slot %pos : bf16 slot[S] kv[8] pos[C] dim[128]
// becomes, at %k2 and every type left out,
//   %k2 = matmul %h @wk @k_norm over hid -> kv[8] dim[128] {epilogue = norm, eps = 1e-06}
// then, at %k3,
//   %k3 = matmul %h @wk @k_norm %cos %sin over hid -> kv[8] dim[128] {epilogue = norm rope, ...}
// and, at %ks,
//   %ks = matmul %h @wk @k_norm %cos %sin @k_cache over hid slot pos -> kv[8] dim[128]
//       at %slot %pos {epilogue = norm rope append, eps = 1e-06, out = bf16, style = half}
//
// A vector that is added to the columns before the split comes along as the step `bias`:
//   %q0 = matmul %h @wq over hid : f32 tok[T] q[2048]
//   %q1 = add %q0 @bq : f32 tok[T] q[2048]
//   %q2 = split %q1 q -> kv[8] rep[2] dim[128] : f32 tok[T] kv[8] rep[2] dim[128]
//   %q3 = rope %q2 %cos %sin over dim {style = half} : f32 tok[T] kv[8] rep[2] dim[128]
// becomes
//   %q3 = matmul %h @wq @bq %cos %sin over hid -> kv[8] rep[2] dim[128] {epilogue = bias rope, ...}
//
// No bit of any result changes: what is fused is f32 before it, and is computed in f32.
//
// Does not fire when:
// - the code is for a GPU whose tensor cores do not multiply it: a head is work for a block of its threads,
//   and there are too few heads;
// - a statement in between has a further user, or stands in another block than the last one;
// - the heads' last axis is no whole number of a panel's rows, or the norm or the rope goes along
//   another one;
// - the matmul has an epilogue that the step cannot follow, or its result is not f32;
// - what is added before the split has other axes than the columns alone;
// - what is appended was rounded before it had a bias, or is no float;
// - a statement in between reads a state's declaration, which may be appended to in between.
// Needs: fuse-rope before it, and fuse-attention, which looks for the appends. To be before
// merge-matmul, which leaves what is fused here alone.
#ifndef LLUDA_PASSES_FUSE_FUSE_PROJECTION_H_
#define LLUDA_PASSES_FUSE_FUSE_PROJECTION_H_

#include "machine/tiles.h"
#include "passes/framework/pass.h"

namespace lluda::passes {

class FuseProjection : public Pass {
 public:
  explicit FuseProjection(machine::DeviceKind device = machine::DeviceKind::kCpu)
      : device_(device) {}
  absl::string_view name() const override { return "fuse-projection"; }
  absl::StatusOr<bool> Run(ir::Module* module) override;

 private:
  // Replaces `op`, which the step stands for, if it can; whether it did.
  bool Fuse(const ir::StepInfo& step, ir::Op* op);

  const machine::DeviceKind device_;
};

}  // namespace lluda::passes

#endif  // LLUDA_PASSES_FUSE_FUSE_PROJECTION_H_
