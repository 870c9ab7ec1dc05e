// What a step of a model reads at least, as somebody has counted it (tools/inspect/step_reads.h).
//
//   StepReads reads{/*weights=*/1.2e9, {{std::nullopt, /*bytes=*/114688}}};
#ifndef LLUDA_ENGINE_GENERATE_STEP_READS_H_
#define LLUDA_ENGINE_GENERATE_STEP_READS_H_

#include <cstdint>
#include <optional>
#include <vector>

namespace lluda::engine {

// In bytes.
struct StepReads {
  // Of keys and values, for each position that a text holds, the last `window` of them where there is
  // one.
  struct Cache {
    std::optional<int64_t> window;
    double bytes = 0;
  };
  double weights = 0;  // once a step
  std::vector<Cache> caches;
};

}  // namespace lluda::engine

#endif  // LLUDA_ENGINE_GENERATE_STEP_READS_H_
