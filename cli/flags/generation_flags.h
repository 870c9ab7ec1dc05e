// From flags to what a generation wants. Knows no compiler.
//
//   engine::GenerateOptions options = GenerateOptionsOf(flags, *model, /*drafter=*/nullptr);
#ifndef LLUDA_CLI_FLAGS_GENERATION_FLAGS_H_
#define LLUDA_CLI_FLAGS_GENERATION_FLAGS_H_

#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "cli/flags/arguments.h"
#include "engine/generate/sampling/sampler.h"
#include "engine/grammar/constraint.h"
#include "engine/grammar/grammar.h"
#include "engine/session.h"
#include "tools/run/generation_report.h"

namespace lluda::cli {

// What --speculate asks for; kDrafter is a model of that name.
engine::Speculate SpeculateOf(const GenerateFlags& flags);

// The text of -p or -f; stdin if neither is given and stdin is no terminal. InvalidArgument if that
// leaves no prompt.
absl::StatusOr<std::string> ReadPrompt(const PromptFlags& flags);

// A constraint of the grammar on texts of the model, which has a tokenizer; null for no grammar.
absl::StatusOr<std::shared_ptr<const grammar::Constraint>> ConstraintOf(
    std::shared_ptr<const grammar::Grammar> grammar, const engine::Model& model,
    const grammar::ConstraintOptions& options);

// All that the flags say of a generation with a model, but for its grammar. `drafter` is the model
// that --speculate names, null for none.
engine::GenerateOptions GenerateOptionsOf(const GenerateFlags& flags, const engine::Model& model,
                                          engine::Drafter* drafter);

// Writes texts to stdout as they come, until that fails, and keeps why.
std::function<bool(absl::string_view)> StdoutWriter(absl::Status* written);

// What stands on stderr behind a generation: that the context is full, and --stats.
void TellEnd(const char* program, const GenerateFlags& flags, const engine::Session& session,
             const tools::GenerationReport& report);

}  // namespace lluda::cli

#endif  // LLUDA_CLI_FLAGS_GENERATION_FLAGS_H_
