// Lets a cache whose readers all have a window hold no more than they see: its positions go round in
// a ring.
//
// Before:
//   symbol T in 1..512
//   symbol C in 64..32768
//   state @k_cache : bf16 slot[S] kv[1] pos[C] dim[256]
//   ...
//   %ks = append @k_cache %k over slot pos at %slot %pos : bf16 slot[S] kv[1] pos[C] dim[256]
//   %vs = append @v_cache %v over slot pos at %slot %pos : bf16 slot[S] kv[1] pos[C] dim[256]
//   %o = attention %q %ks %vs over slot pos dim at %pos %slot {mask = causal, window = 512, ...}
// After:
//   state @k_cache : bf16 slot[S] kv[1] pos[1024] dim[256]
//   ...
//   %ks = append @k_cache %k over slot pos at %slot %pos {ring = 1024}
//       : bf16 slot[S] kv[1] pos[1024] dim[256]
//   %vs = append @v_cache ...
//   %o = attention %q %ks %vs over slot pos dim at %pos %slot {..., ring = 1024, window = 512}
//
// A step appends all its tokens before the first of them looks back: the ring has the window and the
// most tokens of a step, in whole sections of machine::kCacheSection. Sums go on in the order of the
// positions, so that no bit changes.
//
// What computes with the module has to append a sequence's positions one after the other, a step
// those behind the last one's. It may go back, and write positions anew, by as many as a step has
// tokens at most: what lies before their window is forgotten.
//
// Does not fire when:
// - one of the readers of a cache sees all positions, or is no attention;
// - a cache that is read beside it, or its scales, cannot become a ring;
// - a statement reads the state's declaration, or its positions are not as many as a symbol says;
// - the ring would not be shorter than the cache.
//
// Needs: fuse-attention, which finds the windows; before plan-memory.
#ifndef LLUDA_PASSES_PLACE_RING_CACHES_H_
#define LLUDA_PASSES_PLACE_RING_CACHES_H_

#include "passes/framework/pass.h"

namespace lluda::passes {

class RingCaches : public Pass {
 public:
  absl::string_view name() const override { return "ring-caches"; }
  absl::StatusOr<bool> Run(ir::Module* module) override;
};

}  // namespace lluda::passes

#endif  // LLUDA_PASSES_PLACE_RING_CACHES_H_
