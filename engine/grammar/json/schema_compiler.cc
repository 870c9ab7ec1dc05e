#include "engine/grammar/json/schema_compiler.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

#include "absl/algorithm/container.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "base/json/json.h"
#include "base/json/json_writer.h"
#include "base/status_macros.h"
#include "engine/grammar/json/formats.h"
#include "engine/grammar/json/integer_range.h"
#include "engine/grammar/json/schema_keys.h"
#include "engine/grammar/regex_parser.h"

namespace lluda::grammar {
namespace {

using simdjson::dom::element;

constexpr double kLargestBound = 1e30;

absl::int128 PowerOfTen(int exponent) {
  absl::int128 power = 1;
  for (; exponent > 0; --exponent) power *= 10;
  return power;
}

std::string JsonText(absl::string_view text) { return base::JsonWriter().String(text).text(); }

// Of valid UTF-8: the bytes that begin a character.
int64_t CountCharacters(std::string_view text) {
  return std::count_if(text.begin(), text.end(),
                       [](char c) { return (static_cast<uint8_t>(c) & 0xC0) != 0x80; });
}

absl::Status Refuse(const PlainSchema& schema, absl::StatusCode code, absl::string_view message) {
  return SchemaError(code, schema.place.pointer, message);
}

std::optional<int64_t> CountAt(const PlainSchema& schema, absl::string_view keyword) {
  const auto value = schema.Find(keyword);
  return value.has_value() ? CountOf(*value) : std::nullopt;
}

// The bounds that a schema gives for integers, both included.
struct Bounds {
  std::optional<absl::int128> min;
  std::optional<absl::int128> max;

