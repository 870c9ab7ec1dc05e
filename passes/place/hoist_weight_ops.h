// Moves what depends on weights and constants alone to the load block, which runs once.
//
// Before:
//   func @logits(%x: bf16 row[R] hid[8]) -> f32 row[R] vocab[32] {
//     %wt = permute @embed to hid vocab : bf16 hid[8] vocab[32]
//     %l = matmul %x %wt over hid : f32 row[R] vocab[32]
// After:
//   load {
//     @wt = permute @embed to hid vocab : bf16 hid[8] vocab[32] by hoist-weight-ops
//   }
//   func @logits(%x: bf16 row[R] hid[8]) -> f32 row[R] vocab[32] {
//     %l = matmul %x @wt over hid : f32 row[R] vocab[32]
// What a function does with `@w[layer]` is computed for each layer, in a loop of the load block.
// Statements in the middle of a chain become values of the load block; only what the rest of the
// function reads becomes a global.
//
// Does not fire when: an operand is a parameter, a state or a loop's carried value; the statement
// has an effect or is a call or a loop; its length is not known before the run; a split, merge or
// slice of a weight is all there is to hoist (a view costs nothing where it is, a copy would cost
// memory), unless a matmul reads it as its matrix, which pack-weights then packs without its rows; the bytes of all hoisted globals would exceed the limit. The last leaves a Miss.
// Needs: cse and dce before it, or equal statements are hoisted twice and dead ones once.
#ifndef LLUDA_PASSES_PLACE_HOIST_WEIGHT_OPS_H_
#define LLUDA_PASSES_PLACE_HOIST_WEIGHT_OPS_H_

#include <cstdint>
#include <limits>

#include "passes/framework/pass.h"

namespace lluda::passes {

class HoistWeightOps : public Pass {
 public:
  static constexpr int64_t kNoLimit = std::numeric_limits<int64_t>::max();

  // `byte_limit` bounds what one Run adds to the loaded globals, all layers counted.
  explicit HoistWeightOps(int64_t byte_limit = kNoLimit) : byte_limit_(byte_limit) {}

  absl::string_view name() const override { return "hoist-weight-ops"; }
  absl::StatusOr<bool> Run(ir::Module* module) override;

  // Bytes of the globals that the last Run added.
  int64_t bytes_added() const { return bytes_added_; }

 private:
  int64_t byte_limit_;
  int64_t bytes_added_ = 0;
};

}  // namespace lluda::passes

#endif  // LLUDA_PASSES_PLACE_HOIST_WEIGHT_OPS_H_
