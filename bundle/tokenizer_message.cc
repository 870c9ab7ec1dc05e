#include "bundle/tokenizer_message.h"

#include <cstdint>
#include <limits>
#include <string>
#include <variant>

namespace lluda::bundle {
namespace {

namespace tok = lluda::tokenizer;

// One function for each kind of step, to the message and back. A message of no known kind becomes a
// step that the tokenizer refuses.

void Set(const tok::ReplaceStep& step, ReplaceStep* to) {
  to->set_pattern(step.pattern);
  to->set_content(step.content);
}
tok::ReplaceStep From(const ReplaceStep& step) { return {step.pattern(), step.content()}; }

void Set(const tok::NfcStep&, NormalizerStep* to) { to->mutable_nfc(); }
void Set(const tok::PrependStep& step, NormalizerStep* to) { to->set_prepend(step.text); }
void Set(const tok::ReplaceStep& step, NormalizerStep* to) { Set(step, to->mutable_replace()); }

tok::NormalizerStep From(const NormalizerStep& step) {
  if (step.has_nfc()) return tok::NfcStep{};
  if (step.kind_case() == NormalizerStep::kPrepend) return tok::PrependStep{step.prepend()};
  return From(step.replace());
}

void Set(const tok::SplitStep& step, PretokenizerStep* to) {
  SplitStep* split = to->mutable_split();
  split->set_is_regex(step.is_regex);
  split->set_pattern(step.pattern);
  split->set_behavior(static_cast<int32_t>(step.behavior));
  split->set_invert(step.invert);
}
void Set(const tok::ByteLevelStep& step, PretokenizerStep* to) {
  to->mutable_byte_level()->set_add_prefix_space(step.add_prefix_space);
  to->mutable_byte_level()->set_gpt2_regex(step.gpt2_regex);
}
void Set(const tok::MetaspaceStep& step, PretokenizerStep* to) {
  MetaspaceStep* metaspace = to->mutable_metaspace();
  metaspace->set_replacement(step.replacement);
  metaspace->set_prepend(static_cast<int32_t>(step.prepend));
  metaspace->set_split(step.split);
}

// An enumerator, or one that does not exist, which the tokenizer refuses.
template <typename Enum>
Enum EnumOf(int32_t number) {
  constexpr int32_t kNone = std::numeric_limits<uint8_t>::max();
  return static_cast<Enum>(number >= 0 && number < kNone ? number : kNone);
}

tok::PretokenizerStep From(const PretokenizerStep& step) {
  if (step.has_byte_level()) {
    return tok::ByteLevelStep{step.byte_level().add_prefix_space(), step.byte_level().gpt2_regex()};
  }
  if (step.has_metaspace()) {
    const MetaspaceStep& metaspace = step.metaspace();
    return tok::MetaspaceStep{metaspace.replacement(),
                              EnumOf<tok::PrependScheme>(metaspace.prepend()), metaspace.split()};
  }
  const SplitStep& split = step.split();
  return tok::SplitStep{split.is_regex(), split.pattern(),
                        EnumOf<tok::SplitBehavior>(split.behavior()), split.invert()};
}

void Set(const tok::ByteLevelDecoding&, DecoderStep* to) { to->mutable_byte_level(); }
void Set(const tok::ReplaceStep& step, DecoderStep* to) { Set(step, to->mutable_replace()); }
void Set(const tok::ByteFallbackDecoding&, DecoderStep* to) { to->mutable_byte_fallback(); }
void Set(const tok::FuseStep&, DecoderStep* to) { to->mutable_fuse(); }
void Set(const tok::StripStep& step, DecoderStep* to) {
  to->mutable_strip()->set_content(step.content);
  to->mutable_strip()->set_start(step.start);
}
void Set(const tok::MetaspaceDecoding& step, DecoderStep* to) {
  to->mutable_metaspace()->set_replacement(step.replacement);
  to->mutable_metaspace()->set_strips_first(step.strips_first);
}

tok::DecoderStep From(const DecoderStep& step) {
  if (step.has_byte_level()) return tok::ByteLevelDecoding{};
  if (step.has_byte_fallback()) return tok::ByteFallbackDecoding{};
  if (step.has_fuse()) return tok::FuseStep{};
  if (step.has_strip()) return tok::StripStep{step.strip().content(), step.strip().start()};
  if (step.has_metaspace()) {
    return tok::MetaspaceDecoding{step.metaspace().replacement(), step.metaspace().strips_first()};
  }
  return From(step.replace());
}

template <typename Steps, typename Messages>
void SetSteps(const Steps& steps, Messages* messages) {
  for (const auto& step : steps) {
    auto* message = messages->Add();
    std::visit([message](const auto& kind) { Set(kind, message); }, step);
  }
}

template <typename Messages, typename Steps>
void ReadSteps(const Messages& messages, Steps* steps) {
  for (const auto& message : messages) steps->push_back(From(message));
}

}  // namespace

void SetOptions(const tokenizer::TokenizerTables& tables, Tokenizer* message) {
  message->set_unknown_id(tables.bpe.unknown_id);
  message->set_fuse_unknown(tables.bpe.fuse_unknown);
  message->set_ignore_merges(tables.bpe.ignore_merges);
  message->set_byte_fallback(tables.bpe.byte_fallback);
  SetSteps(tables.normalizer, message->mutable_normalizer());
  SetSteps(tables.pretokenizer, message->mutable_pretokenizer());
  SetSteps(tables.decoder, message->mutable_decoder());
  for (const int32_t id : tables.frame.before) message->add_ids_before(id);
  for (const int32_t id : tables.frame.after) message->add_ids_after(id);
  for (const tokenizer::AddedToken& token : tables.added_tokens) {
    AddedToken* to = message->add_added_tokens();
    to->set_content(token.content);
    to->set_id(token.id);
    to->set_lstrip(token.lstrip);
    to->set_rstrip(token.rstrip);
    to->set_single_word(token.single_word);
    to->set_normalized(token.normalized);
    to->set_special(token.special);
    to->set_in_model(token.in_model);
  }
}

tokenizer::TokenizerTables OptionsOf(const Tokenizer& message) {
  tokenizer::TokenizerTables tables;
  tables.bpe = {message.unknown_id(), message.fuse_unknown(), message.ignore_merges(),
                message.byte_fallback()};
  ReadSteps(message.normalizer(), &tables.normalizer);
  ReadSteps(message.pretokenizer(), &tables.pretokenizer);
  ReadSteps(message.decoder(), &tables.decoder);
  tables.frame.before.assign(message.ids_before().begin(), message.ids_before().end());
  tables.frame.after.assign(message.ids_after().begin(), message.ids_after().end());
  for (const AddedToken& token : message.added_tokens()) {
    tables.added_tokens.push_back({token.content(), token.id(), token.lstrip(), token.rstrip(),
                                   token.single_word(), token.normalized(), token.special(),
                                   token.in_model()});
  }
  return tables;
}

}  // namespace lluda::bundle
