#include "bundle/tokenizer_message.h"

#include <utility>

namespace lluda::bundle {

void SetOptions(const tokenizer::TokenizerTables& tables, Tokenizer* message) {
  message->set_unknown_id(tables.bpe.unknown_id);
  message->set_fuse_unknown(tables.bpe.fuse_unknown);
  message->set_ignore_merges(tables.bpe.ignore_merges);
  for (const tokenizer::SplitRule& rule : tables.pretokenizer.splits) {
    SplitRule* to = message->add_splits();
    to->set_is_regex(rule.is_regex);
    to->set_pattern(rule.pattern);
  }
  message->set_add_prefix_space(tables.pretokenizer.add_prefix_space);
  message->set_gpt2_regex(tables.pretokenizer.gpt2_regex);
  message->set_nfc(tables.nfc);
  for (const tokenizer::AddedToken& token : tables.added_tokens) {
    AddedToken* to = message->add_added_tokens();
    to->set_content(token.content);
    to->set_id(token.id);
    to->set_lstrip(token.lstrip);
    to->set_rstrip(token.rstrip);
    to->set_single_word(token.single_word);
    to->set_normalized(token.normalized);
    to->set_special(token.special);
  }
}

tokenizer::TokenizerTables OptionsOf(const Tokenizer& message) {
  tokenizer::TokenizerTables tables;
  tables.bpe = {message.unknown_id(), message.fuse_unknown(), message.ignore_merges()};
  for (const SplitRule& rule : message.splits()) {
    tables.pretokenizer.splits.push_back({rule.is_regex(), rule.pattern()});
  }
  tables.pretokenizer.add_prefix_space = message.add_prefix_space();
  tables.pretokenizer.gpt2_regex = message.gpt2_regex();
  tables.nfc = message.nfc();
  for (const AddedToken& token : message.added_tokens()) {
    tables.added_tokens.push_back({token.content(), token.id(), token.lstrip(), token.rstrip(),
                                   token.single_word(), token.normalized(), token.special()});
  }
  return tables;
}

}  // namespace lluda::bundle
