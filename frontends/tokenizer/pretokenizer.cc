#include "frontends/tokenizer/pretokenizer.h"

#include <deque>
#include <string>
#include <utility>

#include "base/status_macros.h"
#include "base/utf8.h"
#include "frontends/tokenizer/text/strings.h"

namespace lluda::tokenizer {
namespace {

// What ByteLevel splits by when use_regex is true (encoder.py of OpenAI's GPT-2).
constexpr std::string_view kGpt2Regex =
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";

using OptionalPattern = std::optional<SplitPattern>;

absl::StatusOr<OptionalPattern> PatternOf(const SplitStep& step) {
  const int behavior = static_cast<int>(step.behavior);
  if (behavior < 0 || behavior >= kSplitBehaviors) {
    return absl::InvalidArgumentError("the behavior is unknown");
  }
  return step.is_regex ? SplitPattern::Compile(step.pattern) : SplitPattern::Literal(step.pattern);
}

absl::StatusOr<OptionalPattern> PatternOf(const ByteLevelStep& step) {
  if (!step.gpt2_regex) return OptionalPattern();
  return SplitPattern::Compile(kGpt2Regex);
}

absl::StatusOr<OptionalPattern> PatternOf(const MetaspaceStep& step) {
  if (!base::IsOneCharacter(step.replacement)) {
    return absl::InvalidArgumentError("the replacement is not one character");
  }
  const int scheme = static_cast<int>(step.prepend);
  if (scheme < 0 || scheme >= kPrependSchemes) {
    return absl::InvalidArgumentError("the prepend_scheme is unknown");
  }
  if (!step.split) return OptionalPattern();
  return SplitPattern::Literal(step.replacement);
}

// Whether a part belongs to the piece before it; the previous part of the first one is no match.
bool JoinsPiece(SplitBehavior behavior, bool previous_is_match, bool is_match) {
  switch (behavior) {
    case SplitBehavior::kIsolated:
    case SplitBehavior::kRemoved:
      return false;
    case SplitBehavior::kMergedWithPrevious:
      return is_match && !previous_is_match;
    case SplitBehavior::kMergedWithNext:
      return !is_match && previous_is_match;
    case SplitBehavior::kContiguous:
      return is_match == previous_is_match;
  }
  return false;
}

// Appends the pieces that `text` is cut into; none is empty.
void Cut(const SplitPattern& pattern, SplitBehavior behavior, bool invert, std::string_view text,
         std::vector<std::string_view>* pieces, int64_t* matches) {
  const size_t first = pieces->size();
  bool previous_is_match = false;
  pattern.Cut(
      text,
      [&](std::string_view part, bool matched) {
        const bool is_match = matched != invert;
        if (pieces->size() > first && JoinsPiece(behavior, previous_is_match, is_match)) {
          std::string_view& last = pieces->back();
          last = {last.data(), last.size() + part.size()};
        } else if (!is_match || behavior != SplitBehavior::kRemoved) {
          pieces->push_back(part);
        }
        previous_is_match = is_match;
      },
      matches);
}

// The pieces of a text between two steps: views of it, or of texts that steps made of it.
struct Pieces {
  std::vector<std::string_view> list;
  std::deque<std::string> owned;
  // Where the piece is, if any, that the whole text begins with.
  const char* beginning = nullptr;

  // Puts `changed` in the place of `piece`, a view that it outlives.
  std::string_view Replace(std::string_view piece, std::string changed) {
    owned.push_back(std::move(changed));
    if (piece.data() == beginning) beginning = owned.back().data();
    return owned.back();
  }
};

std::string_view Prepare(const SplitStep&, std::string_view piece, Pieces*) { return piece; }

std::string_view Prepare(const ByteLevelStep& step, std::string_view piece, Pieces* pieces) {
  if (!step.add_prefix_space || StartsWith(piece, " ")) return piece;
  return pieces->Replace(piece, Concat(" ", piece));
}

std::string_view Prepare(const MetaspaceStep& step, std::string_view piece, Pieces* pieces) {
  std::string changed = ReplaceAll(piece, " ", step.replacement);
  const bool prepends =
      step.prepend == PrependScheme::kAlways ||
      (step.prepend == PrependScheme::kFirst && piece.data() == pieces->beginning);
  if (prepends && !StartsWith(changed, step.replacement)) changed.insert(0, step.replacement);
  return pieces->Replace(piece, std::move(changed));
}

SplitBehavior BehaviorOf(const SplitStep& step) { return step.behavior; }
SplitBehavior BehaviorOf(const ByteLevelStep&) { return SplitBehavior::kIsolated; }
SplitBehavior BehaviorOf(const MetaspaceStep&) { return SplitBehavior::kMergedWithNext; }

bool IsInverted(const PretokenizerStep& step) {
  const auto* split = std::get_if<SplitStep>(&step);
  return split != nullptr && split->invert;
}

}  // namespace

absl::StatusOr<Pretokenizer> Pretokenizer::Create(const PretokenizerSteps& steps) {
  Pretokenizer result;
  for (const PretokenizerStep& step : steps) {
    RETURN_IF_ERROR(result.Add(step));
  }
  return result;
}

absl::Status Pretokenizer::Add(const PretokenizerStep& step) {
  if (is_byte_level_) return absl::InvalidArgumentError("a step after ByteLevel is not supported");
  ASSIGN_OR_RETURN(OptionalPattern pattern,
                   std::visit([](const auto& kind) { return PatternOf(kind); }, step));
  patterns_.push_back(std::move(pattern));
  steps_.push_back(step);
  is_byte_level_ = std::holds_alternative<ByteLevelStep>(step);
  return absl::OkStatus();
}

void Pretokenizer::Split(std::string_view text, bool begins_text,
                         absl::FunctionRef<void(std::string_view)> piece, int64_t* matches) const {
  if (text.empty()) return;
  Pieces pieces;
  pieces.list = {text};
  if (begins_text) pieces.beginning = text.data();
  std::vector<std::string_view> next;
  for (size_t i = 0; i < steps_.size(); ++i) {
    const PretokenizerStep& step = steps_[i];
    const SplitBehavior behavior =
        std::visit([](const auto& kind) { return BehaviorOf(kind); }, step);
    next.clear();
    for (const std::string_view whole : pieces.list) {
      const std::string_view prepared =
          std::visit([&](const auto& kind) { return Prepare(kind, whole, &pieces); }, step);
      if (patterns_[i].has_value()) {
        Cut(*patterns_[i], behavior, IsInverted(step), prepared, &next, matches);
      } else {
        next.push_back(prepared);
      }
    }
    pieces.list.swap(next);
  }
  for (const std::string_view part : pieces.list) piece(part);
}

}  // namespace lluda::tokenizer
