// What a model's step has to do at least: floating-point operations and bytes, counted in its IR.
// Speed divided by the machine's limit is a percentage only with these.
//
//   StepFlops flops = CountFlops(module);         // before or after the passes: the same
//   flops.Prefill(512).total()                    // of a prompt of 512 tokens
//   StepBytes bytes = CountBytes(optimised);      // after the passes: packed weights
//   bytes.Decode(4096)                            // of one token that sees 4096 others
//
// Only matmuls are counted as operations, attention's among them; norms, RoPE and softmax are a
// hundredth of them. Only what is read is counted as bytes: weights once a step, the cache once a
// token; activations stay in the processor's caches.
#ifndef LLUDA_TOOLS_MEASURE_ACCOUNTING_H_
#define LLUDA_TOOLS_MEASURE_ACCOUNTING_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "ir/graph.h"

namespace lluda::tools {

struct Flops {
  double matmuls = 0;    // with weights
  double attention = 0;  // with the cache, the causal half only
  double total() const { return matmuls + attention; }
};

// Operations of matmuls, two for each product.
struct StepFlops {
  double per_token = 0;     // of matmuls with weights
  double per_row = 0;       // of those that run only on rows whose logits are wanted: the LM head
  double per_position = 0;  // of matmuls with the cache: for a token and each position it sees

  // A sequence of `tokens` from its beginning, logits of the last one.
  Flops Prefill(int64_t tokens) const;
  // One token that sees `depth` others and itself.
  Flops Decode(int64_t depth) const;
};

// Counts @step of a module with any passes: its matmuls read weights, or a cache along symbol C, as
// attention does. FailedPrecondition if there is no @step or if a matmul's extents are of another
// kind.
absl::StatusOr<StepFlops> CountFlops(const ir::Module& module);

struct StepBytes {
  int64_t weights = 0;         // read by a step of one token, which takes some experts of all
  int64_t cache_position = 0;  // of the cache, for each position that a token sees

  // One token that sees `depth` others and itself.
  int64_t Decode(int64_t depth) const { return weights + cache_position * (depth + 1); }
};

// Counts @step of a module with any passes. Of what is only looked up by gather nothing is counted:
// a row of the embedding. A global that is read several times counts once.
absl::StatusOr<StepBytes> CountBytes(const ir::Module& module);

}  // namespace lluda::tools

#endif  // LLUDA_TOOLS_MEASURE_ACCOUNTING_H_
