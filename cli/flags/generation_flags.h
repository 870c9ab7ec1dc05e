// From flags to what a generation wants. Knows no compiler.
//
//   engine::SamplerOptions sampler = SamplerOf(flags.sampler, model->DefaultSampler());
#ifndef LLUDA_CLI_FLAGS_GENERATION_FLAGS_H_
#define LLUDA_CLI_FLAGS_GENERATION_FLAGS_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "cli/flags/arguments.h"
#include "engine/generate/sampling/sampler.h"
#include "engine/grammar/constraint.h"
#include "engine/grammar/grammar.h"
#include "engine/session.h"
#include "frontends/tokenizer/tokenizer.h"

namespace lluda::cli {

// `defaults` with the flags that were given. Who asks for top-k, top-p or min-p but not for a
// temperature wants draws: where the default is greedy, the temperature becomes 1.
engine::SamplerOptions SamplerOf(const SamplerFlags& flags, engine::SamplerOptions defaults);

// What --speculate asks for; kDrafter is a model of that name.
engine::Speculate SpeculateOf(const GenerateFlags& flags);

// The text of -p or -f; stdin if neither is given and stdin is no terminal. InvalidArgument if that
// leaves no prompt.
absl::StatusOr<std::string> ReadPrompt(const PromptFlags& flags);

// A constraint of the grammar on texts of the model, which has a tokenizer; null for no grammar.
absl::StatusOr<std::shared_ptr<const grammar::Constraint>> ConstraintOf(
    std::shared_ptr<const grammar::Grammar> grammar, const engine::Model& model,
    const grammar::ConstraintOptions& options);

// What a generation that ends with FinishReason::kContext says, without its newline.
std::string FullContextText(const engine::Session& session);

}  // namespace lluda::cli

#endif  // LLUDA_CLI_FLAGS_GENERATION_FLAGS_H_
