// Recognises layer norm: an rmsnorm of differences from the mean, and a vector that is added.
//
// Before:
//   %s = reduce_sum %x over hid : f32 tok[T]
//   %m = scale %s {by = 0.0009765625} : f32 tok[T]
//   %c = sub %x %m : f32 tok[T] hid[1024]
//   %n = rmsnorm %c @norm over hid {eps = 1e-05} : f32 tok[T] hid[1024]
//   %h = add %n @bias : f32 tok[T] hid[1024]
// After:
//   %h = layernorm %x @norm @bias over hid {eps = 1e-05} : f32 tok[T] hid[1024] by fuse-layer-norm
//
// Does not fire when:
// - the factor is not one over the number of elements, as f32;
// - the sum or the norm is over another axis;
// - what is added is no vector along that axis;
// - a statement in between has a further user, which would keep it alive;
// - the arithmetic is not f32: rounding after each statement is not what `layernorm` does;
// - a statement stands outside the loop of the last one, or reads a state's declaration, which may
//   be appended to in between.
//
// Needs: to run before fuse-epilogue, which folds the cast behind it.
#ifndef LLUDA_PASSES_FUSE_FUSE_LAYER_NORM_H_
#define LLUDA_PASSES_FUSE_FUSE_LAYER_NORM_H_

#include "passes/framework/pass.h"

namespace lluda::passes {

class FuseLayerNorm : public Pass {
 public:
  absl::string_view name() const override { return "fuse-layer-norm"; }
  absl::StatusOr<bool> Run(ir::Module* module) override;
};

}  // namespace lluda::passes

#endif  // LLUDA_PASSES_FUSE_FUSE_LAYER_NORM_H_
