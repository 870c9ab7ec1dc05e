// What a service takes of the machine's memory, counted before any of it is taken, and held against
// what is left.
//
//   const ServicePlan plan = PlanService(program, pool.threads(), options,
//                                        runtime::TightestMemoryLimit("/", OwnMemoryUlimits()));
//   std::cout << PlanText(plan);
//   absl::Status fits = CheckPlan(plan);
//   // "16 slots of 4096 tokens with 7000.0 MB of keys and values need 7600.0 MB more, the machine's
//   //  free memory leaves 4000.0 MB: 3400.0 MB of keys and values would fit"
//
// All of it is taken at the start, but for what sequences keep themselves and what waits in the
// queue, and touched, so that no request makes it grow.
#ifndef LLUDA_ENGINE_SERVICE_SERVICE_PLAN_H_
#define LLUDA_ENGINE_SERVICE_SERVICE_PLAN_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "engine/service/service_options.h"
#include "runtime/machine/memory_limit.h"
#include "runtime/program.h"

namespace lluda::engine {

// In bytes.
struct ServicePlan {
  int slots = 0;
  int64_t context = 0;  // tokens of a slot
  // Taken when the model was loaded.
  int64_t weights = 0;    // packed; not those that are read from a mapped file
  int64_t frame = 0;      // activations
  int64_t workspace = 0;  // kernels' scratch, of all threads, and what they share
  // Taken by the service.
  int64_t logits = 0;           // a row for each slot, and what choosing of tokens takes
  int64_t cache = 0;            // keys and values
  int64_t pages = 0;            // of the positions that they are of (runtime/session/page_budget.h)
  int64_t cache_of_a_slot = 0;  // of one that is full
  int64_t sequence = 0;         // tokens, text and counts of a choice that fills its slot
  int64_t queue = 0;            // prompts that wait

  int64_t more() const { return logits + cache + slots * sequence + queue; }
  int64_t total() const { return weights + frame + workspace + more(); }

  std::optional<runtime::MemoryLimit> limit;  // how much more there may be; nullopt: nobody says
  int64_t most_cache = 0;                     // as much as would fit, for as many slots
};

// InvalidArgument for options that exceed what the program was compiled for, and for a cache that
// does not hold a context.
absl::StatusOr<ServicePlan> PlanService(const runtime::Program& program, int threads,
                                        const ServiceOptions& options,
                                        std::optional<runtime::MemoryLimit> limit);

// ResourceExhausted, with what is needed, what is left and which cache would fit, if it is too much.
absl::Status CheckPlan(const ServicePlan& plan);

// A line for each part, their sum, and the limit.
std::string PlanText(const ServicePlan& plan);

}  // namespace lluda::engine

#endif  // LLUDA_ENGINE_SERVICE_SERVICE_PLAN_H_
