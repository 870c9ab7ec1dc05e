// What loading a model takes from the machine: threads, of which there may be fewer than asked for,
// and memory, which is counted before it is taken.
//
//   absl::Status fits = CheckMemory(options, program, pool.threads(), /*context=*/4096);
//   if (!fits.ok()) return fits;
//   ...
//   TellOfThreads(options, pool);
#ifndef LLUDA_ENGINE_MACHINE_H_
#define LLUDA_ENGINE_MACHINE_H_

#include <cstdint>
#include <optional>

#include "absl/status/status.h"
#include "engine/model.h"
#include "runtime/program.h"
#include "runtime/machine/thread_pool.h"

namespace lluda::engine {

// Tells options.notice of a pool that got fewer threads than were asked for. Last of all: what is
// refused says one thing.
void TellOfThreads(const LoadOptions& options, const runtime::ThreadPool& pool);

// ResourceExhausted, with what is needed and what is left, if the program and a session of
// `context` tokens need more memory than this process may take; nullopt: there will be no session.
// OK whatever they need if options.force.
absl::Status CheckMemory(const LoadOptions& options, const runtime::Program& program, int threads,
                         std::optional<int64_t> context);

// The same for what compiling the model takes, which comes before.
absl::Status CheckCompileMemory(const LoadOptions& options);

}  // namespace lluda::engine

#endif  // LLUDA_ENGINE_MACHINE_H_
