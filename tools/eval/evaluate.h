// How well a model predicts a text, and how far it is from another one: all that `lluda eval`
// finds out. The other one may be the same model in another precision; KL divergence and the
// likeliest token tell what the precision costs.
//
//   EvalText text{"stories.txt", contents};
//   absl::StatusOr<Evaluation> evaluation = Evaluate(model.get(), nullptr, text, {});
//   std::exp(evaluation->MeanNll());   // perplexity
//
// The text is tokenised whole and cut into windows (windows.h). Logits are looked at some rows at a
// time and never kept. All sums are double and in the text's order: the same numbers for any number
// of threads.
#ifndef LLUDA_TOOLS_EVAL_EVALUATE_H_
#define LLUDA_TOOLS_EVAL_EVALUATE_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "engine/model.h"
#include "tools/eval/score.h"
#include "tools/eval/text_tokens.h"

namespace lluda::tools {

struct EvalOptions {
  // Tokens at a time, what is in front among them; 0: 512, or all a model holds.
  int64_t window = 0;
  int64_t stride = 0;  // from one window to the next; 0: half of what a window holds of the text
  int64_t tokens = 0;  // so many of the text's first ones are all of it; 0: it is read whole
  // The other model's logits at the positions that count, as `keep_logits` of the same text and windows had
  // them: in place of that model.
  absl::Span<const float> against_logits;
  std::vector<float>* keep_logits = nullptr;  // gets this model's
  // Looked at between steps: what was measured until then is the result.
  const std::atomic<bool>* cancel = nullptr;
  // Told how many positions have been scored.
  std::function<void(int64_t done, int64_t total)> progress;
};

struct Evaluation {
  struct Position {
    int64_t token = 0;  // its place in the text's tokens
    PositionScore score;
  };
  struct Place {
    Position position;
    std::string before, token;  // the text before it, and the token that came
  };

  std::string text_name;
  int64_t tokens = 0;  // of the text
  int64_t window = 0;
  int64_t stride = 0;
  int64_t wanted = 0;               // positions that count
  std::vector<Position> positions;  // those that were scored, in order
  int64_t bytes = 0;                // of the text, of the tokens that were scored
  bool is_compared = false;         // whether there was another model
  std::vector<Place> worst;         // largest KL first; without another model, largest NLL

  bool is_complete() const { return static_cast<int64_t>(positions.size()) == wanted; }
  // Of what was scored; NaN if nothing was.
  double MeanNll() const;
  double NllError() const;  // the standard error of the mean
  double MeanAgainstNll() const;
  double MeanKl() const;
  double KlQuantile(double share) const;
  double BitsPerByte() const;
  int64_t SameTop() const;
};

// `against` is null or loaded beside `model`, which has a tokenizer. InvalidArgument for a text with
// nothing to predict, a window or stride out of range, another model whose vocabulary is another, and logits of other positions;
// FailedPrecondition for models that give no logits; Internal, naming model, token and logit, where they are
// NaN or +inf.
absl::StatusOr<Evaluation> Evaluate(engine::Model* model, engine::Model* against,
                                    const EvalText& text, const EvalOptions& options);

}  // namespace lluda::tools

#endif  // LLUDA_TOOLS_EVAL_EVALUATE_H_
