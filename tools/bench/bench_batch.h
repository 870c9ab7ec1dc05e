// What a small step costs: the time of a step of a few tokens over that of a step of one. Steps so small
// go through the weights once, as a server's do and those that check guesses.
//
//   auto results = MeasureBatch(model.get(), /*depth=*/0, {1, 2, 4, 8, 16}, /*repeat=*/5);
//   (*results)[3].times_one.median   // 1.2: eight tokens take a fifth longer than one
#ifndef LLUDA_TOOLS_BENCH_BENCH_BATCH_H_
#define LLUDA_TOOLS_BENCH_BENCH_BATCH_H_

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "engine/model.h"
#include "tools/bench/bench_result.h"

namespace lluda::tools {

// Steps of each size that a repetition times.
inline constexpr int64_t kBatchTurns = 8;

// Times a step of each of `sizes`, at least 1 and at most the model's max_step, behind `depth` tokens of
// one sequence, in turns with a step of one token, `repeat` times kBatchTurns. Internal if a step's
// logits are not those of its tokens one by one, to the bit.
absl::StatusOr<std::vector<BatchResult>> MeasureBatch(engine::Model* model, int64_t depth,
                                                      absl::Span<const int64_t> sizes, int repeat);

}  // namespace lluda::tools

#endif  // LLUDA_TOOLS_BENCH_BENCH_BATCH_H_
