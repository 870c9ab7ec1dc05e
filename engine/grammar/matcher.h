// A text of a grammar while it is being written, token by token.
//
//   Matcher matcher(grammar, trie);
//   matcher.Allows(token);      // some steps of an automaton: tens of ns
//   matcher.Mask();             // all tokens at once
//   matcher.Advance(token);
//   matcher.CanEnd();
//
// A token is allowed if the text with it is the beginning of a text of the grammar: characters may
// begin in one token and end in another.
//
// Mask walks the trie, and leaves what no token below a node can mend. What a rule allows inside
// itself does not depend on who called it, so that part of a mask is remembered by the places in
// the rule; only tokens that leave the rule are walked again.
#ifndef LLUDA_ENGINE_GRAMMAR_MATCHER_H_
#define LLUDA_ENGINE_GRAMMAR_MATCHER_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/types/span.h"
#include "engine/grammar/grammar.h"
#include "engine/grammar/state_sets.h"
#include "engine/grammar/token_trie.h"

namespace lluda::grammar {

class Matcher {
 public:
  // What is learnt of a grammar is forgotten beyond this.
  static constexpr size_t kMaxBytes = 4 << 20;
  // Steps that may be taken for one token, beside two for each node of the trie: what has been seen
  // before costs a walk of all nodes at most. And what each token adds to those that are left, beside
  // one for each node: a dear token has to be followed by cheap ones. A grammar that asks for more is
  // given up, so that a text holds up others by some tens of ms at the most, and by few on average.
  static constexpr size_t kMaxSteps = 200000;
  static constexpr size_t kStepsPerToken = 100000;

  Matcher(std::shared_ptr<const Grammar> grammar, std::shared_ptr<const TokenTrie> trie,
          size_t max_bytes = kMaxBytes);

  // Back to the empty text; what has been learnt of the grammar stays.
  void Restart();

  bool Allows(int32_t token) { return After(token) != StateSets::kDead; }
  // Bit t % 64 of word t / 64 is set if token t is allowed; valid until the matcher changes. Tokens
  // that the trie does not have are not allowed.
  absl::Span<const uint64_t> Mask();
  // The first allowed tokens by their bytes, at most `limit`.
  std::vector<int32_t> AllowedTokens(size_t limit);
  // False, and nothing has changed, if the token is not allowed.
  bool Advance(int32_t token);

  // Whether the text is one of the grammar as it stands.
  bool CanEnd() const { return sets_.CanEnd(kept_[0]); }
  // Whether no byte can follow.
  bool MustEnd() const { return sets_.MustEnd(kept_[0]); }

  // Steps, each some tens of ns, that have been taken since the text began or went on.
  size_t work() const { return sets_.work() - token_begin_; }
  size_t max_work() const { return kMaxSteps + 2 * trie_->nodes().size(); }
  size_t work_per_token() const { return kStepsPerToken + trie_->nodes().size(); }
  // ResourceExhausted, naming the limit, once the grammar has been given up: the text could be read
  // in too many ways, or asked for too much work. No answer counts then.
  absl::Status status() const;

 private:
  // What the places of one rule allow, whoever called it.
  struct LocalMask {
    std::vector<uint64_t> bits;
    std::vector<uint32_t> leaves;  // nodes of the trie behind which the rule may have ended
  };

  // The text has gone on: more work may be done.
  void BeginToken();
  // The set behind the token; kDead if it is not allowed.
  int32_t After(int32_t token);
  // Walks the nodes [begin, end) of the trie, which lie below a node of this depth, at which the
  // set is `set`. Calls visit(node's number, set there) for each node that can be reached, until it
  // returns false. Returns `set`, whose number may have changed, as those in kept_ may.
  template <typename Visit>
  int32_t Walk(uint32_t begin, uint32_t end, size_t depth, int32_t set, const Visit& visit);
  // The mask of the set kept_[kept], whose frames are at the bottom, but for those of characters'
  // pieces.
  LocalMask ComputeLocal(size_t kept);
  void ComputeMask();
  void AddTokens(const TokenTrie::Node& node, std::vector<uint64_t>* bits) const;
  void TrimIfLarge();

  std::shared_ptr<const Grammar> grammar_;
  std::shared_ptr<const TokenTrie> trie_;
  StateSets sets_;
  // The sets whose numbers are known outside sets_: that of the text, then those of a walk.
  std::vector<int32_t> kept_;
  size_t max_bytes_;
  size_t trim_at_;
  size_t token_begin_ = 0;  // of the sets' work
  size_t work_limit_;
  bool has_mask_ = false;
  std::vector<uint64_t> mask_;
  absl::flat_hash_map<int32_t, LocalMask> local_;  // by set
};

}  // namespace lluda::grammar

#endif  // LLUDA_ENGINE_GRAMMAR_MATCHER_H_
