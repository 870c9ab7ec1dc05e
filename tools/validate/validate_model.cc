#include "tools/validate/validate_model.h"

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "engine/session.h"
#include "tools/validate/cache_error.h"
#include "tools/validate/reference.h"
#include "tools/validate/validator.h"

namespace lluda::tools {
namespace {

// The error of one prompt, which it names.
absl::Status AtPrompt(const ValidateOptions& validate, size_t number, const absl::Status& status) {
  if (status.ok()) return status;
  return absl::Status(status.code(), absl::StrCat(validate.reference, ": prompts[", number,
                                                  "]: ", status.message()));
}

absl::Status ValidateOutputs(const ValidateOptions& validate, const engine::LoadOptions& options,
                             Validation* validation) {
  ASSIGN_OR_RETURN(std::unique_ptr<engine::Model> model, validate.load(options));
  ASSIGN_OR_RETURN(std::unique_ptr<engine::Session> session,
                   engine::Session::Create(model.get(), {}));
  Validator validator(model.get(), session.get(), options.module);
  for (const ReferencePrompt& prompt : validation->prompts) {
    absl::StatusOr<PromptResult> result = validator.Run(prompt);
    if (!result.ok()) return AtPrompt(validate, validation->results.size(), result.status());
    validation->results.push_back(*std::move(result));
  }
  return absl::OkStatus();
}

absl::Status ValidateActivations(const ValidateOptions& validate,
                                 const engine::LoadOptions& options, Validation* validation) {
  const std::vector<ReferencePrompt>& prompts = validation->prompts;
  int64_t longest = 0;
  for (const ReferencePrompt& prompt : prompts) {
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
  ASSIGN_OR_RETURN(std::unique_ptr<engine::Model> model, validate.load(recording));
  ASSIGN_OR_RETURN(std::unique_ptr<engine::Session> session,
                   engine::Session::Create(model.get(), {}));
  for (size_t i = 0; i < prompts.size(); ++i) {
    if (prompts[i].activations.empty()) continue;
    session->Clear();
    absl::StatusOr<engine::Prompt> prompt =
        Validator(model.get(), session.get(), options.module).Hear(prompts[i], nullptr);
    absl::Status status = prompt.status();
    if (status.ok()) status = session->Evaluate(*prompt).status();
    if (status.ok()) {
      status =
          CompareActivations(prompts[i], options.module, session.get(), &validation->results[i]);
    }
    if (!status.ok()) return AtPrompt(validate, i, status);
  }
  return absl::OkStatus();
}

absl::Status ValidateCache(const ValidateOptions& validate, const engine::LoadOptions& options,
                           Validation* validation) {
  if (options.module.kv_cache != engine::KvCache::kInt8) return absl::OkStatus();
  if (options.source->bundle() != nullptr) {
    validation->skipped.push_back("the error of the int8 cache: a bundle has no other cache");
    return absl::OkStatus();
  }
  ASSIGN_OR_RETURN(validation->cache_error,
                   MeasureCacheError(options, validate.load, validation->prompts.front().ids));
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Validation> ValidateModel(engine::LoadOptions options,
                                         const ValidateOptions& validate) {
  Validation validation;
  ASSIGN_OR_RETURN(validation.prompts, LoadReference(validate.reference));
  options.need_tokenizer = false;
  validation.precision = std::string(engine::PrecisionName(options.module.precision));
  RETURN_IF_ERROR(ValidateOutputs(validate, options, &validation));
  RETURN_IF_ERROR(ValidateActivations(validate, options, &validation));
  RETURN_IF_ERROR(ValidateCache(validate, options, &validation));
  return validation;
}

}  // namespace lluda::tools
