// A text continued with a loaded model, as the flags of `lluda generate` ask.
//
//   absl::StatusOr<int> code = GenerateText("lluda", model.get(), flags, "Once upon a time");
#ifndef LLUDA_CLI_FLAGS_GENERATION_H_
#define LLUDA_CLI_FLAGS_GENERATION_H_

#include <string>

#include "absl/status/statusor.h"
#include "cli/flags/arguments.h"
#include "engine/model.h"

namespace lluda::cli {

// Writes what comes to stdout as it comes, or one JSON object, and the trace; the exit code.
//
// On a terminal the text ends with a newline; into a pipe or a file it is what the model wrote, and
// nothing else. `program` is the name that notices on stderr start with.
absl::StatusOr<int> GenerateText(const char* program, engine::Model* model,
                                 const GenerateFlags& flags, const std::string& prompt);

}  // namespace lluda::cli

#endif  // LLUDA_CLI_FLAGS_GENERATION_H_
