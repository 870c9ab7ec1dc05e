#include "frontends/jinja/syntax/lexer.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "base/status_macros.h"
#include "base/utf8.h"
#include "frontends/jinja/syntax/string_literal.h"
#include "frontends/jinja/value/limits.h"
#include "frontends/jinja/value/python_text.h"
#include "frontends/tokenizer/text/strings.h"
#include "frontends/tokenizer/text/unicode.h"

namespace lluda::jinja {
namespace {

using tokenizer::Concat;
using tokenizer::StartsWith;

constexpr size_t kLongestReason = 400;

// The longer ones first.
constexpr std::string_view kOperators[] = {"//", "**", "==", "!=", ">=", "<=", "+", "-", "/",
                                           "*",  "%",  "~",  "[",  "]",  "(",  ")", "{", "}",
                                           ">",  "<",  "=",  ".",  ":",  "|",  ",", ";"};

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// One kind of line end, and none at the end of the source: as Jinja2 reads a source.
std::string NormalizeSource(std::string_view source) {
  std::string text;
  text.reserve(source.size());
  for (size_t i = 0; i < source.size(); ++i) {
    if (source[i] == '\r') {
      text += '\n';
      if (i + 1 < source.size() && source[i + 1] == '\n') ++i;
    } else {
      text += source[i];
    }
  }
  if (!text.empty() && text.back() == '\n') text.pop_back();
  return text;
}

class Lexer {
 public:
  Lexer(std::string source, const std::string& name) : source_(std::move(source)), name_(name) {}

  absl::StatusOr<std::vector<Token>> Run() {
    while (pos_ < source_.size()) {
      RETURN_IF_ERROR(ReadRoot());
    }
    Add(TokenType::kEnd, "");
    return std::move(tokens_);
  }

 private:
  // The text up to the next tag, and the tag.
  absl::Status ReadRoot() {
    const size_t tag = FindTag();
    const bool has_tag = tag != std::string::npos;
    std::string_view text = Rest().substr(0, has_tag ? tag - pos_ : std::string_view::npos);
    if (!has_tag) {
      AddData(text);
      Advance(text.size());
      return absl::OkStatus();
    }
    const char kind = source_[tag + 1];
    const char sign = SignAt(tag + 2);
    AddData(StripBefore(text, sign, /*is_variable=*/kind == '{'));
    Advance(text.size());
    if (kind == '%') {
      if (const std::optional<size_t> raw = MatchWordTag(pos_, "raw", /*trims_newline=*/false)) {
        return ReadRaw(*raw);
      }
    }
    const Position at = PositionOf(pos_);
    Advance(sign == 0 ? 2 : 3);
    if (kind == '#') return ReadComment(at);
    tokens_.push_back({kind == '%' ? TokenType::kBlockBegin : TokenType::kVariableBegin, at, ""});
    return ReadTag(kind == '%');
  }

  size_t FindTag() const {
    for (size_t at = pos_; (at = source_.find('{', at)) != std::string::npos; ++at) {
      const char next = at + 1 < source_.size() ? source_[at + 1] : 0;
      if (next == '%' || next == '{' || next == '#') return at;
    }
    return std::string::npos;
  }

  char SignAt(size_t at) const {
    const char c = at < source_.size() ? source_[at] : 0;
    return c == '-' || c == '+' ? c : 0;
  }

  // What is left of the text before a tag.
  std::string_view StripBefore(std::string_view text, char sign, bool is_variable) const {
    if (sign == '-') {
      return text.substr(
          0, Strip(Text(std::string(text), Origin::kTemplate), nullptr, Side::kRight).size());
    }
    if (sign == '+' || is_variable) return text;
    const size_t line = text.rfind('\n') + 1;  // 0 if there is none
    if (line == 0 && !line_starting_) return text;
    return SpaceLength(text.substr(line)) == text.size() - line ? text.substr(0, line) : text;
  }

  static size_t SpaceLength(std::string_view text) {
    size_t length = 0;
    while (length < text.size()) {
      const base::Utf8Char next = base::ReadUtf8(text.substr(length));
      if (!IsPythonSpace(next.code_point)) break;
      length += next.length;
    }
    return length;
  }

  // The length of the end of a tag at `at`, with the white space that goes with it; 0 if it is
  // none.
  size_t TagEndAt(size_t at, std::string_view end, bool trims_newline, bool has_plus) const {
    const std::string_view rest = std::string_view(source_).substr(at);
    if (StartsWith(rest, end)) {
      const bool trims = trims_newline && StartsWith(rest.substr(end.size()), "\n");
      return end.size() + (trims ? 1 : 0);
    }
    if (rest.empty() || !StartsWith(rest.substr(1), end)) return 0;
    if (rest[0] == '-') return 1 + end.size() + SpaceLength(rest.substr(1 + end.size()));
    return rest[0] == '+' && has_plus ? 1 + end.size() : 0;
  }

