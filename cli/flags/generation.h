// A text continued with a loaded model, as the flags of `lluda generate` ask.
//
//   absl::StatusOr<int> code =
//       GenerateText("lluda", model.get(), flags, "Once upon a time", /*grammar=*/nullptr);
#ifndef LLUDA_CLI_FLAGS_GENERATION_H_
#define LLUDA_CLI_FLAGS_GENERATION_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "cli/flags/arguments.h"
#include "engine/generate/draft/drafter.h"
#include "engine/grammar/grammar.h"
#include "engine/model.h"

namespace lluda::cli {

// Writes what comes to stdout as it comes, or one JSON object, and the trace; the exit code.
//
// On a terminal the text ends with a newline; into a pipe or a file it is what the model wrote, and
// nothing else. With a grammar the text is one of it, unless it is cut off. `program` is the name that notices on stderr start with.
// Where --speculate names a model, `drafter` is that one.
absl::StatusOr<int> GenerateText(const char* program, engine::Model* model,
                                 const GenerateFlags& flags, const std::string& prompt,
                                 std::shared_ptr<const grammar::Grammar> grammar,
                                 engine::Drafter* drafter = nullptr);

}  // namespace lluda::cli

#endif  // LLUDA_CLI_FLAGS_GENERATION_H_
