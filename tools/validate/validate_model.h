// Compares a model with what transformers computed for it, prompt by prompt: all that `lluda
// validate` finds out.
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
//
//   absl::StatusOr<Validation> validation = ValidateModel(options, {"reference.json", load});
//   validation->Passed();
#ifndef LLUDA_TOOLS_VALIDATE_VALIDATE_MODEL_H_
#define LLUDA_TOOLS_VALIDATE_VALIDATE_MODEL_H_

#include <string>

#include "absl/status/statusor.h"
#include "engine/model.h"
#include "tools/inspect/optimised_model.h"
#include "tools/validate/validate_report.h"

namespace lluda::tools {

struct ValidateOptions {
  std::string reference;  // what extract_reference.py wrote
  ModelLoader load;
};

// `options.source` is open. Errors are those of the reference, which is read first, of loading and
// of running; those of one prompt name it.
absl::StatusOr<Validation> ValidateModel(engine::LoadOptions options,
                                         const ValidateOptions& validate);

}  // namespace lluda::tools

#endif  // LLUDA_TOOLS_VALIDATE_VALIDATE_MODEL_H_