  // The length of a tag that holds only this word, such as {%- raw %}, at `at`.
  std::optional<size_t> MatchWordTag(size_t at, std::string_view word, bool trims_newline) const {
    size_t here = at + (SignAt(at + 2) == 0 ? 2 : 3);
    const auto skip_space = [&] { here += SpaceLength(std::string_view(source_).substr(here)); };
    if (here > source_.size()) return std::nullopt;
    skip_space();
    if (!StartsWith(std::string_view(source_).substr(here), word)) return std::nullopt;
    here += word.size();
    skip_space();
    const size_t end = TagEndAt(here, "%}", trims_newline, /*has_plus=*/trims_newline);
    if (end == 0) return std::nullopt;
    return here + end - at;
  }

  absl::Status ReadRaw(size_t begin_length) {
    const Position start = PositionOf(pos_);
    Advance(begin_length);
    for (size_t at = pos_; (at = source_.find("{%", at)) != std::string::npos; ++at) {
      const std::optional<size_t> end = MatchWordTag(at, "endraw", /*trims_newline=*/true);
      if (!end.has_value()) continue;
      const std::string_view text = std::string_view(source_).substr(pos_, at - pos_);
      AddData(StripBefore(text, SignAt(at + 2), /*is_variable=*/false));
      Advance(at + *end - pos_);
      return absl::OkStatus();
    }
    if (pos_ == source_.size()) return absl::OkStatus();  // Jinja2 does not mind
    return Error(start, "missing end of raw directive");
  }

  absl::Status ReadComment(Position start) {
    for (size_t at = pos_; at < source_.size(); ++at) {
      const size_t end = TagEndAt(at, "#}", /*trims_newline=*/true, /*has_plus=*/true);
      if (end == 0) continue;
      Advance(at + end - pos_);
      return absl::OkStatus();
    }
    if (pos_ == source_.size()) return absl::OkStatus();  // Jinja2 does not mind
    return Error(start, "missing end of comment tag");
  }

  // The tokens of a tag, its end included.
  absl::Status ReadTag(bool is_block) {
    std::vector<char> open;
    while (pos_ < source_.size()) {
      const size_t end = TagEndAt(pos_, is_block ? "%}" : "}}", is_block, is_block);
      if (end != 0 && open.empty()) {
        Add(is_block ? TokenType::kBlockEnd : TokenType::kVariableEnd, "");
        Advance(end);
        return absl::OkStatus();
      }
      if (const size_t space = SpaceLength(Rest()); space > 0) {
        Advance(space);
        continue;
      }
      RETURN_IF_ERROR(ReadToken(&open));
    }
    return absl::OkStatus();  // the parser says what is missing
  }

  absl::Status ReadToken(std::vector<char>* open) {
    const char c = source_[pos_];
    if (IsDigit(c)) return ReadNumber();
    if (c == '\'' || c == '"') return ReadString(c);
    if (const size_t length = NameLength(); length > 0) {
      Add(TokenType::kName, std::string(Rest().substr(0, length)));
      Advance(length);
      return absl::OkStatus();
    }
    for (const std::string_view op : kOperators) {
      if (!StartsWith(Rest(), op)) continue;
      RETURN_IF_ERROR(Balance(op[0], open));
      Add(TokenType::kOperator, std::string(op));
      Advance(op.size());
      return absl::OkStatus();
    }
    const size_t length = base::ReadUtf8(Rest()).length;
    return Error(PositionOf(pos_), Concat("unexpected character '", Rest().substr(0, length), "'"));
  }

  absl::Status Balance(char c, std::vector<char>* open) {
    constexpr std::string_view kOpen = "([{", kClose = ")]}";
    if (const size_t at = kOpen.find(c); at != std::string_view::npos) {
      open->push_back(kClose[at]);
      return absl::OkStatus();
    }
    if (kClose.find(c) == std::string_view::npos) return absl::OkStatus();
    const std::string shown(1, c);
    if (open->empty()) return Error(PositionOf(pos_), Concat("unexpected '", shown, "'"));
    const std::string expected(1, open->back());
    open->pop_back();
    if (expected == shown) return absl::OkStatus();
    return Error(PositionOf(pos_), Concat("unexpected '", shown, "', expected '", expected, "'"));
  }

  size_t NameLength() const {
    size_t length = 0;
    const std::string_view rest = Rest();
    while (length < rest.size()) {
      const base::Utf8Char next = base::ReadUtf8(rest.substr(length));
      if (next.code_point != '_' && !tokenizer::IsWordCharacter(next.code_point)) break;
      length += next.length;
    }
    return length;
  }

  // Digits, perhaps with single underscores between them, from `at`: where they end.
  template <typename IsWanted>
  size_t DigitsEnd(size_t at, const IsWanted& is_wanted) const {
    const auto is_at = [&](size_t i) { return i < source_.size() && is_wanted(source_[i]); };
    while (is_at(at) || (at < source_.size() && source_[at] == '_' && is_at(at + 1))) ++at;
    return at;
  }

