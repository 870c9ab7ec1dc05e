#include "engine/draft_model.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "base/stopwatch.h"

namespace lluda::engine {
namespace {

// How much the latest of several measurements counts.
constexpr double kLatest = 0.125;
// Tokens from which on a step's time is a matter of their number.
constexpr int64_t kLongStep = 16;

void Learn(double seconds, double* known) {
  *known = *known == 0 ? seconds : *known + kLatest * (seconds - *known);
}

// Whether both cut texts into the same tokens, as far as their tokens say.
bool HaveOneVocabulary(const tokenizer::Tokenizer& a, const tokenizer::Tokenizer& b) {
  if (a.vocabulary_size() != b.vocabulary_size()) return false;
  for (int32_t id = 0; id < a.vocabulary_size(); ++id) {
    if (a.TokenText(id) != b.TokenText(id) || a.IsSpecial(id) != b.IsSpecial(id)) return false;
  }
  return true;
}

}  // namespace

absl::StatusOr<std::unique_ptr<DraftModel>> DraftModel::Create(Model* draft, const Model& target) {
  const bool fits = draft->tokenizer() != nullptr && target.tokenizer() != nullptr &&
                    HaveOneVocabulary(*draft->tokenizer(), *target.tokenizer());
  if (!fits) {
    return absl::InvalidArgumentError(absl::StrCat("the tokenizers of ", draft->folder(), " and ",
                                                   target.folder(),
                                                   " differ: one cannot guess for the other"));
  }
  runtime::SessionOptions options;
  options.context = draft->context();
  ASSIGN_OR_RETURN(std::unique_ptr<runtime::Session> session,
                   runtime::Session::Create(draft->executable(), options));
  if (session->width() != session->vocabulary()) {
    return absl::FailedPreconditionError(
        absl::StrCat(draft->folder(), ": gives no logits: it makes embeddings, no text"));
  }
  return std::unique_ptr<DraftModel>(new DraftModel(draft, std::move(session)));
}

void DraftModel::Begin(absl::Span<const int32_t> tokens) {
  tokens_.assign(tokens.begin(), tokens.end());
}

int64_t DraftModel::Most(int64_t limit) {
  return std::clamp<int64_t>(session_->context() - static_cast<int64_t>(tokens_.size()), 0, limit);
}

int64_t DraftModel::Missing() const {
  const auto common = static_cast<int64_t>(
      std::mismatch(held_.begin(), held_.end(), tokens_.begin(), tokens_.end()).first -
      held_.begin());
  return static_cast<int64_t>(tokens_.size()) - common;
}

void DraftModel::KeepCommon() {
  const auto size = static_cast<int64_t>(tokens_.size());
  // The last token is computed once more, if it has to be: its logits are wanted.
  int64_t kept = std::min(size - Missing(), size - 1);
  kept = session_->Keepable(0, kept);
  session_->Truncate(0, kept);
  held_.resize(static_cast<size_t>(kept));
}

int32_t DraftModel::Next(absl::Span<const int32_t> tokens) {
  base::Stopwatch watch;
  const runtime::Chunk chunk{0, tokens, 1, {}, 1};
  const auto logits = session_->Evaluate(absl::MakeConstSpan(&chunk, 1));
  if (!logits.ok()) return -1;
  const double seconds = watch.Lap();
  const auto count = static_cast<int64_t>(tokens.size());
  if (count == 1) Learn(seconds, &one_);
  if (count >= kLongStep) Learn(seconds / static_cast<double>(count), &per_token_);
  held_.insert(held_.end(), tokens.begin(), tokens.end());
  const auto best =
      static_cast<int32_t>(std::max_element(logits->begin(), logits->end()) - logits->begin());
  return best < draft_->tokenizer()->vocabulary_size() ? best : -1;
}

absl::Span<const int32_t> DraftModel::Guess(int64_t count) {
  guesses_.clear();
  KeepCommon();
  const std::vector<int32_t> missing(tokens_.begin() + static_cast<int64_t>(held_.size()),
                                     tokens_.end());
  int32_t next = Next(missing);
  while (next >= 0) {
    guesses_.push_back(next);
    if (static_cast<int64_t>(guesses_.size()) >= count) break;
    next = Next(absl::MakeConstSpan(&guesses_.back(), 1));
  }
  return guesses_;
}

double DraftModel::Seconds(int64_t count) const {
  const double first = std::max(one_, per_token_ * static_cast<double>(Missing()));
  return first + one_ * static_cast<double>(count - 1);
}

}  // namespace lluda::engine
