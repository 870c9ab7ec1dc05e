// What a generated text has to be: a grammar, a vocabulary, and where in the text the grammar
// stands.
//
//   absl::StatusOr<std::shared_ptr<const Grammar>> grammar = JsonSchemaGrammar(schema_text);
//   std::shared_ptr<const TokenTrie> trie = TokenTrie::Create(*tokenizer);   // once for a model
//   engine::GenerateOptions options;
//   options.constraint = *Constraint::Create(*grammar, trie, {});
//
// Where it stands (ConstraintOptions):
//   {}                                       the whole text
//   {thought_begin, thought_end}             behind a thought, if the text begins with one
//   {..., in_thought}                        behind the thought that the prompt has begun
//   {call_begin, call_end}                   between each two such tokens; the text is free outside
//   {call_begin, call_end, call_required}    the same, and the text (behind a thought) begins so
//   {..., one_call}                          and nothing follows the first call
//
// Where the grammar may end, and only there, a token that ends the text may come: one of the
// sequence's stop tokens, or call_end. Where nothing but the end may follow and the sequence has no
// stop tokens, it is finished (FinishReason::kStop) without one; a text that may end or go on, with
// no stop token to say which, goes on. In a thought before a grammar that has to come no stop token
// is allowed.
#ifndef LLUDA_ENGINE_GRAMMAR_CONSTRAINT_H_
#define LLUDA_ENGINE_GRAMMAR_CONSTRAINT_H_

#include <cstdint>
#include <memory>
#include <optional>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "engine/grammar/grammar.h"
#include "engine/grammar/token_trie.h"
#include "frontends/tokenizer/tokenizer.h"

namespace lluda::grammar {

struct ConstraintOptions {
  // Single tokens around a thought, such as <think> and </think>.
  std::optional<int32_t> thought_begin;
  std::optional<int32_t> thought_end;
  bool in_thought = false;  // the prompt ends inside a thought; needs thought_end
  // Single tokens around a call, such as <tool_call> and </tool_call>. Both or none.
  std::optional<int32_t> call_begin;
  std::optional<int32_t> call_end;
  bool call_required = false;
  bool one_call = false;
};

// For a text behind `prompt` that may begin with a thought between the tokens <think> and </think>,
// where the tokenizer has them. What the prompt ends with, behind its last special token, may have
// begun one; or ended one already, as templates write it that turn thinking off: then the text
// begins without.
ConstraintOptions BehindThought(const tokenizer::Tokenizer& tokenizer,
                                absl::Span<const int32_t> prompt);

// Immutable; several sequences, of several threads, may share one.
class Constraint {
 public:
  // InvalidArgument for options that do not go together.
  static absl::StatusOr<std::shared_ptr<const Constraint>> Create(
      std::shared_ptr<const Grammar> grammar, std::shared_ptr<const TokenTrie> trie,
      const ConstraintOptions& options);

  const Grammar& grammar() const { return *grammar_; }
  const TokenTrie& trie() const { return *trie_; }
  const ConstraintOptions& options() const { return options_; }

 private:
  Constraint(std::shared_ptr<const Grammar> grammar, std::shared_ptr<const TokenTrie> trie,
             const ConstraintOptions& options);

  std::shared_ptr<const Grammar> grammar_;
  std::shared_ptr<const TokenTrie> trie_;
  ConstraintOptions options_;
};

}  // namespace lluda::grammar

#endif  // LLUDA_ENGINE_GRAMMAR_CONSTRAINT_H_
