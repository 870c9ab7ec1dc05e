// A conversation with a model: what has been said is kept, so that a prompt that begins like the
// last one only costs what is new.
//
//   engine::GenerateOptions options;
//   options.max_new_tokens = 100;
//   options.sampler = model->DefaultSampler();
//   options.stop_tokens = model->StopTokens();
//   options.on_text = [](absl::string_view piece) { std::cout << piece; return true; };
//   absl::StatusOr<Generation> result = session->Generate(prompt_ids, options);
//
// What is generated depends on the prompt, the options and the model alone: not on what the session
// held before, on the number of threads, or on how the prompt is divided into steps.
#ifndef LLUDA_ENGINE_SESSION_H_
#define LLUDA_ENGINE_SESSION_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "engine/model.h"
#include "runtime/sampler.h"
#include "runtime/session.h"

namespace lluda::engine {

enum class FinishReason : uint8_t {
  kLength,     // max_new_tokens were generated
  kStop,       // a stop token or a stop string came
  kContext,    // the session's context is full
  kCancelled,  // the cancel flag was set, or on_text returned false
};

// "length", "stop", "context", "cancelled".
absl::string_view FinishReasonName(FinishReason reason);

struct GenerateOptions {
  int64_t max_new_tokens = 256;  // at least 0
  runtime::SamplerOptions sampler;
  std::vector<int32_t> stop_tokens;       // not part of the text
  std::vector<std::string> stop_strings;  // neither are they, nor what follows
  // Called with each piece of text as soon as it is certain: whole characters, nothing that may yet
  // turn out to be a stop string. False ends the generation. May be empty.
  std::function<bool(absl::string_view piece)> on_text;
  // Looked at before every step; may be set by another thread or a signal handler. May be null.
  const std::atomic<bool>* cancel = nullptr;
};

struct Generation {
  std::vector<int32_t> tokens;  // without a stop token
  std::string text;             // all that on_text was given
  FinishReason finish = FinishReason::kLength;
  std::optional<int32_t> stop_token;  // the one that came, where not a stop string ended it
  int64_t prompt_tokens = 0;
  int64_t reused_tokens = 0;       // of them, those the session still held
  double first_token_seconds = 0;  // from the call to the first token
  double decode_seconds = 0;       // for the tokens after the first
  int64_t decode_steps = 0;        // steps in that time
  int64_t parallel_calls = 0;      // kernel calls of the last step that were shared by threads
};

struct SessionOptions {
  int64_t context = 0;   // tokens held; 0: as many as the model was loaded for
  int64_t max_step = 0;  // tokens computed at a time; 0: as many as the model was loaded for
};

class Session {
 public:
  // `model` must outlive the session. A model may have several sessions, of which one at a time may
  // be at work.
  static absl::StatusOr<std::unique_ptr<Session>> Create(Model* model,
                                                         const SessionOptions& options);

  // What Generate and Evaluate say of the prompt alone: InvalidArgument for an empty one, one that
  // is longer than the context, and tokens that the model does not know.
  absl::Status CheckPrompt(absl::Span<const int32_t> prompt) const;

  // Continues `prompt`. InvalidArgument, before anything is generated and with all that the session
  // holds kept, as CheckPrompt says, for bad sampler options or a stop string that is empty.
  // FailedPrecondition if the model has no tokenizer and text is asked for, by on_text or
  // stop_strings.
  absl::StatusOr<Generation> Generate(absl::Span<const int32_t> prompt,
                                      const GenerateOptions& options);

  // The logits [vocabulary] of the token after `tokens`, valid until the next call. InvalidArgument
  // as for Generate.
  absl::StatusOr<absl::Span<const float>> Evaluate(absl::Span<const int32_t> tokens);

  // What a part of the model computed for the tokens held, [token, ...] in f32, valid until the
  // next call: "embed", and "out[3]" of layer 3; ImportOptions::record_activations lists them all.
  // NotFound if there is no such part or if the model was loaded without record_activations.
  absl::StatusOr<absl::Span<const float>> Activation(absl::string_view name) const;

  // Forgets everything.
  void Clear();

  // The tokens held, those that the last Generate made included as far as they were computed with.
  const std::vector<int32_t>& history() const { return history_; }
  int64_t context() const { return runtime_->context(); }
  int64_t vocabulary() const { return runtime_->vocabulary(); }
  int64_t kv_bytes() const { return runtime_->kv_bytes(); }

 private:
  Session(Model* model, std::unique_ptr<runtime::Session> runtime, int64_t max_step)
      : model_(model), runtime_(std::move(runtime)), max_step_(max_step) {}

  // Keeps what the session shares with `prompt`, but for its last token; how much that is.
  int64_t KeepPrefix(absl::Span<const int32_t> prompt);
  absl::StatusOr<absl::Span<const float>> Append(absl::Span<const int32_t> tokens);

  Model* model_;
  std::unique_ptr<runtime::Session> runtime_;
  int64_t max_step_;
  std::vector<int32_t> history_;
};

}  // namespace lluda::engine

#endif  // LLUDA_ENGINE_SESSION_H_
