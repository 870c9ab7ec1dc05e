// What `lluda validate` finds out about a prompt: how far the model is from the reference in its
// tokens, its logits and its activations, and in which of them it falls short.
//
//   Validator validator(model, session, numbers);
//   absl::StatusOr<PromptResult> result = validator.Run(prompts[0]);
//   result->shortcomings;   // empty, or {"nmse", "greedy"}
#ifndef LLUDA_TOOLS_VALIDATE_VALIDATOR_H_
#define LLUDA_TOOLS_VALIDATE_VALIDATOR_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "engine/generate/prompt.h"
#include "engine/model.h"
#include "engine/session.h"
#include "tools/validate/compare.h"
#include "tools/validate/reference.h"

namespace lluda::tools {

struct ActivationError {
  std::string name;
  double nmse = 0;
  double bound = 0;                    // positive
  std::optional<double> hf_bf16_nmse;  // of transformers' own bf16 run
};

struct PromptResult {
  std::optional<LogitsDistance> distance;
  double nmse_bound = 0;
  int32_t next = 0;
  double next_logit = 0;
  int64_t top10_shared = 0;
  int64_t greedy_equal = 0;    // tokens met before the first other one
  int64_t greedy_decided = 0;  // tokens that have to be met
  std::optional<double> mean_nll;
  std::vector<ActivationError> activations;  // that nearest to its bound, or beyond it, first
  std::vector<std::string> shortcomings;
  std::string remark;  // about the reference; falls short of nothing
};

class Validator {
 public:
  // `numbers` are those that the model computes with. All must outlive it.
  Validator(engine::Model* model, engine::Session* session, const engine::ModuleOptions& numbers)
      : model_(model), session_(session), numbers_(numbers) {}

  // InvalidArgument for a reference of another model.
  absl::StatusOr<PromptResult> Run(const ReferencePrompt& reference);

  // The prompt with what the model hears of its sounds, whose placeholders are among its tokens. The
  // rows are compared with the reference's, if `result` is given.
  absl::StatusOr<engine::Prompt> Hear(const ReferencePrompt& reference, PromptResult* result);

 private:
  absl::Status CompareLogits(const std::vector<float>& logits, const ReferencePrompt& reference,
                             PromptResult* result);
  bool HasInt8() const;
  double Margin() const;
  double RouterMargin() const;
  bool IsDecided(const ReferencePrompt& reference) const;
  absl::Status Decode(const std::vector<float>& logits, const ReferencePrompt& reference,
                      engine::Prompt prompt, PromptResult* result);
  absl::Status Replay(const std::vector<float>& logits, const engine::Prompt& prompt,
                      PromptResult* result);

  engine::Model* model_;
  engine::Session* session_;
  engine::ModuleOptions numbers_;
};

// Compares what the parts of the model computed, after an Evaluate of the prompt in a session of a
// model that records activations.
absl::Status CompareActivations(const ReferencePrompt& reference,
                                const engine::ModuleOptions& numbers, engine::Session* session,
                                PromptResult* result);

}  // namespace lluda::tools

#endif  // LLUDA_TOOLS_VALIDATE_VALIDATOR_H_
