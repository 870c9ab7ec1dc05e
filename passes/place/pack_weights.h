// Gives every matrix that a matmul reads from memory the panel layout its kernels want, as
// machine/tiles.def has it, or a GPU's, which are rows in eights: machine/tiles.h.
//
// Before:
//   load {
//     for layer in 0..2 {
//       @wqk[layer] = concat @wq[layer] @wk[layer] q kd -> qk[48] : bf16 qk[48] hid[16]
//     }
//     @wt = permute @embed to hid vocab : bf16 hid[16] vocab[64]
//   }
//   ...
//   %x = gather @embed over vocab at %tokens : bf16 tok[T] hid[16]
//   %qk = matmul %h @wqk[layer] over hid : f32 tok[T] qk[48]
//   %l = matmul %x @wt over hid : f32 row[R] vocab[64]
// After:
//   load {
//     for layer in 0..2 {
//       @wqk[layer] = pack @wq[layer] @wk[layer] q kd -> qk[48] over hid {tile = 16x2}
//           : bf16 qk[48] hid[16] @panel(16x2, hid) by pack-weights
//     }
//     @embed_p = pack @embed over hid {tile = 16x2} : bf16 vocab[64] hid[16] @panel(16x2, hid)
//           by pack-weights
//   }
//   ...
//   %x = gather @embed_p over vocab at %tokens : bf16 tok[T] hid[16]
//   %qk = matmul %h @wqk[layer] over hid : f32 tok[T] qk[48]
//   %l = matmul %x @embed_p over hid : f32 row[R] vocab[64]
// A permute does not matter to a panel, so the tied head and the embedding share one packed copy,
// and the row-major one is needed by the load block only (`@wt` is left to dce).
// What loops of the load block define in parts, and nothing else reads, is packed in parts.
// A K state, one that is only appended to and read as attention's operand 1, becomes panels, too.
//
// For a GPU no state does.
//
// Does not fire when: the matrix has other axes than the contracted one and one more; no row of
// tiles.def multiplies its dtype (a Miss says so); a state has any other reader; a state's
// innermost axis but the contracted one is not the position. A reader that needs rows (an add, a
// norm) keeps the row-major matrix and leaves a Miss. Needs: hoist-weight-ops before it, or
// matrices computed in the functions stay row-major.
#ifndef LLUDA_PASSES_PLACE_PACK_WEIGHTS_H_
#define LLUDA_PASSES_PLACE_PACK_WEIGHTS_H_

#include "machine/tiles.h"
#include "passes/framework/pass.h"

namespace lluda::passes {

class PackWeights : public Pass {
 public:
  explicit PackWeights(machine::DeviceKind device = machine::DeviceKind::kCpu) : device_(device) {}
  absl::string_view name() const override { return "pack-weights"; }
  absl::StatusOr<bool> Run(ir::Module* module) override;

 private:
  const machine::DeviceKind device_;
};

}  // namespace lluda::passes

#endif  // LLUDA_PASSES_PLACE_PACK_WEIGHTS_H_
