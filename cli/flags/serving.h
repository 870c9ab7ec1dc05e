// From flags to a server. Knows no compiler: lluda-serve links it.
//
//   Serve("lluda-serve", flags, [&] { return Open(flags); });
#ifndef LLUDA_CLI_FLAGS_SERVING_H_
#define LLUDA_CLI_FLAGS_SERVING_H_

#include <functional>
#include <memory>
#include <optional>

#include "absl/status/statusor.h"
#include "cli/flags/flags.h"
#include "engine/generate/step_reads.h"
#include "engine/model.h"

namespace lluda::cli {

struct ToServe {
  std::unique_ptr<engine::Model> model;
  std::optional<engine::StepReads> reads;  // as serve::LoadedOptions has it
};

// Serves the model that `open` gives until SIGTERM or SIGINT, and what has begun by then has come to
// its end; says on stderr, as `program`, where it listens. With --plan it prints that instead.
absl::StatusOr<int> Serve(const char* program, const ServeFlags& flags,
                          const std::function<absl::StatusOr<ToServe>()>& open);

}  // namespace lluda::cli

#endif  // LLUDA_CLI_FLAGS_SERVING_H_
