#include "engine/grammar/regex_parser.h"

#include <utf8proc.h>

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/json/json.h"
#include "base/status_macros.h"
#include "base/utf8.h"
#include "engine/grammar/grammar.h"

namespace lluda::grammar {
namespace {

using Kind = RegexNode::Kind;

// In the order of utf8proc_category_t.
constexpr absl::string_view kCategories[] = {
    "Cn", "Lu", "Ll", "Lt", "Lm", "Lo", "Mn", "Mc", "Me", "Nd", "Nl", "No", "Pc", "Pd", "Ps",
    "Pe", "Pi", "Pf", "Po", "Sm", "Sc", "Sk", "So", "Zs", "Zl", "Zp", "Cc", "Cf", "Cs", "Co"};
// Ranges of characters in all the categories of a pattern.
constexpr size_t kMaxCategoryRanges = 50000;

const CharSet& LineEnds() {
  static const auto* const set = new CharSet({{'\n', '\n'}, {'\r', '\r'}, {0x2028, 0x2029}});
  return *set;
}

// The classes that a letter names; a capital is what is not in them.
std::optional<CharSet> ClassOf(char32_t letter) {
  switch (letter) {
    case 'd':
      return CharSet({{'0', '9'}});
    case 'w':
      return CharSet({{'0', '9'}, {'A', 'Z'}, {'_', '_'}, {'a', 'z'}});
    case 's':
      return CharSet({{'\t', '\r'},
                      {' ', ' '},
                      {0xA0, 0xA0},
                      {0x1680, 0x1680},
                      {0x2000, 0x200A},
                      {0x2028, 0x2029},
                      {0x202F, 0x202F},
                      {0x205F, 0x205F},
                      {0x3000, 0x3000},
                      {0xFEFF, 0xFEFF}});
    case 'D':
    case 'W':
    case 'S':
      return ClassOf(letter - 'A' + 'a')->Negated();
    default:
      return std::nullopt;
  }
}

std::optional<char32_t> ControlOf(char32_t letter) {
  constexpr std::pair<char, char> kControls[] = {
      {'n', '\n'}, {'t', '\t'}, {'r', '\r'}, {'f', '\f'}, {'v', '\v'}};
  for (const auto& [name, control] : kControls) {
    if (letter == static_cast<char32_t>(name)) return static_cast<char32_t>(control);
  }
  return std::nullopt;
}

// The characters of each general category, in the order of utf8proc_category_t.
std::vector<std::vector<CharSet::Range>> AllCategories() {
  std::vector<std::vector<CharSet::Range>> categories(std::size(kCategories));
  for (char32_t c = 0; c <= kLastCodePoint; ++c) {
    auto& ranges = categories[utf8proc_category(static_cast<utf8proc_int32_t>(c))];
    if (!ranges.empty() && ranges.back().high + 1 == c) {
      ranges.back().high = c;
    } else {
      ranges.push_back({c, c});
    }
  }
  return categories;
}

class Parser {
 public:
  explicit Parser(absl::string_view pattern) : pattern_(pattern) {}

  absl::StatusOr<Regex> Parse() {
    open_.emplace_back();
    while (at_ < pattern_.size()) RETURN_IF_ERROR(ParseNext());
    if (open_.size() > 1) return Malformed(open_.back().at, "'(' has no ')'");
    const int root = CloseGroup();
    // The root is the last.
    if (root + 1 != static_cast<int>(regex_.nodes.size())) {
      Add({Kind::kSequence, {}, {root}});
    }
    return std::move(regex_);
  }

 private:
  // A group that has been opened: the branches before the last '|', and the parts since.
  struct Group {
    size_t at = 0;
    std::vector<int> branches;
    std::vector<int> parts;
    bool can_repeat = false;  // the last part may be followed by '*'
  };

  static absl::Status Malformed(size_t at, absl::string_view what) {
    return absl::InvalidArgumentError(absl::StrCat(what, " at byte ", at));
  }
  static absl::Status Unsupported(size_t at, absl::string_view what) {
    return absl::UnimplementedError(absl::StrCat(what, " at byte ", at, " is not supported"));
  }

  bool Take(absl::string_view text) {
    if (!absl::StartsWith(pattern_.substr(at_), text)) return false;
    at_ += text.size();
    return true;
  }
  // The next character; the pattern has one.
  char32_t TakeChar() {
    const base::Utf8Char c = base::ReadUtf8(base::ToStd(pattern_.substr(at_)));
    at_ += c.length;
    return c.code_point;
  }

