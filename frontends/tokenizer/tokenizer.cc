#include "frontends/tokenizer/tokenizer.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/status_macros.h"
#include "base/utf8.h"

namespace lluda::tokenizer {
namespace {

// All bytes in order, to have views of single ones.
constexpr std::array<char, 256> MakeBytes() {
  std::array<char, 256> bytes{};
  for (int i = 0; i < 256; ++i) bytes[i] = static_cast<char>(i);
  return bytes;
}
constexpr std::array<char, 256> kBytes = MakeBytes();

// The tokens with the given `normalized` flag; those that are normalised are so themselves.
std::vector<AddedToken> Select(const std::vector<AddedToken>& tokens, bool normalized,
                               const Normalizer& normalizer) {
  std::vector<AddedToken> selected;
  for (const AddedToken& token : tokens) {
    if (token.normalized != normalized) continue;
    selected.push_back(token);
    if (!normalized) continue;
    selected.back().content = normalizer.Apply(token.content);
    // One that normalisation leaves nothing of, or makes too long, is found nowhere.
    const size_t size = selected.back().content.size();
    if (size == 0 || size > kLongestAddedToken) selected.pop_back();
  }
  return selected;
}

}  // namespace

Tokenizer::Tokenizer(Vocabulary vocabulary, Bpe bpe, Steps steps,
                     const std::vector<AddedToken>& added_tokens)
    : vocabulary_(std::move(vocabulary)),
      bpe_(std::move(bpe)),
      steps_(std::move(steps)),
      added_tokens_(added_tokens),
      raw_tokens_(Select(added_tokens, /*normalized=*/false, steps_.normalizer)),
      normalized_tokens_(Select(added_tokens, /*normalized=*/true, steps_.normalizer)),
      is_special_(vocabulary_.size(), false) {
  for (const AddedToken& token : added_tokens) is_special_[token.id] = token.special;
}

absl::StatusOr<Tokenizer> Tokenizer::FromTables(const TokenizerTables& tables) {
  ASSIGN_OR_RETURN(Vocabulary vocabulary, Vocabulary::FromTables(tables.vocabulary));
  ASSIGN_OR_RETURN(MergeTable merges, MergeTable::FromSlots(tables.merges, vocabulary.size()));
  return Create(std::move(vocabulary), std::move(merges), tables);
}

absl::StatusOr<Tokenizer> Tokenizer::Create(Vocabulary vocabulary, MergeTable merges,
                                            const TokenizerTables& tables) {
  Steps steps;
  ASSIGN_OR_RETURN(steps.normalizer, Normalizer::Create(tables.normalizer));
  ASSIGN_OR_RETURN(steps.pretokenizer, Pretokenizer::Create(tables.pretokenizer));
  ASSIGN_OR_RETURN(steps.decoder, Decoder::Create(tables.decoder));
  steps.frame = tables.frame;
  if (tables.bpe.unknown_id >= vocabulary.size()) {
    return absl::InvalidArgumentError("the unknown token is outside the vocabulary");
  }
  const auto is_no_token = [&](int32_t id) { return id < 0 || id >= vocabulary.size(); };
  for (const std::vector<int32_t>* ids : {&steps.frame.before, &steps.frame.after}) {
    if (std::any_of(ids->begin(), ids->end(), is_no_token)) {
      return absl::InvalidArgumentError("a token around texts is outside the vocabulary");
    }
  }
  for (const AddedToken& token : tables.added_tokens) {
    if (is_no_token(token.id) || token.content.empty() ||
        token.content.size() > kLongestAddedToken) {
      return absl::InvalidArgumentError("an added token does not fit the vocabulary");
    }
  }
  Bpe bpe(tables.bpe, std::move(merges), vocabulary, steps.pretokenizer.is_byte_level(),
          tables.added_tokens);
  return Tokenizer(std::move(vocabulary), std::move(bpe), std::move(steps), tables.added_tokens);
}

TokenizerTables Tokenizer::Tables() const {
  return {vocabulary_.tables(),
          bpe_.merges(),
          bpe_.options(),
          steps_.normalizer.steps(),
          steps_.pretokenizer.steps(),
          steps_.decoder.steps(),
          steps_.frame,
          added_tokens_};
}

std::vector<int32_t> Tokenizer::Encode(std::string_view text, const EncodeOptions& options) const {
  const std::string valid = base::ReplaceInvalidUtf8(text);
  EncodeWork work;
  std::vector<int32_t> ids;
  if (options.add_special_tokens) ids = steps_.frame.before;
  for (const AddedTokenMatcher::Span& span :
       raw_tokens_.Split(valid, options.parse_special, options.special_ranges)) {
    if (span.token != nullptr) {
      ids.push_back(span.token->id);
    } else {
      EncodeBetween(valid, span, options, &ids, &work);
    }
  }
  if (options.add_special_tokens) {
    ids.insert(ids.end(), steps_.frame.after.begin(), steps_.frame.after.end());
  }
  if (options.work != nullptr) {
    options.work->regex_matches += work.regex_matches;
    options.work->merge_candidates += work.merge_candidates;
  }
  return ids;
}

void Tokenizer::EncodeBetween(std::string_view valid, const AddedTokenMatcher::Span& span,
                              const EncodeOptions& options, std::vector<int32_t>* ids,
                              EncodeWork* work) const {
  const std::string_view raw = valid.substr(span.begin, span.end - span.begin);
  const std::string normalized = steps_.normalizer.Apply(raw);
  const std::optional<std::vector<TextRange>> ranges = RangesIn(span, raw, normalized, options);
  const auto encode = [&](std::string_view piece) {
    bpe_.Encode(piece, vocabulary_, ids, &work->merge_candidates);
  };
  for (const AddedTokenMatcher::Span& part : normalized_tokens_.Split(
           normalized, options.parse_special, ranges.has_value() ? &*ranges : nullptr)) {
    if (part.token != nullptr) {
      ids->push_back(part.token->id);
      continue;
    }
    const std::string_view text(normalized);
    steps_.pretokenizer.Split(text.substr(part.begin, part.end - part.begin),
                              span.begin == 0 && part.begin == 0, encode, &work->regex_matches);
  }
}

std::optional<std::vector<TextRange>> Tokenizer::RangesIn(const AddedTokenMatcher::Span& span,
                                                          std::string_view raw,
                                                          std::string_view normalized,
                                                          const EncodeOptions& options) const {
  if (options.special_ranges == nullptr) return std::nullopt;
  std::vector<TextRange> ranges;
  std::string together;  // The parts, each normalised on its own.
  size_t done = 0;       // Of `raw`.
  const auto add = [&](size_t end) {
    const std::string_view part = raw.substr(done, end - done);
    together += steps_.normalizer.Apply(part);
    done = end;
  };
  for (const TextRange& range : *options.special_ranges) {
    if (range.end <= span.begin) continue;
    if (range.begin >= span.end) break;
    add(std::max(range.begin, span.begin) - span.begin);
    const size_t begin = together.size();
    add(std::min(range.end, span.end) - span.begin);
    ranges.push_back({begin, together.size()});
  }
  add(raw.size());
  // Where characters of two parts became one, no place is known for sure.
  if (together != normalized) ranges.clear();
  return ranges;
}

std::string Tokenizer::Decode(const std::vector<int32_t>& ids, bool skip_special) const {
  DecoderRun run(&steps_.decoder);
  std::string text;
  for (const int32_t id : ids) {
    if (!IsToken(id) || (skip_special && IsSpecial(id))) continue;
    run.Add(vocabulary_.TextOf(id), &text);
  }
  run.Finish(&text);
  return text;
}

bool Tokenizer::IsSpecial(int32_t id) const { return IsToken(id) && is_special_[id]; }

std::string_view Tokenizer::TokenText(int32_t id) const {
  return IsToken(id) ? vocabulary_.TextOf(id) : std::string_view();
}

std::string_view Tokenizer::TokenBytes(int32_t id) const {
  const std::string_view text = TokenText(id);
  if (!steps_.decoder.has_byte_fallback()) return text;
  const std::optional<char> byte = ByteOfToken(text);
  return byte.has_value() ? std::string_view(&kBytes[static_cast<uint8_t>(*byte)], 1) : text;
}

}  // namespace lluda::tokenizer
