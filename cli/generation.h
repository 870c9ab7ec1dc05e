// A text continued with a loaded model, as the flags of `lluda generate` ask.
//
//   absl::StatusOr<int> code = GenerateText(model.get(), flags, "Once upon a time");
#ifndef LLUDA_CLI_GENERATION_H_
#define LLUDA_CLI_GENERATION_H_

#include <string>

#include "absl/status/statusor.h"
#include "cli/arguments.h"
#include "engine/model.h"

namespace lluda::cli {

// Writes what comes to stdout as it comes, or one JSON object, and the trace; the exit code.
absl::StatusOr<int> GenerateText(engine::Model* model, const GenerateFlags& flags,
                                 const std::string& prompt);

}  // namespace lluda::cli

#endif  // LLUDA_CLI_GENERATION_H_