  int Add(RegexNode node) {
    regex_.nodes.push_back(std::move(node));
    return static_cast<int>(regex_.nodes.size()) - 1;
  }
  void AddPart(RegexNode node, bool can_repeat) {
    open_.back().parts.push_back(Add(std::move(node)));
    open_.back().can_repeat = can_repeat;
  }
  void AddSet(CharSet set) { AddPart({Kind::kSet, std::move(set), {}}, true); }

  void CloseBranch() {
    Group& group = open_.back();
    const int branch = group.parts.size() == 1 ? group.parts.front()
                                               : Add({Kind::kSequence, {}, std::move(group.parts)});
    group.parts.clear();
    group.branches.push_back(branch);
    group.can_repeat = false;
  }
  int CloseGroup() {
    CloseBranch();
    Group group = std::move(open_.back());
    open_.pop_back();
    if (group.branches.size() == 1) return group.branches.front();
    return Add({Kind::kChoice, {}, std::move(group.branches)});
  }

  absl::Status ParseNext() {
    const size_t begin = at_;
    const char32_t c = TakeChar();
    switch (c) {
      case '(':
        return OpenGroup(begin);
      case ')': {
        if (open_.size() == 1) return Malformed(begin, "')' has no '('");
        const int group = CloseGroup();
        open_.back().parts.push_back(group);
        open_.back().can_repeat = true;
        return absl::OkStatus();
      }
      case '|':
        CloseBranch();
        return absl::OkStatus();
      case '^':
      case '$':
        regex_.has_anchors = true;
        AddPart({c == '^' ? Kind::kBegin : Kind::kEnd, {}, {}}, false);
        return absl::OkStatus();
      case '.':
        AddSet(LineEnds().Negated());
        return absl::OkStatus();
      case '[': {
        ASSIGN_OR_RETURN(CharSet set, ParseClass(begin));
        AddSet(std::move(set));
        return absl::OkStatus();
      }
      case '\\': {
        ASSIGN_OR_RETURN(CharSet set, ParseEscape(begin, /*in_class=*/false));
        AddSet(std::move(set));
        return absl::OkStatus();
      }
      case '*':
        return Repeat(begin, 0, RegexNode::kUnbounded);
      case '+':
        return Repeat(begin, 1, RegexNode::kUnbounded);
      case '?':
        return Repeat(begin, 0, 1);
      case '{':
        return ParseCounts(begin);
      case ']':
      case '}':
        return Malformed(begin, absl::StrCat("'", std::string(1, static_cast<char>(c)),
                                             "' without its opening bracket (write \\",
                                             std::string(1, static_cast<char>(c)), ")"));
      default:
        AddSet(CharSet({{c, c}}));
        return absl::OkStatus();
    }
  }

  absl::Status OpenGroup(size_t begin) {
    constexpr std::pair<absl::string_view, absl::string_view> kUnsupported[] = {
        {"?=", "look-ahead '(?='"},      {"?!", "look-ahead '(?!'"},
        {"?<=", "look-behind '(?<='"},   {"?<!", "look-behind '(?<!'"},
        {"?>", "an atomic group '(?>'"}, {"?P=", "a back reference '(?P='"},
        {"?#", "a comment '(?#'"}};
    for (const auto& [start, what] : kUnsupported) {
      if (absl::StartsWith(pattern_.substr(at_), start)) return Unsupported(begin, what);
    }
    if (Take("?<") || Take("?P<")) {
      const size_t end = pattern_.find('>', at_);
      const absl::string_view name =
          end == absl::string_view::npos ? "" : pattern_.substr(at_, end - at_);
      const bool is_name = !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
        return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '_';
      });
      if (!is_name) return Malformed(begin, "a group's name is malformed");
      at_ = end + 1;
    } else if (!Take("?:") && absl::StartsWith(pattern_.substr(at_), "?")) {
      return Unsupported(begin, "a flag or a group of the kind '(?'");
    }
    if (open_.size() > kMaxRegexDepth) {
      return absl::ResourceExhaustedError(
          absl::StrCat("groups are nested deeper than ", kMaxRegexDepth));
    }
    open_.emplace_back();
    open_.back().at = begin;
    return absl::OkStatus();
  }

  absl::Status Repeat(size_t begin, int min, int max) {
    Group& group = open_.back();
    if (!group.can_repeat) return Malformed(begin, "there is nothing to repeat");
    if (Take("+")) return Unsupported(begin, "a possessive repeat");
    Take("?");
    const int child = group.parts.back();
    group.parts.pop_back();
    RegexNode node = {Kind::kRepeat, {}, {child}};
    node.min = min;
    node.max = max;
    AddPart(std::move(node), false);
    return absl::OkStatus();
  }

