#include "passes/default_pipeline.h"

namespace lluda::passes {

std::vector<std::string> DefaultPipeline() {
  return {
      "canonicalize",      // patterns below see one spelling of slices, casts and permutes
      "cse",               // equal statements would hide a value's only use from the fusions
      "dce",               // so would dead ones
      "fuse-rope",         // first of the fusions: it leaves a single producer of q and k behind
      "fuse-softmax",      // fuse-attention looks for the softmax
      "fuse-attention",    // before merge-matmul, which must not take attention's matmuls
      "merge-matmul",      // q, k, v and gate, up become one matmul, and slices of it
      "canonicalize",      // the split of such a slice becomes one slice, which is a view
      "fuse-epilogue",     // after merge-matmul: silu(gate) * up needs the merged matmul
      "dce",               // what the fusions left behind must not be hoisted
      "hoist-weight-ops",  // now every statement on weights alone that is left has a reader
      "cse",               // the same transpose in two functions is one global
      "pack-weights",      // matrices are weights and globals now, so one rule finds them all
      "dce",               // transposed and concatenated rows that only fed a pack
      "plan-memory",       // last: any later change would make the plan wrong
  };
}

}  // namespace lluda::passes
