// A text under a constraint while it is being written: which tokens may come, and whether it is at
// its end.
//
//   ConstrainedText text(constraint, stop_tokens, vocabulary);
//   if (text.IsFree()) { ... any token ... } else { text.Allows(token) ... }
//   text.Advance(token);
//
// A stop token is never part of the text that a grammar describes, even if its bytes would fit.
#ifndef LLUDA_ENGINE_GRAMMAR_CONSTRAINED_TEXT_H_
#define LLUDA_ENGINE_GRAMMAR_CONSTRAINED_TEXT_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "engine/grammar/constraint.h"
#include "engine/grammar/matcher.h"
#include "engine/grammar/token_filter.h"

namespace lluda::grammar {

class ConstrainedText : public TokenFilter {
 public:
  // Of a model with tokens 0 to `vocabulary` - 1; stop tokens outside are no tokens.
  ConstrainedText(std::shared_ptr<const Constraint> constraint,
                  absl::Span<const int32_t> stop_tokens, int64_t vocabulary);

  // Whether any token may come.
  bool IsFree() const { return phase_ == Phase::kFree || (phase_ == Phase::kThought && !owes_); }

  // Whether the next token is one of a call, its last one maybe: call_begin has come, call_end has
  // not.
  bool InCall() const {
    return phase_ == Phase::kGrammar && constraint_->options().call_begin.has_value();
  }

  bool Allows(int32_t token) override;
  absl::Span<const uint64_t> Mask() override;
  std::optional<int32_t> OnlyToken() override;

  // The token that has come, which is allowed and no stop token.
  void Advance(int32_t token);

  // Whether only the end may come, and there is no stop token to say so.
  bool IsFinished() const;

  // As Matcher::work: what has been done for the next token so far.
  size_t work() const { return matcher_.work(); }
  // ResourceExhausted if the grammar asked for more than it may (Matcher::status); no answer counts
  // then.
  absl::Status status() const { return matcher_.status(); }

 private:
  enum class Phase : uint8_t {
    kThought,  // until thought_end
    kOpen,     // the grammar's first token, or thought_begin if may_think_
    kGrammar,  // inside it
    kCall,     // call_begin has to come, or thought_begin if may_think_
    kFree,     // until call_begin, if there are calls
    kEnd,      // nothing may come but a stop token
  };

  // Where the grammar stands next: behind a thought, or at the beginning.
  Phase BodyPhase() const;
  // Tokens beside the grammar's that may come.
  std::vector<int32_t> Others() const;
  bool InGrammar() const { return phase_ == Phase::kOpen || phase_ == Phase::kGrammar; }
  bool IsStop(int32_t token) const;

  std::shared_ptr<const Constraint> constraint_;
  std::vector<int32_t> stop_tokens_;
  int64_t vocabulary_;
  bool owes_;  // the grammar's text has to come before the end
  bool may_think_;
  Phase phase_;
  Matcher matcher_;
  std::vector<uint64_t> mask_;
};

}  // namespace lluda::grammar

#endif  // LLUDA_ENGINE_GRAMMAR_CONSTRAINED_TEXT_H_