  absl::StatusOr<int> ParseCount(size_t begin) {
    const size_t first = at_;
    int64_t count = 0;
    while (at_ < pattern_.size() &&
           absl::ascii_isdigit(static_cast<unsigned char>(pattern_[at_]))) {
      count = std::min<int64_t>(10 * count + (pattern_[at_++] - '0'), kMaxRepeats + 1);
    }
    if (at_ == first) return Malformed(begin, "'{' is not followed by counts (write \\{)");
    if (count > kMaxRepeats) {
      return absl::ResourceExhaustedError(
          absl::StrCat("the repeat at byte ", begin, " has a count above ", kMaxRepeats));
    }
    return static_cast<int>(count);
  }

  absl::Status ParseCounts(size_t begin) {
    ASSIGN_OR_RETURN(const int min, ParseCount(begin));
    int max = min;
    if (Take(",")) {
      max = RegexNode::kUnbounded;
      if (!absl::StartsWith(pattern_.substr(at_), "}")) {
        ASSIGN_OR_RETURN(max, ParseCount(begin));
      }
    }
    if (!Take("}")) return Malformed(begin, "'{' has no '}' behind its counts");
    if (max != RegexNode::kUnbounded && max < min) {
      return Malformed(begin, "the counts of a repeat are in the wrong order");
    }
    return Repeat(begin, min, max);
  }

  absl::StatusOr<char32_t> ParseHex(size_t begin, size_t digits) {
    const absl::string_view text = pattern_.substr(at_, digits);
    char32_t value = 0;
    for (const char c : text) {
      if (!absl::ascii_isxdigit(static_cast<unsigned char>(c)) || value > kLastCodePoint) {
        return Malformed(begin, "an escape's hexadecimal number is malformed");
      }
      const char lower = absl::ascii_tolower(static_cast<unsigned char>(c));
      value = 16 * value + static_cast<char32_t>(lower <= '9' ? lower - '0' : lower - 'a' + 10);
    }
    if (text.empty() || text.size() < digits || value > kLastCodePoint) {
      return Malformed(begin, "an escape's hexadecimal number is malformed");
    }
    at_ += digits;
    return value;
  }

  // The number in braces.
  absl::StatusOr<char32_t> ParseBracedHex(size_t begin) {
    const size_t end = pattern_.find('}', at_);
    if (end == absl::string_view::npos) return Malformed(begin, "'\\u{' has no '}'");
    ASSIGN_OR_RETURN(const char32_t value, ParseHex(begin, end - at_));
    ++at_;
    return value;
  }

  absl::StatusOr<CharSet> ParseCategory(size_t begin, bool negated) {
    const size_t end = pattern_.find('}', at_);
    if (!Take("{") || end == absl::string_view::npos) {
      return Malformed(begin, "'\\p' is not followed by a category in braces");
    }
    const absl::string_view name = pattern_.substr(at_, end - at_);
    if (categories_.empty()) categories_ = AllCategories();
    // One of them, "Lu", or all those of a letter, "L".
    std::vector<CharSet::Range> ranges;
    bool is_known = false;
    for (size_t i = 0; i < categories_.size(); ++i) {
      if (kCategories[i] != name && kCategories[i].substr(0, 1) != name) continue;
      is_known = true;
      ranges.insert(ranges.end(), categories_[i].begin(), categories_[i].end());
    }
    if (!is_known) {
      return Unsupported(begin, absl::StrCat("the property '", base::QuoteName(name), "'"));
    }
    category_ranges_ += ranges.size();
    if (category_ranges_ > kMaxCategoryRanges) {
      return absl::ResourceExhaustedError("it names too many properties of characters");
    }
    at_ = end + 1;
    CharSet set(std::move(ranges));
    return negated ? set.Negated() : set;
  }

