// Recognises a softmax over one axis, written the numerically safe way.
//
// Before:
//   %mx = reduce_max %s over pos : f32 tok[T] kv[8]
//   %d = sub %s %mx : f32 tok[T] kv[8] pos[C]
//   %e = exp %d : f32 tok[T] kv[8] pos[C]
//   %z = reduce_sum %e over pos : f32 tok[T] kv[8]
//   %p = div %e %z : f32 tok[T] kv[8] pos[C]
// After:
//   %p = softmax %s over pos : f32 tok[T] kv[8] pos[C] by fuse-softmax
//
// Does not fire when:
// - the maximum and the sum are not over the same axis, or the maximum is of another value;
// - a statement in between has a further user, which would keep it alive;
// - the arithmetic is not f32: rounding after each statement is not what `softmax` does;
// - a statement stands outside the loop of the last one, or reads a state's declaration, which may
//   be appended to in between.
#ifndef LLUDA_PASSES_FUSE_FUSE_SOFTMAX_H_
#define LLUDA_PASSES_FUSE_FUSE_SOFTMAX_H_

#include "passes/framework/pass.h"

namespace lluda::passes {

class FuseSoftmax : public Pass {
 public:
  absl::string_view name() const override { return "fuse-softmax"; }
  absl::StatusOr<bool> Run(ir::Module* module) override;
};

}  // namespace lluda::passes

#endif  // LLUDA_PASSES_FUSE_FUSE_SOFTMAX_H_
