// lluda validate: compares a model with what transformers computed for it, prompt by prompt.
//
// A prompt falls short if the tokenizer gives other ids for its text, if the likeliest next token
// is another one, if the greedy tokens differ before the first undecided step, if the logits are
// further off than the precision allows, or if they depend on how the prompt is divided into steps.
// So it does if an activation that the reference has is further off than bounds.h allows; those are
// recorded by a second program, as recording keeps values that the passes would have removed.
// A bundle records none, and says so. With a KV cache of int8 the bounds are wider, only tokens
// that it can decide have to be met, and its own error is measured, too (cache_error.h). What a
// reference does not have is not compared; neither are greedy tokens that contradict its own next
// token.
#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "cli/commands/commands.h"
#include "cli/flags/model_flags.h"
#include "cli/terminal/output.h"
#include "tools/verify/cache_error.h"
#include "tools/verify/reference.h"
#include "tools/verify/validate_report.h"
#include "tools/verify/validator.h"

namespace lluda::cli {
namespace {

// The error of one prompt, which it names.
absl::Status AtPrompt(const ValidateFlags& flags, size_t number, const absl::Status& status) {
  if (status.ok()) return status;
  return absl::Status(status.code(),
                      absl::StrCat(flags.reference, ": prompts[", number, "]: ", status.message()));
}

absl::Status ValidateOutputs(const ValidateFlags& flags, const engine::LoadOptions& options,
                             tools::Validation* validation) {
  ASSIGN_OR_RETURN(std::unique_ptr<engine::Model> model, LoadModel(options, flags.model.use_cache));
  ASSIGN_OR_RETURN(std::unique_ptr<engine::Session> session,
                   engine::Session::Create(model.get(), {}));
  tools::Validator validator(model.get(), session.get(), options.module);
  for (const tools::ReferencePrompt& prompt : validation->prompts) {
    absl::StatusOr<tools::PromptResult> result = validator.Run(prompt);
    if (!result.ok()) return AtPrompt(flags, validation->results.size(), result.status());
    validation->results.push_back(*std::move(result));
  }
  return absl::OkStatus();
}

absl::Status ValidateActivations(const ValidateFlags& flags, const engine::LoadOptions& options,
                                 tools::Validation* validation) {
  const std::vector<tools::ReferencePrompt>& prompts = validation->prompts;
  int64_t longest = 0;
  for (const tools::ReferencePrompt& prompt : prompts) {
    if (prompt.activations.empty()) continue;
    longest = std::max(longest, static_cast<int64_t>(prompt.ids.size()));
  }
  if (longest == 0) return absl::OkStatus();
  if (options.source->bundle() != nullptr) {
    validation->skipped.push_back("activations, which a bundle does not record");
    return absl::OkStatus();
  }
  engine::LoadOptions recording = options;
  recording.module.context = longest;
  recording.module.record_activations = true;
  ASSIGN_OR_RETURN(std::unique_ptr<engine::Model> model,
                   LoadModel(std::move(recording), flags.model.use_cache, Notes::kTold));
  ASSIGN_OR_RETURN(std::unique_ptr<engine::Session> session,
                   engine::Session::Create(model.get(), {}));
  for (size_t i = 0; i < prompts.size(); ++i) {
    if (prompts[i].activations.empty()) continue;
    session->Clear();
    absl::Status status = session->Evaluate(prompts[i].ids).status();
    if (status.ok()) {
      status =
          tools::CompareActivations(*session, prompts[i], options.module, &validation->results[i]);
    }
    if (!status.ok()) return AtPrompt(flags, i, status);
  }
  return absl::OkStatus();
}

absl::Status ValidateCache(const ValidateFlags& flags, const engine::LoadOptions& options,
                           tools::Validation* validation) {
  if (options.module.kv_cache != engine::KvCache::kInt8) return absl::OkStatus();
  if (options.source->bundle() != nullptr) {
    validation->skipped.push_back("the error of the int8 cache: a bundle has no other cache");
    return absl::OkStatus();
  }
  ASSIGN_OR_RETURN(
      validation->cache_error,
      tools::MeasureCacheError(options, LoaderOf(flags.model), validation->prompts.front().ids));
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<int> RunValidate(const ValidateFlags& flags) {
  tools::Validation validation;
  ASSIGN_OR_RETURN(validation.prompts, tools::LoadReference(flags.reference));
  ASSIGN_OR_RETURN(engine::LoadOptions options, LoadOptionsOf(flags.model));
  options.need_tokenizer = false;
  validation.precision = std::string(engine::PrecisionName(options.module.precision));
  absl::Status status = ValidateOutputs(flags, options, &validation);
  if (status.ok()) status = ValidateActivations(flags, options, &validation);
  if (status.ok()) status = ValidateCache(flags, options, &validation);
  if (!status.ok()) return status;
  status = WriteStdout(flags.json ? tools::ValidationJson(validation)
                                  : tools::ValidationText(validation));
  if (!status.ok()) return status;
  return validation.Passed() ? 0 : 1;
}

}  // namespace lluda::cli