  // What stands behind a '\'.
  absl::StatusOr<CharSet> ParseEscape(size_t begin, bool in_class) {
    if (at_ == pattern_.size()) return Malformed(begin, "'\\' has nothing behind it");
    const char32_t c = TakeChar();
    if (std::optional<CharSet> set = ClassOf(c); set.has_value()) return *std::move(set);
    const auto one = [](char32_t x) { return CharSet({{x, x}}); };
    if (const auto control = ControlOf(c); control.has_value()) return one(*control);
    const bool digit_follows = at_ < pattern_.size() && absl::ascii_isdigit(pattern_[at_]);
    if (c == '0' && !digit_follows) return one(0);
    if (c == 'b' && in_class) return one('\b');
    if (c == 'x') {
      ASSIGN_OR_RETURN(const char32_t value, ParseHex(begin, 2));
      return one(value);
    }
    if (c == 'u') {
      if (Take("{")) {
        ASSIGN_OR_RETURN(const char32_t value, ParseBracedHex(begin));
        return one(value);
      }
      ASSIGN_OR_RETURN(const char32_t high, ParseHex(begin, 4));
      if (high < 0xD800 || high > 0xDBFF || !Take("\\u")) return one(high);
      ASSIGN_OR_RETURN(const char32_t low, ParseHex(begin, 4));
      if (low < 0xDC00 || low > 0xDFFF) return Malformed(begin, "half of a surrogate pair");
      return one(0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00));
    }
    if (c == 'c' && at_ < pattern_.size() && absl::ascii_isalpha(pattern_[at_])) {
      return one(TakeChar() % 32);
    }
    if (c == 'p' || c == 'P') return ParseCategory(begin, c == 'P');
    if (c == 'b' || c == 'B') {
      return Unsupported(begin, absl::StrCat("the word boundary '\\", c == 'b' ? "b" : "B", "'"));
    }
    if (c == 'k' || (c >= '1' && c <= '9')) return Unsupported(begin, "a back reference");
    if (c < 0x80 && absl::ascii_ispunct(static_cast<unsigned char>(c))) return one(c);
    if (c < 0x80 && absl::ascii_isalnum(static_cast<unsigned char>(c))) {
      return Unsupported(begin,
                         absl::StrCat("the escape '\\", std::string(1, static_cast<char>(c)), "'"));
    }
    return one(c);
  }

  // What stands behind a '['.
  absl::StatusOr<CharSet> ParseClass(size_t begin) {
    const bool negated = Take("^");
    std::vector<CharSet::Range> ranges;
    const auto add = [&ranges](const CharSet& set) {
      ranges.insert(ranges.end(), set.ranges().begin(), set.ranges().end());
    };
    while (!Take("]")) {
      ASSIGN_OR_RETURN(const CharSet low, ParseClassItem(begin));
      const bool is_range =
          at_ + 1 < pattern_.size() && pattern_[at_] == '-' && pattern_[at_ + 1] != ']';
      if (!is_range) {
        add(low);
        continue;
      }
      const size_t dash = at_++;
      ASSIGN_OR_RETURN(const CharSet high, ParseClassItem(begin));
      const auto first = IsOne(low);
      const auto last = IsOne(high);
      if (!first || !last) return Malformed(dash, "a range in a class has a class at its end");
      if (*last < *first) return Malformed(dash, "a range in a class is in the wrong order");
      ranges.push_back({*first, *last});
    }
    CharSet set(std::move(ranges));
    return negated ? set.Negated() : set;
  }

  absl::StatusOr<CharSet> ParseClassItem(size_t begin) {
    if (at_ == pattern_.size()) return Malformed(begin, "'[' has no ']'");
    const size_t at = at_;
    if (absl::StartsWith(pattern_.substr(at_), "[:")) {
      return Unsupported(at, "a POSIX class '[:'");
    }
    const char32_t c = TakeChar();
    if (c == '\\') return ParseEscape(at, /*in_class=*/true);
    return CharSet({{c, c}});
  }

  static std::optional<char32_t> IsOne(const CharSet& set) {
    if (set.ranges().size() != 1 || set.ranges()[0].low != set.ranges()[0].high) {
      return std::nullopt;
    }
    return set.ranges()[0].low;
  }

  absl::string_view pattern_;
  size_t at_ = 0;
  std::vector<Group> open_;
  std::vector<std::vector<CharSet::Range>> categories_;  // made when one is first asked for
  size_t category_ranges_ = 0;
  Regex regex_;
};

}  // namespace

absl::StatusOr<Regex> ParseRegex(absl::string_view pattern) {
  if (pattern.size() > kMaxSourceBytes) {
    return absl::ResourceExhaustedError(
        absl::StrCat("it has ", pattern.size(), " bytes, at most ", kMaxSourceBytes, " are read"));
  }
  if (!simdjson::validate_utf8(pattern.data(), pattern.size())) {
    return absl::InvalidArgumentError("it is not valid UTF-8");
  }
  return Parser(pattern).Parse();
}

}  // namespace lluda::grammar
