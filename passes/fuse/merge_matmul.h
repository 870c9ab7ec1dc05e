// Computes sibling matmuls, which multiply one value with several weights, as one matmul.
//
// Before:
//   %q0 = matmul %h @wq[layer] over hid : f32 tok[T] q[2048]
//   %k0 = matmul %h @wk[layer] over hid : f32 tok[T] kd[1024]
//   %v0 = matmul %h @wv[layer] over hid : f32 tok[T] vd[1024]
// After (every statement ends in `by merge-matmul`; hoist-weight-ops takes the concat to load
// time):
//   %wqkv = concat @wq[layer] @wk[layer] @wv[layer] q kd vd -> qkv[4096] : bf16 qkv[4096] hid[1024]
//   %qkv = matmul %h %wqkv over hid : f32 tok[T] qkv[4096]
//   %q0 = slice %qkv qkv 0..2048 as q[2048] : f32 tok[T] q[2048]
//   %k0 = slice %qkv qkv 2048..3072 as kd[1024] : f32 tok[T] kd[1024]
//   %v0 = slice %qkv qkv 3072..4096 as vd[1024] : f32 tok[T] vd[1024]
//
// Siblings have the same first operand and contracted axis and stand in the same block; those of
// experts, `expert_matmul`, also the same indices. Order is no matter: weights do not change, and the
// merged matmul stands where the first one stood. The two factors of a gated product, silu(a) * b, are
// merged with each other and nothing else, as fuse-epilogue wants their matmul.
//
// Names. The joined axis, and with it the matmul, is called by the initials of the axes it joins
// (q kd vd -> qkv); when they all have one name, by that name and their number (ff ff -> ff2). The
// joined weight is called by the weights' common prefix and what follows it in each (wq wk wv ->
// wqkv), or, without a common prefix, by their names with underscores. A name that is taken, or a
// word of the grammar (axes i and n), gets a number.
//
// Does not fire when:
// - the second operand is not a weight, or made of weights only, with one axis of columns besides
//   the contracted one, both of constant length;
// - the weight is used elsewhere: merging would keep a second copy of it in memory;
// - the weights differ in element type, order of axes or index, or the results in element type;
// - all that reads a matmul adds a bias to it, which becomes its epilogue: its siblings stay siblings of
//   each other;
// - a matmul has an epilogue (those whose epilogue finishes heads are nobody's siblings), or its
//   weight is packed already;
// - there are more siblings than concat takes, or the joined weight would be too large.
#ifndef LLUDA_PASSES_FUSE_MERGE_MATMUL_H_
#define LLUDA_PASSES_FUSE_MERGE_MATMUL_H_

#include "passes/framework/pass.h"

namespace lluda::passes {

class MergeMatmul : public Pass {
 public:
  absl::string_view name() const override { return "merge-matmul"; }
  absl::StatusOr<bool> Run(ir::Module* module) override;
};

}  // namespace lluda::passes

#endif  // LLUDA_PASSES_FUSE_MERGE_MATMUL_H_
