#include "engine/grammar/constraint.h"

#include <utility>

namespace lluda::grammar {

ConstraintOptions BehindThought(const tokenizer::Tokenizer& tokenizer,
                                absl::Span<const int32_t> prompt) {
  ConstraintOptions options;
  options.thought_begin = tokenizer.TokenToId("<think>");
  options.thought_end = tokenizer.TokenToId("</think>");
  if (!options.thought_begin.has_value() || !options.thought_end.has_value()) return {};
  for (auto token = prompt.rbegin(); token != prompt.rend(); ++token) {
    if (*token == *options.thought_end) return {};
    options.in_thought = *token == *options.thought_begin;
    if (options.in_thought || tokenizer.IsSpecial(*token)) break;
  }
  return options;
}

absl::StatusOr<std::shared_ptr<const Constraint>> Constraint::Create(
    std::shared_ptr<const Grammar> grammar, std::shared_ptr<const TokenTrie> trie,
    const ConstraintOptions& options) {
  if (options.thought_begin.has_value() && !options.thought_end.has_value()) {
    return absl::InvalidArgumentError("thought_begin needs thought_end");
  }
  if (options.in_thought && !options.thought_end.has_value()) {
    return absl::InvalidArgumentError("in_thought needs thought_end");
  }
  if (options.call_begin.has_value() != options.call_end.has_value()) {
    return absl::InvalidArgumentError("call_begin and call_end need each other");
  }
  if ((options.call_required || options.one_call) && !options.call_begin.has_value()) {
    return absl::InvalidArgumentError("call_required and one_call need call_begin");
  }
  return std::shared_ptr<const Constraint>(
      new Constraint(std::move(grammar), std::move(trie), options));
}

Constraint::Constraint(std::shared_ptr<const Grammar> grammar,
                       std::shared_ptr<const TokenTrie> trie, const ConstraintOptions& options)
    : grammar_(std::move(grammar)), trie_(std::move(trie)), options_(options) {}

}  // namespace lluda::grammar
