// Adds to a residual in the statement that normalises what is added.
//
// Before:
//   %n = rmsnorm %y0 @post_norm[layer] over hid {eps = 1e-06} : f32 tok[T] hid[1152]
//   %y = add %x %n : f32 tok[T] hid[1152]
// After:
//   %y = rmsnorm_add %y0 @post_norm[layer] %x over hid {eps = 1e-06} : f32 tok[T] hid[1152]
//       by fuse-norm-add
//
// No bit of the result changes: the norm is f32, and so is the sum.
//
// Does not fire when:
// - the norm has a further user;
// - what is added is not of the norm's type, a vector say;
// - the norm is not f32, or reads what is not;
// - the norm stands outside the loop of the sum, or reads a state's declaration, which may be appended
//   to in between.
//
// Needs: fuse-layer-norm before it, whose sum of a norm and a vector is not this one.
#ifndef LLUDA_PASSES_FUSE_FUSE_NORM_ADD_H_
#define LLUDA_PASSES_FUSE_FUSE_NORM_ADD_H_

#include "passes/framework/pass.h"

namespace lluda::passes {

class FuseNormAdd : public Pass {
 public:
  absl::string_view name() const override { return "fuse-norm-add"; }
  absl::StatusOr<bool> Run(ir::Module* module) override;
};

}  // namespace lluda::passes

#endif  // LLUDA_PASSES_FUSE_FUSE_NORM_ADD_H_
