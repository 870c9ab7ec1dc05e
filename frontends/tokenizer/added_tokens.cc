#include "frontends/tokenizer/added_tokens.h"

#include <glog/logging.h>

#include <algorithm>
#include <utility>

#include "base/utf8.h"
#include "frontends/tokenizer/text/unicode.h"

namespace lluda::tokenizer {
namespace {

bool IsContinuationByte(char c) { return (static_cast<uint8_t>(c) & 0xC0) == 0x80; }

// The start of the character that ends at `end` > 0.
size_t PreviousCharacter(std::string_view text, size_t end) {
  size_t begin = end - 1;
  while (begin > 0 && IsContinuationByte(text[begin])) --begin;
  return begin;
}

bool TouchesWord(std::string_view text, size_t begin, size_t end) {
  if (begin > 0) {
    const size_t previous = PreviousCharacter(text, begin);
    if (IsWordCharacter(base::ReadUtf8(text.substr(previous)).code_point)) return true;
  }
  return end < text.size() && IsWordCharacter(base::ReadUtf8(text.substr(end)).code_point);
}

size_t SkipWhitespaceLeft(std::string_view text, size_t begin, size_t limit) {
  while (begin > limit) {
    const size_t previous = PreviousCharacter(text, begin);
    if (!IsWhitespace(base::ReadUtf8(text.substr(previous)).code_point)) break;
    begin = previous;
  }
  return std::max(begin, limit);
}

size_t SkipWhitespaceRight(std::string_view text, size_t end) {
  while (end < text.size()) {
    const base::Utf8Char next = base::ReadUtf8(text.substr(end));
    if (!IsWhitespace(next.code_point)) break;
    end += next.length;
  }
  return end;
}

uint64_t ChildKey(int32_t node, char byte) {
  return (static_cast<uint64_t>(node) << 8) | static_cast<uint8_t>(byte);
}

}  // namespace

AddedTokenMatcher::AddedTokenMatcher(std::vector<AddedToken> tokens)
    : tokens_(std::move(tokens)), token_at_(1, kNone) {
  for (size_t i = 0; i < tokens_.size(); ++i) {
    const std::string& content = tokens_[i].content;
    CHECK(!content.empty());
    CHECK_LE(content.size(), kLongestAddedToken);
    starts_token_[static_cast<uint8_t>(content[0])] = true;
    int32_t node = 0;
    for (const char byte : content) {
      const auto [child, is_new] =
          children_.emplace(ChildKey(node, byte), static_cast<int32_t>(token_at_.size()));
      if (is_new) token_at_.push_back(kNone);
      node = child->second;
    }
    token_at_[node] = static_cast<int32_t>(i);
  }
}

const AddedToken* AddedTokenMatcher::LongestAt(std::string_view text, size_t begin,
                                               size_t special_end) const {
  if (!starts_token_[static_cast<uint8_t>(text[begin])]) return nullptr;
  int32_t longest = kNone;
  int32_t node = 0;
  for (size_t i = begin; i < text.size(); ++i) {
    const auto child = children_.find(ChildKey(node, text[i]));
    if (child == children_.end()) break;
    node = child->second;
    const int32_t token = token_at_[node];
    if (token == kNone || (tokens_[token].special && i >= special_end)) continue;
    longest = token;
  }
  return longest == kNone ? nullptr : &tokens_[longest];
}

std::vector<AddedTokenMatcher::Span> AddedTokenMatcher::Split(
    std::string_view text, bool parse_special, const std::vector<TextRange>* special_ranges) const {
  std::vector<Span> spans;
  size_t range = 0;  // The first that does not end before `pos`.
  const auto special_end = [&](size_t pos) {
    if (special_ranges == nullptr) return text.size();
    while (range < special_ranges->size() && (*special_ranges)[range].end <= pos) ++range;
    const bool inside = range < special_ranges->size() && (*special_ranges)[range].begin <= pos;
    return inside ? (*special_ranges)[range].end : 0;
  };
  size_t covered = 0;        // The end of the last span.
  TextRange white = {0, 0};  // White space up to its end, the last that was swallowed on the right.
  for (size_t pos = 0; pos < text.size();) {
    const AddedToken* token = LongestAt(text, pos, special_end(pos));
    if (token == nullptr) {
      ++pos;
      continue;
    }
    size_t begin = pos;
    size_t end = pos + token->content.size();
    pos = end;
    if (token->special && !parse_special) continue;
    if (token->single_word && TouchesWord(text, begin, end)) continue;
    // What an rstrip token before it swallowed may hold a token: it counts all the same, and the
    // text goes on behind it.
    if (token->lstrip) begin = SkipWhitespaceLeft(text, begin, covered);
    if (token->rstrip) {
      // Many tokens of one run of white space look for its end once.
      if (end < white.begin || end > white.end) white = {end, SkipWhitespaceRight(text, end)};
      end = white.end;
    }
    if (begin >= end) continue;  // swallowed on both sides
    if (begin > covered) spans.push_back({covered, begin, nullptr});
    spans.push_back({begin, end, token});
    covered = end;
  }
  if (covered < text.size()) spans.push_back({covered, text.size(), nullptr});
  return spans;
}

}  // namespace lluda::tokenizer
