// What loading a model takes from the machine: threads, of which there may be fewer than asked for,
// and memory, which is counted before it is taken.
//
//   absl::Status fits = CheckMemory("Qwen3-0.6B", options, program, pool.threads(), 4096);
//   if (!fits.ok()) return fits;
//   NoteThreads(pool, &notes);   // "started 2 of 4 threads: ..."
#ifndef LLUDA_ENGINE_MACHINE_H_
#define LLUDA_ENGINE_MACHINE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "engine/model.h"
#include "runtime/machine/thread_pool.h"
#include "runtime/program.h"

namespace lluda::engine {

// Adds a line of a pool that got fewer threads than were asked for.
void NoteThreads(const runtime::ThreadPool& pool, std::vector<std::string>* notes);

// ResourceExhausted, with the model's name, what is needed and what is left, if the program and a session of
// `context` tokens need more memory than this process may take; nullopt: there will be no session.
// OK whatever they need if options.force.
absl::Status CheckMemory(absl::string_view model, const LoadOptions& options,
                         const runtime::Program& program, int threads,
                         std::optional<int64_t> context);

// The same for what compiling the model takes, which comes before.
absl::Status CheckCompileMemory(absl::string_view model, const LoadOptions& options);

}  // namespace lluda::engine

#endif  // LLUDA_ENGINE_MACHINE_H_
