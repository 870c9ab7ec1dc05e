// Recognises what a mixture of experts computes, so that no token's matrices are copied out of all
// experts' ones.
//
// Before:
//   %gw = gather @wd[layer] over expert at %i : bf16 tok[T] top[8] hid[2048] ff[768]
//   %d = matmul %m %gw over ff : f32 tok[T] top[8] hid[2048]
//   %dw = mul %d %w : f32 tok[T] top[8] hid[2048]
//   %c = reduce_sum %dw over top : f32 tok[T] hid[2048]
//   %y = add %x %c : f32 tok[T] hid[2048]
// After:
//   %i_order = order %i : i32 tok[T] top[8] by fuse-experts
//   %d = expert_matmul %m @wd[layer] over ff expert at %i %i_order : f32 tok[T] top[8] hid[2048]
//         by fuse-experts
//   %y = combine %d %w %x over top : f32 tok[T] hid[2048] by fuse-experts
// All expert_matmuls of the same indices share one order.
//
// Does not fire when:
// - what is gathered is not made of weights alone, or has another user;
// - the matmul sums over several axes, has an epilogue, or its matrices have not one axis of columns;
// - the gather's or the sum's indices and axes do not fit, or their type is not f32;
// - the product, or the sum to which another one is added, has another user.
#ifndef LLUDA_PASSES_FUSE_FUSE_EXPERTS_H_
#define LLUDA_PASSES_FUSE_FUSE_EXPERTS_H_

#include "passes/framework/pass.h"

namespace lluda::passes {

class FuseExperts : public Pass {
 public:
  absl::string_view name() const override { return "fuse-experts"; }
  absl::StatusOr<bool> Run(ir::Module* module) override;

 private:
  bool FuseMatmul(ir::Op* matmul);
  bool FuseSum(ir::Op* sum);
  bool FuseAdd(ir::Op* add);
};

}  // namespace lluda::passes

#endif  // LLUDA_PASSES_FUSE_FUSE_EXPERTS_H_
