// One text being written: prompt, sampler, stops and decoder. A sequence knows no model and no
// cache. It says which of its tokens are still to be computed, is fed the logits of the last one,
// and gives the next token, until it is finished.
//
//   auto sequence = Sequence::Create({tokenizer, vocabulary, context}, prompt_ids, options);
//   while (!(*sequence)->CheckFinished()) {
//     const auto waiting = (*sequence)->waiting();   // the whole prompt, then a token at a time
//     auto logits = session->Evaluate(waiting);
//     (*sequence)->MarkComputed(waiting.size());
//     (*sequence)->Feed(*logits, &scratch);
//   }
//   absl::StatusOr<Generation> result = (*sequence)->TakeResult();
//
// What comes of it depends on the prompt, the options and the logits alone: not on when it is asked
// for, or on what other sequences are computed with it.
#ifndef LLUDA_ENGINE_GENERATE_SEQUENCE_H_
#define LLUDA_ENGINE_GENERATE_SEQUENCE_H_

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "engine/generate/draft/draft_depth.h"
#include "engine/generate/draft/drafter.h"
#include "engine/generate/draft/prompt_lookup.h"
#include "engine/generate/prompt.h"
#include "engine/generate/sampling/sampler.h"
#include "engine/generate/stop.h"
#include "engine/generate/text_output.h"
#include "engine/grammar/constrained_text.h"
#include "engine/grammar/constraint.h"
#include "frontends/tokenizer/tokenizer.h"

namespace lluda::engine {

enum class FinishReason : uint8_t {
  kLength,     // max_new_tokens were generated
  kStop,       // a stop token or a stop string came
  kContext,    // the session's context is full
  kCancelled,  // the cancel flag was set, or on_text returned false
};

// "length", "stop", "context", "cancelled".
absl::string_view FinishReasonName(FinishReason reason);

// How tokens are guessed that a step then checks: a guess changes no token, only when it comes.
enum class Speculate : uint8_t {
  kOff,
  kPrompt,   // by what followed the last tokens before, in prompt and output (prompt_lookup.h)
  kDrafter,  // by GenerateOptions::drafter
};

struct GenerateOptions {
  int64_t max_new_tokens = 256;  // at least 0
  engine::SamplerOptions sampler;
  std::vector<int32_t> stop_tokens;  // not part of the text
  // Neither are they, nor what follows. They are looked for in all that is generated, the texts of
  // special tokens and of the stop token included, though these are not part of the text; but not in
  // calls of tools (ConstraintOptions::call_begin), their markers included.
  std::vector<std::string> stop_strings;
  // What the text has to be; null: anything. It must be made of the model's tokenizer.
  std::shared_ptr<const grammar::Constraint> constraint;
  // Whether a step is made for each token, so that each has its logits. Else tokens that the
  // constraint leaves no choice of come without, and a run of them is computed like a prompt: the
  // same tokens in fewer steps.
  bool step_by_step = false;
  // Whether the text goes on where the prompt's ends, so that prompt and text make a whole: of
  // tokenizers that write a word with the space before it, the first one keeps its space. An answer
  // to the prompt is a text of its own.
  bool continues = true;
  Speculate speculate = Speculate::kOff;
  // Must outlive the generation, and is its alone meanwhile.
  Drafter* drafter = nullptr;
  // Called with each piece of text as soon as it is certain: whole characters, nothing that may yet
  // turn out to be a stop string. False ends the generation. May be empty.
  TextSink on_text;
  // Looked at before every step; may be set by another thread or a signal handler. May be null.
  const std::atomic<bool>* cancel = nullptr;
};

struct Generation {
  std::vector<int32_t> tokens;  // without a stop token
  std::string text;             // all that on_text was given
  FinishReason finish = FinishReason::kLength;
  std::optional<int32_t> stop_token;  // the one that came, where not a stop string ended it
  int64_t prompt_tokens = 0;
  int64_t reused_tokens = 0;       // of them, those the cache still held
  double queue_seconds = 0;        // from the sequence's creation to its place in the cache
  double first_token_seconds = 0;  // from the sequence's creation to the first token
  double decode_seconds = 0;       // for the tokens after the first
  int64_t decode_steps = 0;        // steps in that time
  int64_t guessed_tokens = 0;      // that these steps checked
  int64_t accepted_tokens = 0;     // of them, those that came true: each a token without a step
  int64_t parallel_calls = 0;      // kernel calls of the last step that were shared by threads
  // Rows of the LM head that the steps of decode_steps computed logits of, where they read it in part;
  // those that several sequences of a step needed count for each of them.
  int64_t head_rows = 0;
};

// What a sequence has to know of the model that computes it.
struct SequenceModel {
  const tokenizer::Tokenizer* tokenizer = nullptr;  // null: tokens but no text
  int64_t vocabulary = 0;
  int64_t context = 0;      // tokens that the cache can hold of one sequence
  int64_t media_width = 0;  // numbers of a row of media; 0: it takes none
};

// InvalidArgument for an empty prompt, one that is longer than the context, and a token that the
// model does not know.
absl::Status CheckPrompt(const SequenceModel& model, absl::Span<const int32_t> prompt);

class Sequence {
 public:
  // InvalidArgument as CheckPrompt, and for bad sampler options, a stop string that is empty, a
  // negative max_new_tokens, or a constraint with more tokens than the model has. FailedPrecondition if text is asked for, by on_text or stop_strings,
  // and there is no tokenizer.
  static absl::StatusOr<std::unique_ptr<Sequence>> Create(const SequenceModel& model,
                                                          absl::Span<const int32_t> prompt,
                                                          const GenerateOptions& options);
  // The same of a prompt with media, and errors as CheckMedia.
  static absl::StatusOr<std::unique_ptr<Sequence>> Create(const SequenceModel& model,
                                                          const Prompt& prompt,
                                                          const GenerateOptions& options);

