// What a model's step has to do at least: floating-point operations and bytes, added up over its IR
// (ir/cost). Speed divided by the machine's limit is a percentage only with these.
//
//   absl::StatusOr<StepCost> cost = CountStep(optimised);   // after the passes: packed weights
//   cost->Prefill(512).total()     // operations of a prompt of 512 tokens
//   cost->DecodeBytes(4096)        // of one token that sees 4096 others
//
// Only products are counted as operations, attention's among them; norms, RoPE and softmax are a
// hundredth of them. Of bytes, weights count once a step, the cache once a token as far as it is
// seen; activations stay in the processor's caches.
#ifndef LLUDA_TOOLS_MEASURE_ACCOUNTING_H_
#define LLUDA_TOOLS_MEASURE_ACCOUNTING_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "base/step_interface.h"
#include "ir/graph.h"

namespace lluda::tools {

struct Flops {
  double matmuls = 0;    // with weights
  double attention = 0;  // with the cache, the causal half only
  double total() const { return matmuls + attention; }
};

struct StepCost {
  // Of the cache, for a token and each position that it sees; layers with one window together.
  struct Cache {
    std::optional<int64_t> window;
    double flops = 0;
    double row_flops = 0;  // the same where rows whose logits are wanted attend alone
    double bytes = 0;
  };

  double flops_per_token = 0;  // of matmuls with weights
  // Of those that run on rows whose logits are wanted: the LM head, and what peel-last-layer leaves to
  // them.
  double flops_per_row = 0;
  double bytes = 0;  // of a step of one token, beside the cache
  // Of matmuls that leave columns out: for each that one computes. How many that are, only a run knows
  // (runtime::Executable::computed_columns).
  double bytes_per_column = 0;
  std::vector<Cache> caches;

  // A sequence of `tokens` from its beginning, logits of the last one.
  Flops Prefill(int64_t tokens) const;
  // One token that sees `depth` others and itself.
  Flops Decode(int64_t depth) const;
  double DecodeBytes(int64_t depth) const { return bytes + CacheBytes(depth); }
  // That part of DecodeBytes which each of several sequences has for itself.
  double CacheBytes(int64_t depth) const;
};

// Counts @step, or another entry that takes tokens, of a module with any passes. A token whose logits
// are wanted takes as many operations before and after; the others take those that are done for them,
// which peel-last-layer makes fewer. A cache's bytes are those that `attention` reads, which the passes make. Its matmuls read weights, or a cache
// along symbol C, as attention does. FailedPrecondition if there is no
// @step or if a matmul's extents are of another kind.
absl::StatusOr<StepCost> CountStep(const ir::Module& module,
                                   const char* entry = step_interface::kStep);

// Calls visit(op, times) for every op that one run of the function runs, `times` being how often; of
// loops and calls, for what is in them.
void ForEachRunOp(const ir::Func& func,
                  const std::function<void(const ir::Op& op, int64_t times)>& visit);

}  // namespace lluda::tools

#endif  // LLUDA_TOOLS_MEASURE_ACCOUNTING_H_
