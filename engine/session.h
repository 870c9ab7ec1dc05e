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
// It is a scheduler of one sequence at a time: engine/generate/scheduler.h runs several side by
// side. What is generated depends on the prompt, the options and the model alone: not on what the
// session held before, on the number of threads, or on how the prompt is divided into steps.
#ifndef LLUDA_ENGINE_SESSION_H_
#define LLUDA_ENGINE_SESSION_H_

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "engine/generate/scheduler.h"
#include "engine/generate/sequence.h"
#include "engine/model.h"

namespace lluda::engine {

struct SessionOptions {
  int64_t context = 0;   // tokens held; 0: as many as the model was loaded for
  int64_t max_step = 0;  // tokens computed at a time; 0: as many as the model was loaded for
};

class Session {
 public:
  // `model` must outlive the session. A model may have several sessions, of which one at a time may
  // be at work. FailedPrecondition for a model that was loaded or compiled for embeddings.
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
  // The same of a prompt with media (engine/audio_encoder.h makes them), and errors as CheckMedia.
  absl::StatusOr<Generation> Generate(const Prompt& prompt, const GenerateOptions& options);

  // The logits [vocabulary] of the token after `tokens`, valid until the next call. InvalidArgument
  // as for Generate.
  absl::StatusOr<absl::Span<const float>> Evaluate(absl::Span<const int32_t> tokens);
  absl::StatusOr<absl::Span<const float>> Evaluate(const Prompt& prompt);

  // What a part of the model computed for the tokens held, [token, ...] in f32, valid until the
  // next evaluation: "embed", and "out[3]" of layer 3; ImportOptions::record_activations lists them all.
  // NotFound if there is no such part or if the model was loaded without record_activations.
  absl::StatusOr<absl::Span<const float>> Activation(absl::string_view name);

  // Forgets everything.
  void Clear();

  // The tokens held, those that the last Generate made included as far as they were computed with.
  const std::vector<int32_t>& history() const { return scheduler_->held(0); }
  int64_t context() const { return scheduler_->context(); }
  int64_t vocabulary() const { return scheduler_->vocabulary(); }
  int64_t kv_bytes() const { return scheduler_->kv_bytes(); }

 private:
  Session(Model* model, std::unique_ptr<Scheduler> scheduler)
      : model_(model), scheduler_(std::move(scheduler)) {}
  SequenceModel sequence_model() const {
    return {model_->tokenizer(), vocabulary(), context(), scheduler_->media_width()};
  }
  // The text of a sequence, or why there is none.
  absl::StatusOr<Generation> Run(absl::StatusOr<std::unique_ptr<Sequence>> sequence);

  Model* model_;
  std::unique_ptr<Scheduler> scheduler_;
  std::map<std::string, std::vector<float>> activations_;  // those asked for, by name
};

}  // namespace lluda::engine

#endif  // LLUDA_ENGINE_SESSION_H_
