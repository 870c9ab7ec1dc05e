#include "engine/grammar/constrained_text.h"

#include <algorithm>
#include <utility>

#include "absl/algorithm/container.h"

namespace lluda::grammar {
namespace {

std::shared_ptr<const Grammar> Share(const std::shared_ptr<const Constraint>& constraint) {
  return {constraint, &constraint->grammar()};
}

}  // namespace

ConstrainedText::ConstrainedText(std::shared_ptr<const Constraint> constraint,
                                 absl::Span<const int32_t> stop_tokens, int64_t vocabulary)
    : constraint_(std::move(constraint)),
      vocabulary_(vocabulary),
      matcher_(Share(constraint_), {constraint_, &constraint_->trie()}) {
  for (const int32_t token : stop_tokens) {
    if (token >= 0 && token < vocabulary) stop_tokens_.push_back(token);
  }
  absl::c_sort(stop_tokens_);
  stop_tokens_.erase(std::unique(stop_tokens_.begin(), stop_tokens_.end()), stop_tokens_.end());
  const ConstraintOptions& options = constraint_->options();
  owes_ = !options.call_begin.has_value() || options.call_required;
  may_think_ = options.thought_begin.has_value() && !options.in_thought;
  phase_ = options.in_thought ? Phase::kThought : BodyPhase();
}

ConstrainedText::Phase ConstrainedText::BodyPhase() const {
  if (!constraint_->options().call_begin.has_value()) return Phase::kOpen;
  return owes_ ? Phase::kCall : Phase::kFree;
}

bool ConstrainedText::IsStop(int32_t token) const {
  return absl::c_binary_search(stop_tokens_, token);
}

std::vector<int32_t> ConstrainedText::Others() const {
  const ConstraintOptions& options = constraint_->options();
  std::vector<int32_t> others;
  const bool at_begin = phase_ == Phase::kOpen || phase_ == Phase::kCall;
  if (at_begin && may_think_) others.push_back(*options.thought_begin);
  if (phase_ == Phase::kCall) others.push_back(*options.call_begin);
  const bool may_end = phase_ == Phase::kEnd || (InGrammar() && matcher_.CanEnd());
  if (may_end && InGrammar() && options.call_end.has_value()) {
    others.push_back(*options.call_end);
  } else if (may_end) {
    others.insert(others.end(), stop_tokens_.begin(), stop_tokens_.end());
  }
  // Ids that the model does not have say nothing.
  others.erase(std::remove_if(others.begin(), others.end(),
                              [this](int32_t t) { return t < 0 || t >= vocabulary_; }),
               others.end());
  return others;
}

bool ConstrainedText::Allows(int32_t token) {
  if (IsFree()) return true;
  if (phase_ == Phase::kThought) return !IsStop(token);
  if (absl::c_linear_search(Others(), token)) return true;
  return InGrammar() && token < vocabulary_ && !IsStop(token) && matcher_.Allows(token);
}

absl::Span<const uint64_t> ConstrainedText::Mask() {
  const size_t words = (static_cast<size_t>(vocabulary_) + 63) / 64;
  const bool all = IsFree() || phase_ == Phase::kThought;
  mask_.assign(words, all ? ~uint64_t{0} : 0);
  if (InGrammar()) {
    const absl::Span<const uint64_t> allowed = matcher_.Mask();
    std::copy_n(allowed.begin(), std::min(words, allowed.size()), mask_.begin());
  }
  if (vocabulary_ % 64 != 0) mask_.back() &= (uint64_t{1} << (vocabulary_ % 64)) - 1;
  if (!IsFree()) {
    for (const int32_t stop : stop_tokens_) {
      mask_[static_cast<size_t>(stop) / 64] &= ~(uint64_t{1} << (stop % 64));
    }
    for (const int32_t other : Others()) {
      mask_[static_cast<size_t>(other) / 64] |= uint64_t{1} << (other % 64);
    }
  }
  return mask_;
}

std::optional<int32_t> ConstrainedText::OnlyToken() {
  if (IsFree() || phase_ == Phase::kThought) return std::nullopt;
  std::vector<int32_t> allowed = Others();
  if (allowed.size() < 2 && InGrammar()) {
    // Of the grammar's first tokens some may be stop tokens, which are none of it.
    for (const int32_t token : matcher_.AllowedTokens(2 + stop_tokens_.size())) {
      if (token < vocabulary_ && !IsStop(token)) allowed.push_back(token);
    }
  }
  return allowed.size() == 1 ? std::optional<int32_t>(allowed.front()) : std::nullopt;
}

void ConstrainedText::Advance(int32_t token) {
  const ConstraintOptions& options = constraint_->options();
  const bool begins_thought = options.thought_begin == token;
  const bool may_think = std::exchange(may_think_, false);
  switch (phase_) {
    case Phase::kThought:
      if (options.thought_end == token) phase_ = BodyPhase();
      break;
    case Phase::kOpen:
    case Phase::kGrammar:
      if (phase_ == Phase::kOpen && may_think && begins_thought) {
        phase_ = Phase::kThought;
      } else if (options.call_end == token && matcher_.CanEnd()) {
        // What has been owed is there.
        owes_ = false;
        phase_ = options.one_call ? Phase::kEnd : Phase::kFree;
      } else {
        matcher_.Advance(token);
        phase_ = Phase::kGrammar;
      }
      break;
    case Phase::kCall:
    case Phase::kFree:
      if (begins_thought && (phase_ == Phase::kFree || may_think)) {
        phase_ = Phase::kThought;
      } else if (options.call_begin == token) {
        matcher_.Restart();
        phase_ = Phase::kGrammar;
      }
      break;
    case Phase::kEnd:
      break;
  }
}

bool ConstrainedText::IsFinished() const {
  if (!stop_tokens_.empty()) return false;
  const bool calls = constraint_->options().call_begin.has_value();
  return phase_ == Phase::kEnd || (!calls && InGrammar() && matcher_.MustEnd());
}

}  // namespace lluda::grammar
