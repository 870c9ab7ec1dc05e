#include "frontends/tokenizer/text/split_pattern.h"

#include <absl/status/status.h>
#include <re2/re2.h>

#include <string>
#include <utility>

#include "base/status_macros.h"
#include "base/utf8.h"
#include "frontends/tokenizer/text/regex_translation.h"
#include "frontends/tokenizer/text/strings.h"
#include "frontends/tokenizer/text/unicode.h"

namespace lluda::tokenizer {
namespace {

// The two say the same: where `\s+(?!\S)` fails, the run of white space has one character.
constexpr std::string_view kWhitespaceTails[] = {R"(|\s+(?!\S)|\s+)", R"(|\s+(?!\S)|\s)"};

// Enough for the automata of a few Unicode classes; with less RE2 falls back to slower engines.
constexpr int64_t kRegexMemory = int64_t{64} << 20;

// The run of white space at `begin`, without its last character if a word follows; 0 if there is
// none.
size_t WhitespaceLength(std::string_view text, size_t begin) {
  size_t end = begin;
  size_t last = begin;
  while (end < text.size()) {
    const base::Utf8Char next = base::ReadUtf8(text.substr(end));
    if (!IsWhitespace(next.code_point)) break;
    last = end;
    end += next.length;
  }
  const bool leaves_last = end < text.size() && last > begin;
  return (leaves_last ? last : end) - begin;
}

}  // namespace

SplitPattern::SplitPattern(std::unique_ptr<re2::RE2> regex, bool whitespace_tail,
                           std::string literal)
    : regex_(std::move(regex)), whitespace_tail_(whitespace_tail), literal_(std::move(literal)) {}
SplitPattern::SplitPattern(SplitPattern&&) noexcept = default;
SplitPattern& SplitPattern::operator=(SplitPattern&&) noexcept = default;
SplitPattern::~SplitPattern() = default;

absl::StatusOr<SplitPattern> SplitPattern::Compile(std::string_view regex) {
  bool whitespace_tail = false;
  for (const std::string_view tail : kWhitespaceTails) {
    if (whitespace_tail || !EndsWith(regex, tail)) continue;
    whitespace_tail = true;
    regex.remove_suffix(tail.size());
  }
  ASSIGN_OR_RETURN(const std::string translated, TranslateToRe2(regex));
  RE2::Options options;
  options.set_max_mem(kRegexMemory);
  options.set_never_capture(true);
  options.set_log_errors(false);
  auto compiled = std::make_unique<RE2>(translated, options);
  if (!compiled->ok()) {
    return absl::InvalidArgumentError(Concat("RE2: ", compiled->error()));
  }
  if (RE2::FullMatch("", *compiled)) {
    return absl::InvalidArgumentError("the expression matches the empty string");
  }
  return SplitPattern(std::move(compiled), whitespace_tail, "");
}

absl::StatusOr<SplitPattern> SplitPattern::Literal(std::string_view text) {
  if (text.empty()) return absl::InvalidArgumentError("the text to look for is empty");
  return SplitPattern(nullptr, /*whitespace_tail=*/false, std::string(text));
}

size_t SplitPattern::MatchAt(std::string_view text, size_t begin) const {
  re2::StringPiece match;
  if (regex_->Match(text, begin, text.size(), RE2::ANCHOR_START, &match, 1)) return match.size();
  return whitespace_tail_ ? WhitespaceLength(text, begin) : 0;
}

std::string_view SplitPattern::NextMatch(std::string_view text, size_t begin) const {
  if (regex_ == nullptr) {
    const size_t found = text.find(literal_, begin);
    return found == std::string_view::npos ? std::string_view()
                                           : text.substr(found, literal_.size());
  }
  re2::StringPiece match;
  if (!regex_->Match(text, begin, text.size(), RE2::UNANCHORED, &match, 1)) return {};
  return {match.data(), match.size()};
}

void SplitPattern::Cut(std::string_view text, Part part, int64_t* steps) const {
  size_t gap = 0;  // The start of the stretch that no match covers yet.
  size_t pos = 0;
  const auto put_match = [&](size_t begin, size_t length) {
    if (begin > gap) part(text.substr(gap, begin - gap), /*is_match=*/false);
    part(text.substr(begin, length), /*is_match=*/true);
    gap = pos = begin + length;
  };
  while (pos < text.size()) {
    ++*steps;
    if (whitespace_tail_) {
      // The tail is an alternative of each position, so positions are tried one by one.
      const size_t length = MatchAt(text, pos);
      if (length > 0) {
        put_match(pos, length);
      } else {
        pos += base::ReadUtf8(text.substr(pos)).length;
      }
    } else {
      const std::string_view match = NextMatch(text, pos);
      if (match.empty()) break;
      put_match(static_cast<size_t>(match.data() - text.data()), match.size());
    }
  }
  if (gap < text.size()) part(text.substr(gap), /*is_match=*/false);
}

}  // namespace lluda::tokenizer