  absl::Status ReadNumber() {
    const auto digit_at = [&](size_t i) { return i < source_.size() && IsDigit(source_[i]); };
    size_t end = DigitsEnd(pos_, IsDigit);
    bool is_float = false;
    const bool after_dot = pos_ > 0 && source_[pos_ - 1] == '.';
    if (!after_dot && end < source_.size() && source_[end] == '.' && digit_at(end + 1)) {
      end = DigitsEnd(end + 1, IsDigit);
      is_float = true;
    }
    if (!after_dot && end < source_.size() && (source_[end] == 'e' || source_[end] == 'E')) {
      const bool has_sign = end + 1 < source_.size() && SignAt(end + 1) != 0;
      if (digit_at(end + 1 + (has_sign ? 1 : 0))) {
        end = DigitsEnd(end + 1 + (has_sign ? 1 : 0), IsDigit);
        is_float = true;
      }
    }
    if (!is_float) end = IntegerEnd();
    std::string digits = source_.substr(pos_, end - pos_);
    digits.erase(std::remove(digits.begin(), digits.end(), '_'), digits.end());
    Add(is_float ? TokenType::kFloat : TokenType::kInteger, std::move(digits));
    Advance(end - pos_);
    return absl::OkStatus();
  }

  size_t IntegerEnd() const {
    const auto is_zero = [](char c) { return c == '0'; };
    if (source_[pos_] != '0') return DigitsEnd(pos_, IsDigit);
    const char base = pos_ + 1 < source_.size() ? source_[pos_ + 1] : 0;
    size_t end = pos_;
    if (base == 'x' || base == 'X') {
      end = DigitsEnd(pos_ + 2, [](char c) {
        return IsDigit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
      });
    } else if (base == 'o' || base == 'O') {
      end = DigitsEnd(pos_ + 2, [](char c) { return c >= '0' && c <= '7'; });
    } else if (base == 'b' || base == 'B') {
      end = DigitsEnd(pos_ + 2, [](char c) { return c == '0' || c == '1'; });
    }
    return end > pos_ + 2 ? end : DigitsEnd(pos_, is_zero);
  }

  absl::Status ReadString(char quote) {
    size_t end = pos_ + 1;
    while (end < source_.size() && source_[end] != quote) end += source_[end] == '\\' ? 2 : 1;
    if (end >= source_.size()) {
      return Error(PositionOf(pos_), Concat("unexpected character '", std::string(1, quote),
                                            "': the text has no end"));
    }
    absl::StatusOr<std::string> text =
        DecodeStringLiteral(std::string_view(source_).substr(pos_ + 1, end - pos_ - 1));
    if (!text.ok()) {
      return Error(PositionOf(pos_), tokenizer::FromAbsl(text.status().message()));
    }
    Add(TokenType::kString, *std::move(text));
    Advance(end + 1 - pos_);
    return absl::OkStatus();
  }

  std::string_view Rest() const { return std::string_view(source_).substr(pos_); }

  void Advance(size_t length) {
    for (size_t i = 0; i < length; ++i) {
      if (source_[pos_ + i] != '\n') continue;
      ++line_;
      line_begin_ = pos_ + i + 1;
    }
    pos_ += length;
    line_starting_ = length > 0 ? source_[pos_ - 1] == '\n' : line_starting_;
  }

  // Of a place that is not before pos_ and in its line.
  Position PositionOf(size_t at) const { return {line_, static_cast<int>(at - line_begin_) + 1}; }

  void AddData(std::string_view text) {
    if (!text.empty()) Add(TokenType::kData, std::string(text));
  }
  void Add(TokenType type, std::string text) {
    tokens_.push_back({type, PositionOf(pos_), std::move(text)});
  }

  absl::Status Error(Position at, std::string_view reason) const {
    return ErrorAt(absl::StatusCode::kInvalidArgument, name_, at, reason);
  }

  const std::string source_;
  const std::string& name_;
  std::vector<Token> tokens_;
  size_t pos_ = 0;
  int line_ = 1;
  size_t line_begin_ = 0;
  bool line_starting_ = true;  // nothing stands between a line's start and pos_
};

}  // namespace

absl::StatusOr<std::vector<Token>> Tokenize(std::string_view source, const std::string& name) {
  if (source.size() > kMostSourceBytes) {
    return absl::ResourceExhaustedError(
        Concat(name, ": a template has at most ", kMostSourceBytes, " bytes"));
  }
  return Lexer(NormalizeSource(base::ReplaceInvalidUtf8(source)), name).Run();
}

absl::Status ErrorAt(absl::StatusCode code, const std::string& name, Position at,
                     std::string_view reason) {
  const bool is_cut = reason.size() > kLongestReason;
  if (is_cut) {
    reason = reason.substr(0, kLongestReason);
    reason = reason.substr(0, base::CompleteUtf8Prefix(reason));
  }
  std::string line;
  for (const char c : reason) line += static_cast<uint8_t>(c) < 0x20 || c == 0x7F ? ' ' : c;
  return absl::Status(code, absl::StrCat(name, ": line ", at.line, ", column ", at.column, ": ",
                                         line, is_cut ? "..." : ""));
}

}  // namespace lluda::jinja
