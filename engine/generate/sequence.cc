#include "engine/generate/sequence.h"

#include <algorithm>
#include <utility>

#include "absl/algorithm/container.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "glog/logging.h"

namespace lluda::engine {
namespace {

// Steps of a grammar, some ms of them, behind which the rest of a run of tokens without a choice is
// left for later: other texts wait meanwhile.
constexpr size_t kForcedWork = 100000;

double SecondsBetween(std::chrono::steady_clock::time_point start,
                      std::chrono::steady_clock::time_point end) {
  return std::chrono::duration<double>(end - start).count();
}

// Whether the prompt has text that a generated one can go on from.
bool HasText(const SequenceModel& model, absl::Span<const int32_t> prompt) {
  return model.tokenizer != nullptr &&
         absl::c_any_of(prompt, [&](int32_t token) { return !model.tokenizer->IsSpecial(token); });
}

}  // namespace

absl::string_view FinishReasonName(FinishReason reason) {
  constexpr absl::string_view kNames[] = {"length", "stop", "context", "cancelled"};
  return kNames[static_cast<size_t>(reason)];
}

absl::Status CheckPrompt(const SequenceModel& model, absl::Span<const int32_t> prompt) {
  if (prompt.empty()) return absl::InvalidArgumentError("the prompt is empty");
  if (static_cast<int64_t>(prompt.size()) > model.context) {
    return absl::InvalidArgumentError(absl::StrCat("the prompt has ", prompt.size(),
                                                   " tokens, the context holds ", model.context));
  }
  for (const int32_t token : prompt) {
    if (token < 0 || token >= model.vocabulary) {
      return absl::InvalidArgumentError(absl::StrCat(
          "the prompt has token ", token, ", the model knows 0 to ", model.vocabulary - 1));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<Sequence>> Sequence::Create(const SequenceModel& model,
                                                           absl::Span<const int32_t> prompt,
                                                           const GenerateOptions& options) {
  if (options.max_new_tokens < 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("max_new_tokens must be at least 0, is ", options.max_new_tokens));
  }
  if (model.tokenizer == nullptr && (options.on_text || !options.stop_strings.empty())) {
    return absl::FailedPreconditionError("has no tokenizer, so there is no text");
  }
  ASSIGN_OR_RETURN(engine::StopStrings stops, engine::StopStrings::Create(options.stop_strings));
  ASSIGN_OR_RETURN(engine::Sampler sampler,
                   engine::Sampler::Create(options.sampler, model.vocabulary));
  if (options.constraint != nullptr && options.constraint->trie().size() > model.vocabulary) {
    return absl::InvalidArgumentError(absl::StrCat("the constraint is made of ",
                                                   options.constraint->trie().size(),
                                                   " tokens, the model has ", model.vocabulary));
  }
  RETURN_IF_ERROR(CheckPrompt(model, prompt));
  RETURN_IF_ERROR(sampler.AddPrompt(prompt));
  return std::unique_ptr<Sequence>(
      new Sequence(model, prompt, options, std::move(stops), std::move(sampler)));
}

absl::StatusOr<std::unique_ptr<Sequence>> Sequence::Create(const SequenceModel& model,
                                                           const Prompt& prompt,
                                                           const GenerateOptions& options) {
  const auto tokens = static_cast<int64_t>(prompt.tokens.size());
  RETURN_IF_ERROR(CheckMedia(prompt.media, tokens, model.media_width));
  ASSIGN_OR_RETURN(std::unique_ptr<Sequence> sequence, Create(model, prompt.tokens, options));
  sequence->media_ = prompt.media;
  sequence->media_rows_ = RowOfEachToken(prompt.media, tokens);
  return sequence;
}

Sequence::Sequence(const SequenceModel& model, absl::Span<const int32_t> prompt,
                   const GenerateOptions& options, engine::StopStrings stops,
                   engine::Sampler sampler)
    : context_(model.context),
      max_new_tokens_(options.max_new_tokens),
      cancel_(options.cancel),
      sampler_(std::move(sampler)),
      stop_tokens_(options.stop_tokens),
      constraint_(options.constraint == nullptr
                      ? nullptr
                      : std::make_unique<grammar::ConstrainedText>(
                            options.constraint, options.stop_tokens, model.vocabulary)),
      step_by_step_(options.step_by_step),
      output_(model.tokenizer, std::move(stops), options.on_text,
              options.continues && HasText(model, prompt)),
      tokens_(prompt.begin(), prompt.end()) {
  result_.prompt_tokens = static_cast<int64_t>(prompt.size());
  if (options.speculate == Speculate::kPrompt) drafter_ = &lookup_;
  if (options.speculate == Speculate::kDrafter) drafter_ = options.drafter;
  if (drafter_ != nullptr) drafter_->Begin(prompt);
}

absl::Span<const int32_t> Sequence::waiting() const {
  return absl::MakeConstSpan(tokens_).subspan(static_cast<size_t>(computed_));
}

absl::Span<const float* const> Sequence::MediaOfWaiting(int64_t count) const {
  // Tokens of its own making have embeddings of their own.
  if (decoding() || media_rows_.empty()) return {};
  return absl::MakeConstSpan(media_rows_)
      .subspan(static_cast<size_t>(computed_), static_cast<size_t>(count));
}

void Sequence::Reuse(int64_t count) {
  CHECK(computed_ == 0 && count < static_cast<int64_t>(tokens_.size()));
  computed_ = count;
  if (std::exchange(has_had_place_, true)) return;
  result_.reused_tokens = count;
  result_.queue_seconds = SecondsBetween(start_, Clock::now());
}

void Sequence::MarkComputed(int64_t count, int64_t parallel_calls, int64_t head_rows) {
  CHECK(count <= static_cast<int64_t>(waiting().size()));
  computed_ += count;
  computed_in_steps_ += count;
  result_.parallel_calls = parallel_calls;
  if (generated() == 0) return;
  ++result_.decode_steps;
  result_.head_rows += head_rows;
}

absl::Span<const int32_t> Sequence::Draft(const DraftTimes& times, int64_t most) {
  CHECK(decoding());
  const absl::Span<const int32_t> tokens = waiting();
  draft_.assign(tokens.begin(), tokens.end());
  if (drafter_ == nullptr) return draft_;
  // A guess that comes true gives a token, and another one comes of its logits.
  const int64_t room =
      std::min({most - 1, context_ - computed_ - 1, max_new_tokens_ - generated() - 1, kMaxDraft});
  if (room <= 0) return draft_;
  const int64_t depth = draft_depth_.Choose(
      times, drafter_->Most(room), [this](int64_t count) { return drafter_->Seconds(count); });
  if (depth == 0) return draft_;
  const absl::Span<const int32_t> guess = drafter_->Guess(depth);
  draft_.insert(draft_.end(), guess.begin(), guess.end());
  return draft_;
}

int64_t Sequence::FeedDraft(absl::Span<const float> logits, SamplerScratch* scratch,
                            const std::function<void(absl::Span<const float>)>& read_row) {
  const size_t width = logits.size() / draft_.size();
  size_t own = 1;
  for (;; ++own) {
    const absl::Span<const float> row = logits.subspan((own - 1) * width, width);
    Feed(row, scratch);
    if (read_row) read_row(row);
    if (own == draft_.size() || CheckFinished() || tokens_.back() != draft_[own]) break;
    ++computed_;
    ++computed_in_steps_;
  }
  const auto guessed = static_cast<int64_t>(draft_.size()) - 1;
  const auto accepted = static_cast<int64_t>(own) - 1;
  draft_depth_.Note(guessed, accepted);
  result_.guessed_tokens += guessed;
  result_.accepted_tokens += accepted;
  return static_cast<int64_t>(own);
}

void Sequence::Feed(absl::Span<const float> logits, SamplerScratch* scratch) {
  CHECK(!finished_ && waiting().empty());
  const bool is_free = constraint_ == nullptr || constraint_->IsFree();
  absl::StatusOr<int32_t> next =
      sampler_.Sample(logits, scratch, is_free ? nullptr : constraint_.get());
  if (!is_free && !constraint_->status().ok()) next = constraint_->status();
  if (!next.ok()) {
    finished_ = true;
    status_ = next.status();
    return;
  }
  if (generated() == 0) {
    first_token_ = Clock::now();
    result_.first_token_seconds = SecondsBetween(start_, first_token_);
  }
  Take(*next);
  // Guesses are held against a token at a time.
  if (constraint_ != nullptr && !step_by_step_ && drafter_ == nullptr) TakeForced();
}

void Sequence::Take(int32_t token) {
  if (stop_tokens_.Contains(token)) {
    output_.AddStopToken(token);
    result_.stop_token = token;
    Finish(FinishReason::kStop);
    return;
  }
  tokens_.push_back(token);
  if (drafter_ != nullptr) drafter_->Add(token);
  bool is_of_call = false;
  if (constraint_ != nullptr) {
    is_of_call = constraint_->InCall();
    constraint_->Advance(token);
    is_of_call |= constraint_->InCall();
  }
  if (is_of_call) {
    output_.AddApart(token);
  } else {
    output_.Add(token);
  }
  if (output_.stopped()) Finish(FinishReason::kStop);
}

void Sequence::TakeForced() {
  const auto has_room = [this] {
    return generated() < max_new_tokens_ && static_cast<int64_t>(tokens_.size()) <= context_;
  };
  size_t work = 0;
  while (!finished_ && has_room() && !constraint_->IsFree() && !constraint_->IsFinished()) {
    const std::optional<int32_t> token = constraint_->OnlyToken();
    if (!token.has_value() || !constraint_->status().ok()) return;
    work += constraint_->work();
    if (work > kForcedWork) return;
    sampler_.Count(*token);
    Take(*token);
  }
}

bool Sequence::CheckFinished() {
  if (finished_) return true;
  if (constraint_ != nullptr && constraint_->IsFinished()) {
    Finish(FinishReason::kStop);
  } else if (generated() >= max_new_tokens_) {
    Finish(FinishReason::kLength);
  } else if (cancelled()) {
    Finish(FinishReason::kCancelled);
  } else if (static_cast<int64_t>(tokens_.size()) > context_) {
    Finish(FinishReason::kContext);
  }
  return finished_;
}

void Sequence::Finish(FinishReason reason) {
  if (finished_) return;
  finished_ = true;
  output_.Finish();
  result_.finish = reason;
  result_.text = output_.text();
  result_.tokens.assign(tokens_.begin() + result_.prompt_tokens, tokens_.end());
  if (result_.decode_steps > 0) {
    result_.decode_seconds = SecondsBetween(first_token_, Clock::now());
  }
}

absl::StatusOr<Generation> Sequence::TakeResult() {
  CHECK(finished_);
  if (!status_.ok()) return status_;
  return std::move(result_);
}

}  // namespace lluda::engine
