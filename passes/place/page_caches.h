// Puts keys and values into pages of 64 positions, which sequences may share, where the module has
// symbols for them: P pages in all, B in a sequence.
//
// Before:
//   symbol P in 1..512
//   symbol B in 1..64
//   state @k_cache : bf16 slot[S] kv[8] pos[C] dim[128]
//   ...
//   func @attn(%x: ..., %pos: i32 tok[T], %slot: i32 tok[T]) -> ... {
//     %ks = append @k_cache %k over slot pos at %slot %pos : bf16 slot[S] kv[8] pos[C] dim[128]
//     %vs = append @v_cache %v over slot pos at %slot %pos : bf16 slot[S] kv[8] pos[C] dim[128]
//     %o = attention %q %ks %vs over slot pos dim at %pos %slot {mask = causal, ...}
// After:
//   state @k_cache : bf16 page[P] kv[8] pos[64] dim[128]
//   ...
//   func @attn(%x: ..., %pos: i32 tok[T], %slot: i32 tok[T], %page: i32 tok[T],
//              %table: i32 slot[S] place[B]) -> ... {
//     %ks = append @k_cache %k over page pos at %page %pos {ring = 64} : bf16 page[P] kv[8] ...
//     %vs = append @v_cache %v over page pos at %page %pos {ring = 64} : bf16 page[P] kv[8] ...
//     %o = attention %q %ks %vs over page pos dim at %pos %slot %table {mask = causal, ...}
//
// Functions that call such a one get the two parameters as well, and hand them on. What is given for
// %page has to be what %table has for a token's slot at pos / 64. An append that goes round in a page
// is one that kernels know.
//
// Does not fire for a GPU, whose kernels know slots only, and when a cache
// - is a ring, or has a number of positions of its own: models with such layers keep slots, since
//   what a ring has forgotten no page gives back;
// - is read by another statement than an attention, or without an append before it.
//
// Needs: ring-caches, which decides first; before pack-weights, as panels lie within a page.
#ifndef LLUDA_PASSES_PLACE_PAGE_CACHES_H_
#define LLUDA_PASSES_PLACE_PAGE_CACHES_H_

#include "machine/tiles.h"
#include "passes/framework/pass.h"

namespace lluda::passes {

class PageCaches : public Pass {
 public:
  explicit PageCaches(machine::DeviceKind device = machine::DeviceKind::kCpu) : device_(device) {}

  absl::string_view name() const override { return "page-caches"; }
  absl::StatusOr<bool> Run(ir::Module* module) override;

 private:
  const machine::DeviceKind device_;
};

}  // namespace lluda::passes

#endif  // LLUDA_PASSES_PLACE_PAGE_CACHES_H_