  // Prompt and generated tokens, those that are computed before those that wait. Never empty.
  absl::Span<const int32_t> tokens() const { return tokens_; }
  absl::Span<const int32_t> waiting() const;
  absl::Span<const PlacedMedia> media() const { return media_; }
  // Of the first `count` tokens that wait, the rows that stand for them (runtime::Chunk::media).
  absl::Span<const float* const> MediaOfWaiting(int64_t count) const;
  // How many of the largest logits decide its next token; 0: all of them.
  int64_t logits_needed() const { return constraint_ == nullptr ? sampler_.logits_needed() : 0; }
  // Whether what waits is a token of its own making, so that a step of one token is all it needs.
  bool decoding() const { return generated() > 0 && waiting().size() == 1; }

  // It has got its place in the cache, where the first `count` of its tokens are already: fewer than
  // it has, and none is computed yet.
  void Reuse(int64_t count);
  int64_t reused_tokens() const { return result_.reused_tokens; }
  // It has lost its place, and all its tokens are to be computed again. What comes of it stays the
  // same.
  void SetBack() { computed_ = 0; }
  // Tokens that steps have computed of it, those among them that they had to compute again.
  int64_t computed_in_steps() const { return computed_in_steps_; }
  // The first `count` of the tokens that wait have been computed in a step, of which
  // `parallel_calls` kernel calls were shared between threads, and which computed the logits of
  // `head_rows` rows of a head that it read in part.
  void MarkComputed(int64_t count, int64_t parallel_calls = 0, int64_t head_rows = 0);
  // Whether it has guesses of what comes next, so that a step of its own is worth while.
  bool speculates() const { return drafter_ != nullptr && decoding(); }
  // What a step that is its own should compute: the token of its own making that waits, and behind it
  // guesses of those to come, at most `most` in all. Valid until the next call.
  absl::Span<const int32_t> Draft(const DraftTimes& times, int64_t most);
  // Of the tokens that Draft gave, feeds the logits [tokens, vocabulary] as far as the guesses come
  // true. `read_row`, if given, sees each row that was fed. How many of the tokens are its own now.
  int64_t FeedDraft(absl::Span<const float> logits, SamplerScratch* scratch,
                    const std::function<void(absl::Span<const float>)>& read_row);
  // Chooses the next token by the logits [vocabulary] of the last one, when none is waiting. Logits
  // that are not finite finish the sequence with an error, and so does a constraint that no token
  // can meet, or whose grammar is too ambiguous.
  void Feed(absl::Span<const float> logits, SamplerScratch* scratch);

  // Ends the sequence if its constraint's text is complete and there is no stop token to say so, or
  // if it has as many tokens as were asked for, was cancelled, or has tokens waiting and no room for
  // them; whether it is finished, by this or by what it was fed.
  bool CheckFinished();
  // Whether the cancel flag is set or on_text has returned false.
  bool cancelled() const { return output_.refused() || (cancel_ != nullptr && cancel_->load()); }
  // Ends it before its time.
  void Cancel() { Finish(FinishReason::kCancelled); }
  bool finished() const { return finished_; }

  // Of a finished sequence; once. The error that it was finished by, if it was.
  absl::StatusOr<Generation> TakeResult();

 private:
  using Clock = std::chrono::steady_clock;

  Sequence(const SequenceModel& model, absl::Span<const int32_t> prompt,
           const GenerateOptions& options, engine::StopStrings stops, engine::Sampler sampler);
  // The next token, whoever chose it.
  void Take(int32_t token);
  // Takes those that there is no choice of.
  void TakeForced();
  int64_t generated() const { return static_cast<int64_t>(tokens_.size()) - result_.prompt_tokens; }
  void Finish(FinishReason reason);

  int64_t context_;
  int64_t max_new_tokens_;
  const std::atomic<bool>* cancel_;
  engine::Sampler sampler_;
  engine::StopTokens stop_tokens_;
  std::unique_ptr<grammar::ConstrainedText> constraint_;  // null: any text
  bool step_by_step_;
  TextOutput output_;
  std::vector<int32_t> tokens_;
  std::vector<PlacedMedia> media_;
  std::vector<const float*> media_rows_;  // of each of the prompt's tokens; empty without media
  int64_t computed_ = 0;
  int64_t computed_in_steps_ = 0;
  bool has_had_place_ = false;
  PromptLookup lookup_;
  Drafter* drafter_ = nullptr;  // null: nobody guesses
  DraftDepth draft_depth_;
  std::vector<int32_t> draft_;  // what Draft gave
  bool finished_ = false;
  absl::Status status_;
  Generation result_;
  Clock::time_point start_ = Clock::now();
  Clock::time_point first_token_;
};

}  // namespace lluda::engine

#endif  // LLUDA_ENGINE_GENERATE_SEQUENCE_H_
