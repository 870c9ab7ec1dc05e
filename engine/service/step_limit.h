// The least time that a step takes on this machine: that of reading what it has to read.
//
//   StepLimit limit(reads, ReadRate(executable->loaded(), pool));
//   limit.Seconds({512, 40});   // 0.016, of a step whose texts hold 512 and 40 positions
//
// It bounds steps of few tokens, which multiply faster than they read; how fast a machine could
// multiply is not measured here.
#ifndef LLUDA_ENGINE_SERVICE_STEP_LIMIT_H_
#define LLUDA_ENGINE_SERVICE_STEP_LIMIT_H_

#include <cstdint>
#include <utility>

#include "absl/types/span.h"
#include "engine/generate/step_reads.h"
#include "runtime/machine/thread_pool.h"

namespace lluda::engine {

class StepLimit {
 public:
  // `rate` is in bytes a second, above 0.
  StepLimit(StepReads reads, double rate) : reads_(std::move(reads)), rate_(rate) {}

  // Of a step with a token or more of each text; `held` are the texts' lengths behind it.
  double Seconds(absl::Span<const int64_t> held) const;

 private:
  StepReads reads_;
  double rate_;
};

// How fast all threads of the pool together read these bytes, a second; 0 if they are too few to tell.
// Takes as long as reading them, or the first 256 MiB, twice, and at least 20 ms.
double ReadRate(absl::Span<const char> bytes, runtime::ThreadPool* pool);

}  // namespace lluda::engine

#endif  // LLUDA_ENGINE_SERVICE_STEP_LIMIT_H_
