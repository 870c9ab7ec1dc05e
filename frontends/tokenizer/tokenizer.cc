#include "frontends/tokenizer/tokenizer.h"

#include <algorithm>
#include <utility>

#include "base/status_macros.h"
#include "base/utf8.h"
#include "frontends/tokenizer/text/nfc.h"

namespace lluda::tokenizer {
namespace {

// The tokens with the given `normalized` flag; those that are normalised are so themselves.
std::vector<AddedToken> Select(const std::vector<AddedToken>& tokens, bool normalized, bool nfc) {
  std::vector<AddedToken> selected;
  for (const AddedToken& token : tokens) {
    if (token.normalized != normalized) continue;
    selected.push_back(token);
    if (normalized && nfc) selected.back().content = ToNfc(token.content);
  }
  return selected;
}

}  // namespace

Tokenizer::Tokenizer(Vocabulary vocabulary, Bpe bpe, Pretokenizer pretokenizer, bool nfc,
                     const std::vector<AddedToken>& added_tokens)
    : vocabulary_(std::move(vocabulary)),
      bpe_(std::move(bpe)),
      pretokenizer_(std::move(pretokenizer)),
      nfc_(nfc),
      added_tokens_(added_tokens),
      raw_tokens_(Select(added_tokens, /*normalized=*/false, nfc)),
      normalized_tokens_(Select(added_tokens, /*normalized=*/true, nfc)),
      is_special_(vocabulary_.size(), false) {
  for (const AddedToken& token : added_tokens) is_special_[token.id] = token.special;
}

absl::StatusOr<Tokenizer> Tokenizer::FromTables(const TokenizerTables& tables) {
  ASSIGN_OR_RETURN(Vocabulary vocabulary, Vocabulary::FromTables(tables.vocabulary));
  ASSIGN_OR_RETURN(MergeTable merges, MergeTable::FromSlots(tables.merges, vocabulary.size()));
  ASSIGN_OR_RETURN(Pretokenizer pretokenizer, Pretokenizer::Create(tables.pretokenizer));
  if (tables.bpe.unknown_id >= vocabulary.size()) {
    return absl::InvalidArgumentError("the unknown token is outside the vocabulary");
  }
  for (const AddedToken& token : tables.added_tokens) {
    if (token.id < 0 || token.id >= vocabulary.size() || token.content.empty() ||
        token.content.size() > kLongestAddedToken) {
      return absl::InvalidArgumentError("an added token does not fit the vocabulary");
    }
  }
  Bpe bpe(tables.bpe, std::move(merges), vocabulary);
  return Tokenizer(std::move(vocabulary), std::move(bpe), std::move(pretokenizer), tables.nfc,
                   tables.added_tokens);
}

TokenizerTables Tokenizer::Tables() const {
  return {vocabulary_.tables(),    bpe_.merges(), bpe_.options(),
          pretokenizer_.options(), nfc_,          added_tokens_};
}

std::vector<int32_t> Tokenizer::Encode(std::string_view text, const EncodeOptions& options) const {
  const std::string valid = base::ReplaceInvalidUtf8(text);
  EncodeWork work;
  std::vector<int32_t> ids;
  for (const AddedTokenMatcher::Span& span :
       raw_tokens_.Split(valid, options.parse_special, options.special_ranges)) {
    if (span.token != nullptr) {
      ids.push_back(span.token->id);
      continue;
    }
    const std::string_view raw = std::string_view(valid).substr(span.begin, span.end - span.begin);
    const std::string normalized = nfc_ ? ToNfc(raw) : std::string(raw);
    const std::optional<std::vector<TextRange>> ranges = RangesIn(span, raw, normalized, options);
    for (const AddedTokenMatcher::Span& part : normalized_tokens_.Split(
             normalized, options.parse_special, ranges.has_value() ? &*ranges : nullptr)) {
      if (part.token != nullptr) {
        ids.push_back(part.token->id);
      } else {
        EncodePlain(std::string_view(normalized).substr(part.begin, part.end - part.begin), &ids,
                    &work);
      }
    }
  }
  if (options.work != nullptr) {
    options.work->regex_matches += work.regex_matches;
    options.work->merge_candidates += work.merge_candidates;
  }
  return ids;
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
    together += nfc_ ? ToNfc(part) : std::string(part);
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

void Tokenizer::EncodePlain(std::string_view text, std::vector<int32_t>* ids,
                            EncodeWork* work) const {
  pretokenizer_.Split(
      text,
      [&](std::string_view piece) {
        bpe_.Encode(piece, vocabulary_, ids, &work->merge_candidates);
      },
      &work->regex_matches);
}

std::string Tokenizer::Decode(const std::vector<int32_t>& ids, bool skip_special) const {
  std::string bytes;
  for (const int32_t id : ids) {
    if (skip_special && IsSpecial(id)) continue;
    bytes.append(TokenBytes(id));
  }
  return base::ReplaceInvalidUtf8(bytes);
}

bool Tokenizer::IsSpecial(int32_t id) const { return IsToken(id) && is_special_[id]; }

std::string_view Tokenizer::TokenBytes(int32_t id) const {
  return IsToken(id) ? vocabulary_.Bytes(id) : std::string_view();
}

}  // namespace lluda::tokenizer