  bool Contain(double number) const {
    return (!min.has_value() || number >= static_cast<double>(*min)) &&
           (!max.has_value() || number <= static_cast<double>(*max));
  }
};

absl::StatusOr<Bounds> BoundsOf(const PlainSchema& schema) {
  Bounds bounds;
  for (const absl::string_view keyword :
       {"minimum", "exclusiveMinimum", "maximum", "exclusiveMaximum"}) {
    const auto value = schema.Find(keyword);
    if (!value.has_value()) continue;
    const bool is_exclusive = keyword.substr(0, 9) == "exclusive";
    const bool is_min = keyword == "minimum" || keyword == "exclusiveMinimum";
    absl::int128 bound;
    bool is_integer = true;
    int64_t small;
    uint64_t large;
    if (!value->get(small)) {
      bound = small;
    } else if (!value->get(large)) {
      bound = large;
    } else {
      const double number = value->get_double().value_unsafe();
      if (std::abs(number) > kLargestBound) {
        return Refuse(schema, absl::StatusCode::kResourceExhausted,
                      absl::StrCat("'", keyword, "' is beyond 1e30"));
      }
      is_integer = std::floor(number) == number;
      bound = static_cast<absl::int128>(is_min ? std::ceil(number) : std::floor(number));
    }
    if (is_exclusive && is_integer) bound += is_min ? 1 : -1;
    if (is_min) {
      bounds.min = std::max(bounds.min.value_or(bound), bound);
    } else {
      bounds.max = std::min(bounds.max.value_or(bound), bound);
    }
  }
  return bounds;
}

}  // namespace

absl::StatusOr<int> SchemaCompiler::AddDocument(absl::string_view text, Types types) {
  ASSIGN_OR_RETURN(document_, SchemaDocument::Parse(text));
  rules_.clear();
  tasks_.clear();
  const int root = RuleOf(document_->root(), types);
  // Tasks come from tasks: no schema is as deep as to need the stack.
  while (!tasks_.empty() && builder_->ok()) {
    const Task task = std::move(tasks_.back());
    tasks_.pop_back();
    RETURN_IF_ERROR(Compile(task));
  }
  return root;
}

int SchemaCompiler::RuleOf(const SchemaPlace& place, Types types) {
  const auto [at, is_new] = rules_.try_emplace(absl::StrCat(types, place.pointer), -1);
  if (is_new) {
    at->second = builder_->AddRule();
    tasks_.push_back({place, types, at->second});
  }
  return at->second;
}

int SchemaCompiler::RuleBelow(const PlainSchema& schema, absl::string_view keyword) {
  const auto below = schema.Find(keyword);
  bool all = true;
  if (!below.has_value() || !below->get(all)) return all ? json_.Value() : -1;
  return RuleOf(schema.place.Below(*below, keyword), kAnyType);
}

absl::Status SchemaCompiler::Compile(const Task& task) {
  ASSIGN_OR_RETURN(const std::vector<PlainSchema> choices,
                   document_->Choices(task.place, task.types));
  const int end = builder_->AddFinalState();
  absl::flat_hash_set<std::string> seen;
  for (const PlainSchema& choice : choices) {
    if (!seen.insert(absl::StrCat(choice.types, choice.place.pointer)).second) continue;
    RETURN_IF_ERROR(AddPlain(choice, builder_->Start(task.rule), end));
  }
  return absl::OkStatus();
}

absl::Status SchemaCompiler::AddPlain(const PlainSchema& schema, int from, int to) {
  if (const auto values = schema.Values(); values.has_value()) {
    return AddValues(schema, *values, from, to);
  }
  if (schema.types & kNull) builder_->AddCall(from, json_.Null(), to);
  if (schema.types & kBoolean) builder_->AddCall(from, json_.Boolean(), to);
  if (schema.types & (kInteger | kFraction)) RETURN_IF_ERROR(AddNumber(schema, from, to));
  if (schema.types & kString) RETURN_IF_ERROR(AddString(schema, from, to));
  if (schema.types & kArray) RETURN_IF_ERROR(AddArray(schema, from, to));
  if (schema.types & kObject) RETURN_IF_ERROR(AddObject(schema, from, to));
  return absl::OkStatus();
}

absl::Status SchemaCompiler::AddValues(const PlainSchema& schema,
                                       const std::vector<element>& values, int from, int to) {
  RETURN_IF_ERROR(document_->CountNodes(values.size()));
  ASSIGN_OR_RETURN(const std::vector<CharAutomaton> automata, AutomataOf(schema));
  ASSIGN_OR_RETURN(const Bounds bounds, BoundsOf(schema));
  const int64_t min_length = CountAt(schema, "minLength").value_or(0);
  const std::optional<int64_t> max_length = CountAt(schema, "maxLength");
  std::vector<std::string> literals;
  for (const element& value : values) {
    double number = 0;
    std::string_view text;
    if (!value.get(number)) {
      if (!bounds.Contain(number)) continue;
    } else if (!value.get(text)) {
      const int64_t length = CountCharacters(text);
      const bool has_length = length >= min_length && (!max_length || length <= *max_length);
      const bool matches = absl::c_all_of(automata, [&](const CharAutomaton& automaton) {
        return Matches(automaton, base::ToAbsl(text));
      });
      if (!has_length || !matches) continue;
    } else if (value.is_array() || value.is_object()) {
      if (schema.HasKeyOf(value.is_array() ? KeywordKind::kOfArrays : KeywordKind::kOfObjects)) {
        return Refuse(schema, absl::StatusCode::kUnimplemented,
                      "an enumerated list or object beside keywords that say what is in it is not "
                      "supported");
      }
      RETURN_IF_ERROR(AddValue(schema, value, from, to));
      continue;
    }
    literals.push_back(simdjson::minify(value));
  }
  json_.AddLiterals(from, std::move(literals), to);
  return absl::OkStatus();
}

// As deep as the JSON text, which the reader bounds.
absl::Status SchemaCompiler::AddValue(const PlainSchema& schema, const element& value, int from,
                                      int to) {
  RETURN_IF_ERROR(document_->CountNodes(1));
  simdjson::dom::array list;
  simdjson::dom::object object;
  const auto separate = [&](bool is_first, char separator) {
    if (is_first) return;
    const int behind = builder_->AddState();
    json_.AddSeparator(from, separator, behind);
    from = behind;
  };
  const auto add_text = [&](absl::string_view text) {
    const int behind = builder_->AddState();
    builder_->AddText(from, text, behind);
    from = behind;
  };
  const auto add_value = [&](const element& below) {
    const int behind = builder_->AddState();
    const absl::Status status = AddValue(schema, below, from, behind);
    from = behind;
    return status;
  };
  bool is_first = true;
  if (!value.get(list)) {
    add_text("[");
    for (const element& item : list) {
      separate(std::exchange(is_first, false), ',');
      RETURN_IF_ERROR(add_value(item));
    }
    add_text("]");
  } else if (!value.get(object)) {
    absl::flat_hash_set<absl::string_view> seen;
    add_text("{");
    for (const auto& field : object) {
      if (!seen.insert(base::ToAbsl(field.key)).second) {
        return Refuse(schema, absl::StatusCode::kInvalidArgument,
                      absl::StrCat("an enumerated object has the key '",
                                   base::QuoteName(base::ToAbsl(field.key)), "' twice"));
      }
      separate(std::exchange(is_first, false), ',');
      add_text(JsonText(base::ToAbsl(field.key)));
      separate(false, ':');
      RETURN_IF_ERROR(add_value(field.value));
    }
    add_text("}");
  } else {
    add_text(simdjson::minify(value));
  }
  builder_->AddJump(from, to);
  return absl::OkStatus();
}

absl::Status SchemaCompiler::AddNumber(const PlainSchema& schema, int from, int to) {
  ASSIGN_OR_RETURN(const Bounds bounds, BoundsOf(schema));
  const bool is_bounded = bounds.min.has_value() || bounds.max.has_value();
  if (schema.types & kFraction) {
    if (is_bounded) {
      return Refuse(schema, absl::StatusCode::kUnimplemented,
                    "bounds of numbers that need not be integers are not supported");
    }
    builder_->AddCall(from, json_.Number(), to);
  } else if (!is_bounded) {
    builder_->AddCall(from, json_.Integer(), to);
  } else {
    // Where one end is open, as many digits as without bounds, and one more than the other end has.
    const absl::int128 largest = PowerOfTen(kMaxIntegerDigits) - 1;
    IntegerRange range;
    range.min =
        bounds.min.value_or(std::min(-largest, 10 * std::min<absl::int128>(*bounds.max, 0) - 9));
    range.max =
        bounds.max.value_or(std::max(largest, 10 * std::max<absl::int128>(range.min, 0) + 9));
    AddIntegers(range, from, to, builder_);
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<CharAutomaton>> SchemaCompiler::AutomataOf(const PlainSchema& schema) {
  std::vector<CharAutomaton> automata;
  const auto add = [&](absl::string_view keyword, absl::string_view pattern, Extent extent) {
    const absl::StatusOr<Regex> regex = ParseRegex(pattern);
    if (!regex.ok()) {
      return Refuse(schema, regex.status().code(),
                    absl::StrCat("'", keyword, "': ", regex.status().message()));
    }
    automata.push_back(FromRegex(*regex, extent, builder_));
    return absl::OkStatus();
  };
  if (const auto pattern = schema.Find("pattern"); pattern.has_value()) {
    RETURN_IF_ERROR(
        add("pattern", base::ToAbsl(pattern->get_string().value_unsafe()), Extent::kAnywhere));
  }
  if (const auto format = schema.Find("format"); format.has_value()) {
    const absl::string_view name = base::ToAbsl(format->get_string().value_unsafe());
    const std::optional<std::string> pattern = FormatPattern(name);
    if (!pattern.has_value()) {
      return Refuse(schema, absl::StatusCode::kUnimplemented,
                    absl::StrCat("'format': '", base::QuoteName(name), "' is not supported"));
    }
    RETURN_IF_ERROR(add("format", *pattern, Extent::kWhole));
  }
  return automata;
}

absl::Status SchemaCompiler::AddString(const PlainSchema& schema, int from, int to) {
  ASSIGN_OR_RETURN(std::vector<CharAutomaton> automata, AutomataOf(schema));
  const auto min = CountAt(schema, "minLength");
  const auto max = CountAt(schema, "maxLength");
  const bool has_length = min.has_value() || max.has_value();
  if (automata.empty()) {
    if (has_length) {
      json_.AddString(from, min.value_or(0), max, to);
    } else {
      builder_->AddCall(from, json_.String(), to);
    }
    return absl::OkStatus();
  }
  if (has_length) automata.push_back(OfLength(min.value_or(0), max, builder_));
  CharAutomaton all = std::move(automata.front());
  for (size_t i = 1; i < automata.size(); ++i) all = Intersect(all, automata[i], builder_);
  json_.AddString(from, all, to);
  return absl::OkStatus();
}

absl::Status SchemaCompiler::AddArray(const PlainSchema& schema, int from, int to) {
  if (!schema.HasKeyOf(KeywordKind::kOfArrays)) {
    builder_->AddCall(from, json_.Array(), to);
    return absl::OkStatus();
  }
  JsonRules::Items items;
  if (const auto prefix = schema.Find("prefixItems"); prefix.has_value()) {
    for (const element& item : simdjson::dom::array(prefix->get_array().value_unsafe())) {
      items.prefix.push_back(RuleOf(
          schema.place.Below(item, "prefixItems", absl::StrCat(items.prefix.size())), kAnyType));
    }
  }
  items.rest = RuleBelow(schema, "items");
  items.min = CountAt(schema, "minItems").value_or(0);
  items.max = CountAt(schema, "maxItems");
  json_.AddArray(from, items, to);
  return absl::OkStatus();
}

absl::Status SchemaCompiler::AddObject(const PlainSchema& schema, int from, int to) {
  if (!schema.HasKeyOf(KeywordKind::kOfObjects)) {
    builder_->AddCall(from, json_.Object(), to);
    return absl::OkStatus();
  }
  struct Member {
    std::string key;
    int rule;
    bool is_required;
  };
  std::vector<Member> members;
  absl::flat_hash_map<std::string, size_t> numbers;
  if (const auto properties = schema.Find("properties"); properties.has_value()) {
    for (const auto& field : simdjson::dom::object(properties->get_object().value_unsafe())) {
      const SchemaPlace place =
          schema.place.Below(field.value, "properties", base::ToAbsl(field.key));
      numbers[std::string(field.key)] = members.size();
      members.push_back({std::string(field.key), RuleOf(place, kAnyType), false});
    }
  }
  const int other = RuleBelow(schema, "additionalProperties");
  if (const auto required = schema.Find("required"); required.has_value()) {
    for (const element& item : simdjson::dom::array(required->get_array().value_unsafe())) {
      const std::string key(item.get_string().value_unsafe());
      const auto [at, is_new] = numbers.try_emplace(key, members.size());
      // One that is required and not described is like the others that are not described.
      if (is_new && other < 0) return absl::OkStatus();
      if (is_new) members.push_back({key, other, true});
      members[at->second].is_required = true;
    }
  }
  RETURN_IF_ERROR(document_->CountNodes(members.size()));

  // Three states for what is left of the members, from none to all: behind the brace, behind a
  // comma, where one has to come, and behind a value.
  const int close = builder_->AddState();
  builder_->AddBytes(close, '}', '}', to);
  const int other_key = builder_->AddState();
  int behind_brace = builder_->AddState();
  int behind_comma = other_key;
  int behind_value = builder_->AddState();
  builder_->AddJump(behind_brace, close);
  builder_->AddJump(behind_value, close);
  if (other >= 0) {
    std::vector<std::string> keys;
    for (const Member& member : members) keys.push_back(member.key);
    const int behind_key = builder_->AddState();
    const int value = builder_->AddState();
    json_.AddOtherString(other_key, keys, behind_key);
    json_.AddSeparator(behind_key, ':', value);
    builder_->AddCall(value, other, behind_value);
    json_.AddSeparator(behind_value, ',', other_key);
    builder_->AddJump(behind_brace, other_key);
  }
  bool may_close = true;
  for (size_t i = members.size(); i-- > 0 && builder_->ok();) {
    const Member& member = members[i];
    const int key = builder_->AddState();
    const int behind_key = builder_->AddState();
    const int value = builder_->AddState();
    builder_->AddText(key, JsonText(member.key), behind_key);
    json_.AddSeparator(behind_key, ':', value);
    builder_->AddCall(value, member.rule, behind_value);

    const int brace = builder_->AddState();
    const int comma = builder_->AddState();
    behind_value = builder_->AddState();
    builder_->AddJump(brace, key);
    builder_->AddJump(comma, key);
    if (!member.is_required) {
      builder_->AddJump(brace, behind_brace);
      builder_->AddJump(comma, behind_comma);
    }
    behind_brace = brace;
    behind_comma = comma;
    may_close = may_close && !member.is_required;
    json_.AddSeparator(behind_value, ',', behind_comma);
    if (may_close) builder_->AddJump(behind_value, close);
  }
  builder_->AddBytes(from, '{', '{', behind_brace);
  return absl::OkStatus();
}

}  // namespace lluda::grammar
