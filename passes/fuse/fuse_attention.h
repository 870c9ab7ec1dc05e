// Recognises causal attention over a cache of keys and values.
//
// Before:
//   %ks = append @k_cache[layer] %k over slot pos at %slot %pos : bf16 slot[S] kv[8] pos[C]
//   dim[128] %vs = append @v_cache[layer] %v over slot pos at %slot %pos : bf16 slot[S] kv[8]
//   pos[C] dim[128] %kx = gather %ks over slot at %slot : bf16 tok[T] kv[8] pos[C] dim[128] %vx =
//   gather %vs over slot at %slot : bf16 tok[T] kv[8] pos[C] dim[128] %s0 = matmul %q %kx over dim
//   : f32 tok[T] kv[8] rep[2] pos[C] %s1 = scale %s0 {by = 0.125} : f32 tok[T] kv[8] rep[2] pos[C]
//   %s2 = causal_mask %s1 over pos at %pos : f32 tok[T] kv[8] rep[2] pos[C]
//   %p = softmax %s2 over pos : f32 tok[T] kv[8] rep[2] pos[C]
//   %o = matmul %p %vx over pos : f32 tok[T] kv[8] rep[2] dim[128]
// After (the two appends stay):
//   %o = attention %q %ks %vs over slot pos dim at %pos %slot {mask = causal, scale = 0.125}
//     : f32 tok[T] kv[8] rep[2] dim[128] by fuse-attention
//
// A window of the mask becomes one of the attention. Scores may be capped between scale and mask:
// `scale {by = 1/c}`, `tanh`, `scale {by = c}` becomes {softcap = c}.
//
// A cache of integers is read as `mul` of the `cast` of one such gather with that of its scales;
// the appended scales then follow the slots: `at %pos %slot %kss %vss`.
//
// Does not fire when:
// - the mask or the scale is missing, or the mask is over another axis;
// - the scale before a softcap's tanh is not one over the scale after it;
// - keys, values and mask do not agree on slots and positions;
// - a statement in between has a further user (of the probabilities, say), which needs the value
//   that the fused op never stores;
// - scores, probabilities or result are not f32;
// - one of the two states may be written again before the result is computed;
// - a statement stands outside the loop of the last one, or reads a state's declaration, which may
//   be appended to in between.
//
// Needs: fuse-softmax before it.
#ifndef LLUDA_PASSES_FUSE_FUSE_ATTENTION_H_
#define LLUDA_PASSES_FUSE_FUSE_ATTENTION_H_

#include "passes/framework/pass.h"

namespace lluda::passes {

class FuseAttention : public Pass {
 public:
  absl::string_view name() const override { return "fuse-attention"; }
  absl::StatusOr<bool> Run(ir::Module* module) override;
};

}  // namespace lluda::passes

#endif  // LLUDA_PASSES_FUSE_FUSE_ATTENTION_H_
