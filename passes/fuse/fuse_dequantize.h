// Lets matmuls and gathers read weights in blocks themselves, so that these stay encoded in memory.
//
// Before:
//   %d = dequantize @w[layer] : f32 q[64] hid[32]
//   %y = matmul %h %d over hid : f32 tok[T] q[64]
//   %e = dequantize @embed : f32 vocab[96] hid[32]
//   %x = gather %e over vocab at %tokens : f32 tok[T] hid[32]
// After:
//   %y = matmul %h @w[layer] over hid : f32 tok[T] q[64] by fuse-dequantize
//   %x = gather @embed over vocab at %tokens : f32 tok[T] hid[32] by fuse-dequantize
// Of activations that are quantised as well, where integers can be multiplied (AccumulatorOf in
// ir/op/contraction.h):
//   %q = quantize_blocks %h {out = q8_f32} : q8_f32 tok[T] hid[32]
//   %a = dequantize %q : f32 tok[T] hid[32]
//   %d = dequantize @w[layer] : f32 q[64] hid[32]
//   %y = matmul %a %d over hid : f32 tok[T] q[64]
// becomes
//   %q = quantize_blocks %h {out = q8_f32} : q8_f32 tok[T] hid[32]
//   %y = matmul %q @w[layer] over hid : f32 tok[T] q[64] by fuse-dequantize
// What a matmul reads through a permute, such as a tied head's, it reads in blocks all the same. Of a
// matrix that holds the rows of several, the rows of one are a slice of the blocks:
//   %d = dequantize @wqkv[layer] : f32 qkv[192] hid[32]
//   %k = slice %d qkv 64..128 as k[64] : f32 k[64] hid[32]
//   %y = matmul %h %k over hid : f32 tok[T] k[64]
// becomes
//   %k_rows = slice @wqkv[layer] qkv 64..128 as k[64] : q4_0 k[64] hid[32] by fuse-dequantize
//   %y = matmul %h %k_rows over hid : f32 tok[T] k[64] by fuse-dequantize
//
// Does not fire when:
// - the matmul sums over several axes, or over another one than the blocks lie along;
// - the matrix has other axes than the contracted one and one more that is new: no kernel reads
//   panels of it;
// - something stands between them, such as a cast, which rounds the numbers; a Miss names it;
// - the gather picks along the axis of the blocks;
// - the dequantize of b reads a value: only weights and what the load block makes of them are packed.
// Activations stay dequantised where b is not read in blocks, or its integers are not multiplied.
// Where it does not fire, hoist-weight-ops dequantises while loading: the same numbers in more
// memory.
#ifndef LLUDA_PASSES_FUSE_FUSE_DEQUANTIZE_H_
#define LLUDA_PASSES_FUSE_FUSE_DEQUANTIZE_H_

#include "passes/framework/pass.h"

namespace lluda::passes {

class FuseDequantize : public Pass {
 public:
  absl::string_view name() const override { return "fuse-dequantize"; }
  absl::StatusOr<bool> Run(ir::Module* module) override;
};

}  // namespace lluda::passes

#endif  // LLUDA_PASSES_FUSE_FUSE_DEQUANTIZE_H_
