// Reads the LM head in part where only the largest logits are wanted: first all of it in 8 bits, then
// the rows that may be among the largest, as they are.
//
// Before:
//   %wt = permute @head to hid vocab : bf16 hid[1024] vocab[151936]
//   %l = matmul %h %wt over hid : f32 row[R] vocab[151936]
//   %t = nth_largest %l %kept over vocab : f32 row[R]
//   %y = keep %l %l %t : f32 row[R] vocab[151936]
// After, where %e says how far %near may be off, and what reads weights alone is hoisted later:
//   %hq = quantize_blocks %h {out = q8_f32} : q8_f32 row[R] hid[1024]
//   %wq = quantize_blocks @head {out = q8_0} : q8_0 vocab[151936] hid[1024]
//   %near = matmul %hq %wq over hid : f32 row[R] vocab[151936]
//   ...
//   %lo = sub %near %e : f32 row[R] vocab[151936]
//   %hi = add %near %e : f32 row[R] vocab[151936]
//   %least = nth_largest %lo %kept over vocab : f32 row[R]
//   %l = matmul %h %wt %hi %least over hid {epilogue = keep} : f32 row[R] vocab[151936]
//   %t = nth_largest %l %kept over vocab : f32 row[R]
//   %y = keep %l %l %t : f32 row[R] vocab[151936]
// all by split-head. No bit of %y changes: docs/numerics.md proves that no logit is above its %hi or
// below its %lo, so that one that is hidden from %l would have been hidden by the last keep.
//
// Does not fire when:
// - the logits have a further user, which needs all of them, or something stands between, a cap say;
// - the rows of the head do not lie side by side in a weight, or a cast of one, of floats;
// - a row is no whole number of blocks, or longer than the proof allows.
//
// Needs: fuse-dequantize before it, so that a head in blocks is seen to be one, and hoist-weight-ops
// and pack-weights behind it.
#ifndef LLUDA_PASSES_PLACE_SPLIT_HEAD_H_
#define LLUDA_PASSES_PLACE_SPLIT_HEAD_H_

#include "passes/framework/pass.h"

namespace lluda::passes {

class SplitHead : public Pass {
 public:
  absl::string_view name() const override { return "split-head"; }
  absl::StatusOr<bool> Run(ir::Module* module) override;
};

}  // namespace lluda::passes

#endif  // LLUDA_PASSES_PLACE_SPLIT_HEAD_H_
