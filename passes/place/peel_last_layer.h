// Lets the last layer compute the rows alone that are picked from its result.
//
// Before:
//   %xn = for layer in 0..28 carry %x = %x1 {
//     %xa = call @attn[layer] %x %cos %sin %pos %slot : f32 tok[T] hid[1024]
//     %xm = call @mlp[layer] %xa : f32 tok[T] hid[1024]
//     yield %xm
//   } : f32 tok[T] hid[1024]
//   %xr = gather %xn over tok at %rows : f32 row[R] hid[1024]
// After:
//   %xn = for layer in 0..27 carry %x = %x1 { ... } : f32 tok[T] hid[1024]
//   %xa_rows = call @attn_rows[27] %xn %cos %sin %pos %slot %rows : f32 tok[R] hid[1024]
//   %xm_rows = call @mlp_rows[27] %xa_rows : f32 tok[R] hid[1024]
//   %xr = split %xm_rows tok -> row[R] : f32 row[R] hid[1024] by peel-last-layer
//
// @attn_rows appends the keys and values of all T tokens, as @attn does, and computes all else, from
// the queries on, for the R tokens that are asked for (place/row_function.h). A prompt of which one
// token's logits are wanted so goes through the last layer for the sake of its cache alone. No bit
// changes: a row of what is computed depends on no other row.
//
// Does not fire when:
// - the module is for a GPU: its kernels are compiled for the module's symbols, so that R would need
//   kernels of its own, and a group of projections reads one norm;
// - a value between the last call and the gather has another reader, or a loop has statements beside
//   its calls;
// - all rows are needed, as where activations are recorded, or rows are mixed;
// - the function returns the rows as they are;
// - what says which rows are wanted is no parameter, or has more than one axis, or that of the rows.
//
// Needs: pack-weights before it, and the fusions: statements that would have to be fused again would
// be so twice; dce behind it, for functions that no layer calls any more.
#ifndef LLUDA_PASSES_PLACE_PEEL_LAST_LAYER_H_
#define LLUDA_PASSES_PLACE_PEEL_LAST_LAYER_H_

#include "machine/tiles.h"
#include "passes/framework/pass.h"

namespace lluda::passes {

class PeelLastLayer : public Pass {
 public:
  explicit PeelLastLayer(machine::DeviceKind device = machine::DeviceKind::kCpu)
      : device_(device) {}

  absl::string_view name() const override { return "peel-last-layer"; }
  absl::StatusOr<bool> Run(ir::Module* module) override;

 private:
  const machine::DeviceKind device_;
};

}  // namespace lluda::passes

#endif  // LLUDA_PASSES_PLACE_PEEL_LAST_LAYER_H_
