// Methods of texts.
#include <utf8proc.h>

#include <algorithm>
#include <array>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "base/status_macros.h"
#include "base/utf8.h"
#include "frontends/jinja/builtins/filter_tables.h"
#include "frontends/jinja/builtins/method_tables.h"
#include "frontends/jinja/builtins/operators.h"
#include "frontends/jinja/value/limits.h"
#include "frontends/jinja/value/python_text.h"
#include "frontends/tokenizer/text/strings.h"

namespace lluda::jinja {
namespace {

using tokenizer::Concat;

absl::StatusOr<const Text*> TextOf(const Value& value, std::string_view what) {
  if (value.is_string()) return &value.text();
  return absl::InvalidArgumentError(
      value.is_undefined() ? value.bytes()
                           : Concat(what, " is of type ", TypeName(value), ", not a text"));
}

absl::StatusOr<Value> TextList(Machine* machine, std::vector<Text> texts) {
  RETURN_IF_ERROR(machine->budget->Check());
  std::vector<Value> items;
  for (Text& text : texts) {
    machine->budget->ChargeBytes(text.size());
    items.push_back(Value::String(std::move(text)));
  }
  return NewList(machine, std::move(items));
}

// text[begin:end]
absl::StatusOr<Text> PartOf(Machine* machine, const Text& text, const Value* begin,
                            const Value* end) {
  ASSIGN_OR_RETURN(const Value part,
                   Slice(machine, Value::String(text), begin == nullptr ? Value() : *begin,
                         end == nullptr ? Value() : *end, Value()));
  return part.text();
}

template <Side side>
absl::StatusOr<Value> StripMethod(Machine* machine, const Value& subject, const Bound& bound) {
  if (bound[0] == nullptr || bound[0]->is_none()) {
    return NewString(machine, Strip(subject.text(), nullptr, side));
  }
  ASSIGN_OR_RETURN(const Text* characters, TextOf(*bound[0], "what is stripped"));
  return NewString(machine, Strip(subject.text(), &characters->bytes(), side));
}

template <Case wanted>
absl::StatusOr<Value> CaseMethod(Machine* machine, const Value& subject, const Bound&) {
  machine->budget->ChargeParts(subject.bytes().size() / 4);
  return NewString(machine, ChangeCase(subject.text(), wanted));
}

// Whether the text, from the character `start` on and up to `end`, starts or ends with the
// argument: a text, or one of a tuple.
template <bool at_end>
absl::StatusOr<Value> HasAffix(Machine* machine, const Value& subject, const Bound& bound) {
  std::string_view text = subject.bytes();
  const bool is_part = bound[1] != nullptr || bound[2] != nullptr;
  Text part;
  if (is_part) {
    ASSIGN_OR_RETURN(part, PartOf(machine, subject.text(), bound[1], bound[2]));
    text = part.bytes();
  }
  std::vector<Value> wanted = {*bound[0]};
  if (bound[0]->is(Type::kList) && bound[0]->list()->kind == ListKind::kTuple) {
    wanted = bound[0]->list()->items;
  }
  for (const Value& affix : wanted) {
    ASSIGN_OR_RETURN(const Text* expected, TextOf(affix, "what the text starts or ends with"));
    machine->budget->ChargeBytes(expected->size());
    const bool has = at_end ? tokenizer::EndsWith(text, expected->bytes())
                            : tokenizer::StartsWith(text, expected->bytes());
    if (has) return Value::Bool(true);
  }
  return Value::Bool(false);
}

// ---- split ----

// All of these end early, wrongly, once the budget is spent.
std::vector<Text> SplitAtSpace(const Text& text, int64_t most, Budget* budget) {
  std::vector<Text> parts;
  Text rest = Strip(text, nullptr, Side::kLeft);
  const std::string_view bytes = rest.bytes();
  size_t at = 0;
  while (at < bytes.size() && !budget->spent()) {
    budget->ChargeParts(kPartsPerText);
    if (most >= 0 && static_cast<int64_t>(parts.size()) == most) {
      parts.push_back(rest.Part(at, bytes.size()));
      return parts;
    }
    const size_t begin = at;
    const auto space_at = [&](size_t i) { return base::ReadUtf8(bytes.substr(i)); };
    while (at < bytes.size() && !IsPythonSpace(space_at(at).code_point)) at += space_at(at).length;
    parts.push_back(rest.Part(begin, at));
    while (at < bytes.size() && IsPythonSpace(space_at(at).code_point)) at += space_at(at).length;
  }
  return parts;
}

std::vector<Text> SplitAtSpaceFromRight(const Text& text, int64_t most, Budget* budget) {
  std::vector<Text> all = SplitAtSpace(text, -1, budget);
  if (budget->spent()) return all;
  if (most < 0 || static_cast<int64_t>(all.size()) <= most + 1) return all;
  // The first part is all that the others leave.
  size_t end = Strip(text, nullptr, Side::kRight).size();
  const std::string_view bytes = text.bytes();
  for (int64_t i = 0; i < most; ++i) {
    end -= all[all.size() - 1 - i].size();
    while (end > 0) {
      const size_t last = LastCharacter(bytes.substr(0, end));
      if (!IsPythonSpace(base::ReadUtf8(bytes.substr(last)).code_point)) break;
      end = last;
    }
  }
  std::vector<Text> parts = {text.Part(0, end)};
  parts.insert(parts.end(), all.end() - most, all.end());
  return parts;
}

std::vector<Text> SplitAt(const Text& text, const std::string& separator, int64_t most,
                          Budget* budget) {
  std::vector<Text> parts;
  size_t begin = 0;
  while (!budget->spent() && (most < 0 || static_cast<int64_t>(parts.size()) < most)) {
    budget->ChargeParts(kPartsPerText);
    const size_t end = FindText(text.bytes(), separator, begin);
    if (end == std::string_view::npos) break;
    parts.push_back(text.Part(begin, end));
    begin = end + separator.size();
  }
  parts.push_back(text.Part(begin, text.size()));
  return parts;
}

std::vector<Text> SplitAtFromRight(const Text& text, const std::string& separator, int64_t most,
                                   Budget* budget) {
  // Found from the end, as overlapping separators are.
  const std::string backwards(text.bytes().rbegin(), text.bytes().rend());
  const std::string wanted(separator.rbegin(), separator.rend());
  std::vector<Text> parts;
  size_t begin = 0;  // in the reversed text
  while (!budget->spent() && (most < 0 || static_cast<int64_t>(parts.size()) < most)) {
    budget->ChargeParts(kPartsPerText);
    const size_t end = FindText(backwards, wanted, begin);
    if (end == std::string_view::npos) break;
    parts.push_back(text.Part(text.size() - end, text.size() - begin));
    begin = end + wanted.size();
  }
  parts.push_back(text.Part(0, text.size() - begin));
  std::reverse(parts.begin(), parts.end());
  return parts;
}

template <bool from_right>
absl::StatusOr<Value> Split(Machine* machine, const Value& subject, const Bound& bound) {
  machine->budget->ChargeBytes(subject.bytes().size());
  int64_t most = -1;
  if (bound[1] != nullptr) {
    ASSIGN_OR_RETURN(most, IntegerOf(*bound[1], "the count of split"));
  }
  std::vector<Text> parts;
  if (bound[0] == nullptr || bound[0]->is_none()) {
    parts = from_right ? SplitAtSpaceFromRight(subject.text(), most, machine->budget)
                       : SplitAtSpace(subject.text(), most, machine->budget);
  } else {
    ASSIGN_OR_RETURN(const Text* separator, TextOf(*bound[0], "the separator of split"));
    if (separator->empty()) return absl::InvalidArgumentError("empty separator");
    parts = from_right ? SplitAtFromRight(subject.text(), separator->bytes(), most, machine->budget)
                       : SplitAt(subject.text(), separator->bytes(), most, machine->budget);
  }
  return TextList(machine, std::move(parts));
}

absl::StatusOr<Value> SplitLinesMethod(Machine* machine, const Value& subject, const Bound& bound) {
  machine->budget->ChargeBytes(subject.bytes().size());
  const bool keep_ends = bound[0] != nullptr && Truth(*bound[0]);
  return TextList(machine, SplitLines(subject.text(), keep_ends, machine->budget));
}

absl::StatusOr<Value> JoinMethod(Machine* machine, const Value& subject, const Bound& bound) {
  ASSIGN_OR_RETURN(const std::vector<Value> items, ItemsOf(machine, *bound[0]));
  for (const Value& item : items) {
    RETURN_IF_ERROR(TextOf(item, "an item of what is joined"));
  }
  return JoinItems(machine, items, subject.text());
}

absl::StatusOr<Value> ReplaceMethod(Machine* machine, const Value& subject, const Bound& bound) {
  ASSIGN_OR_RETURN(const Text* old_part, TextOf(*bound[0], "what is replaced"));
  ASSIGN_OR_RETURN(const Text* new_part, TextOf(*bound[1], "the replacement"));
  int64_t count = -1;
  if (bound[2] != nullptr) {
    ASSIGN_OR_RETURN(count, IntegerOf(*bound[2], "the count of replace"));
  }
  return ReplaceText(machine, subject.text(), old_part->bytes(), *new_part, count);
}

// ---- search ----

template <bool from_right, bool must_be_there>
absl::StatusOr<Value> Find(Machine* machine, const Value& subject, const Bound& bound) {
  ASSIGN_OR_RETURN(const Text* part, TextOf(*bound[0], "what is looked for"));
  machine->budget->ChargeBytes(subject.bytes().size());
  const size_t at = from_right ? FindLastText(subject.bytes(), part->bytes())
                               : FindText(subject.bytes(), part->bytes());
  if (at != std::string_view::npos) {
    return Value::Int(
        static_cast<int64_t>(CountCharacters(std::string_view(subject.bytes()).substr(0, at))));
  }
  if (must_be_there) return absl::InvalidArgumentError("substring not found");
  return Value::Int(-1);
}

absl::StatusOr<Value> Count(Machine* machine, const Value& subject, const Bound& bound) {
  ASSIGN_OR_RETURN(const Text* part, TextOf(*bound[0], "what is counted"));
  machine->budget->ChargeBytes(subject.bytes().size());
  if (part->empty()) {
    return Value::Int(static_cast<int64_t>(CountCharacters(subject.bytes())) + 1);
  }
  return Value::Int(
      static_cast<int64_t>(SplitAt(subject.text(), part->bytes(), -1, machine->budget).size()) - 1);
}

template <bool at_end>
absl::StatusOr<Value> RemoveAffix(Machine* machine, const Value& subject, const Bound& bound) {
  ASSIGN_OR_RETURN(const Text* affix, TextOf(*bound[0], "what is removed"));
  const Text& text = subject.text();
  if (at_end && tokenizer::EndsWith(text.bytes(), affix->bytes())) {
    return NewString(machine, text.Part(0, text.size() - affix->size()));
  }
  if (!at_end && tokenizer::StartsWith(text.bytes(), affix->bytes())) {
    return NewString(machine, text.Part(affix->size(), text.size()));
  }
  return subject;
}

// ---- kinds of characters ----

utf8proc_category_t CategoryOf(char32_t code_point) {
  return utf8proc_category(static_cast<utf8proc_int32_t>(code_point));
}
bool IsAlphabetic(char32_t code_point) {
  const utf8proc_category_t category = CategoryOf(code_point);
  return category >= UTF8PROC_CATEGORY_LU && category <= UTF8PROC_CATEGORY_LO;
}
bool IsDecimal(char32_t code_point) { return CategoryOf(code_point) == UTF8PROC_CATEGORY_ND; }
bool IsAlphanumeric(char32_t code_point) {
  return IsAlphabetic(code_point) || IsDecimal(code_point);
}

using CharacterTest = bool (*)(char32_t code_point);

template <CharacterTest test>
absl::StatusOr<Value> AllAre(Machine* machine, const Value& subject, const Bound&) {
  machine->budget->ChargeParts(subject.bytes().size() / 4);
  std::string_view rest = subject.bytes();
  if (rest.empty()) return Value::Bool(false);
  while (!rest.empty()) {
    const base::Utf8Char next = base::ReadUtf8(rest);
    if (!test(next.code_point)) return Value::Bool(false);
    rest.remove_prefix(next.length);
  }
  return Value::Bool(true);
}

template <bool (*is_case)(std::string_view)>
absl::StatusOr<Value> IsInCase(Machine* machine, const Value& subject, const Bound&) {
  machine->budget->ChargeParts(subject.bytes().size() / 4);
  return Value::Bool(is_case(subject.bytes()));
}

constexpr Builtin kStringMethods[] = {
    {"capitalize", 0, {}, CaseMethod<Case::kCapitalized>},
    {"count", 1, {"sub"}, Count},
    {"endswith", 1, {"suffix", "start", "end"}, HasAffix<true>},
    {"find", 1, {"sub"}, Find<false, false>},
    {"index", 1, {"sub"}, Find<false, true>},
    {"isalnum", 0, {}, AllAre<IsAlphanumeric>},
    {"isalpha", 0, {}, AllAre<IsAlphabetic>},
    {"isdecimal", 0, {}, AllAre<IsDecimal>},
    {"isdigit", 0, {}, AllAre<IsDecimal>},
    {"islower", 0, {}, IsInCase<IsLower>},
    {"isnumeric", 0, {}, AllAre<IsDecimal>},
    {"isspace", 0, {}, AllAre<IsPythonSpace>},
    {"isupper", 0, {}, IsInCase<IsUpper>},
    {"join", 1, {"iterable"}, JoinMethod},
    {"lower", 0, {}, CaseMethod<Case::kLower>},
    {"lstrip", 0, {"chars"}, StripMethod<Side::kLeft>},
    {"removeprefix", 1, {"prefix"}, RemoveAffix<false>},
    {"removesuffix", 1, {"suffix"}, RemoveAffix<true>},
    {"replace", 2, {"old", "new", "count"}, ReplaceMethod},
    {"rfind", 1, {"sub"}, Find<true, false>},
    {"rindex", 1, {"sub"}, Find<true, true>},
    {"rsplit", 0, {"sep", "maxsplit"}, Split<true>},
    {"rstrip", 0, {"chars"}, StripMethod<Side::kRight>},
    {"split", 0, {"sep", "maxsplit"}, Split<false>},
    {"splitlines", 0, {"keepends"}, SplitLinesMethod},
    {"startswith", 1, {"prefix", "start", "end"}, HasAffix<false>},
    {"strip", 0, {"chars"}, StripMethod<Side::kBoth>},
    {"title", 0, {}, CaseMethod<Case::kTitle>},
    {"upper", 0, {}, CaseMethod<Case::kUpper>},
};

}  // namespace

const MethodRow* FindStringMethod(std::string_view name) {
  static constexpr auto kRows = [] {
    std::array<MethodRow, std::size(kStringMethods)> rows{};
    for (size_t i = 0; i < rows.size(); ++i) rows[i] = {Type::kString, kStringMethods[i]};
    return rows;
  }();
  for (const MethodRow& row : kRows) {
    if (row.builtin.name == name) return &row;
  }
  return nullptr;
}

}  // namespace lluda::jinja
