#include "engine/grammar/json/json_rules.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "base/utf8.h"

namespace lluda::grammar {
namespace {

constexpr int kMaxFractionDigits = 17;
constexpr int kMaxExponentDigits = 2;

// A trie of texts, as states: of each state where a key leads.
template <typename Key>
class StateTrie {
 public:
  // `start`, or the state that is made on the first way there.
  int Next(int state, const Key& key, GrammarBuilder* builder, bool* is_new) {
    const auto [at, inserted] = next_[state].try_emplace(key, 0);
    *is_new = inserted;
    if (inserted) at->second = builder->AddState();
    return at->second;
  }
  const std::map<Key, int>& Children(int state) { return next_[state]; }

 private:
  std::map<int, std::map<Key, int>> next_;
};

}  // namespace

int JsonRules::Literal(int* rule, std::vector<std::string> texts) {
  if (*rule >= 0) return *rule;
  *rule = builder_->AddRule();
  AddLiterals(builder_->Start(*rule), std::move(texts), builder_->AddFinalState());
  return *rule;
}

void JsonRules::AddDigits(int from, int min, int max, int to) {
  for (int count = 0; count < max; ++count) {
    if (count >= min) builder_->AddJump(from, to);
    const int next = builder_->AddState();
    builder_->AddBytes(from, '0', '9', next);
    from = next;
  }
  builder_->AddJump(from, to);
}

int JsonRules::Integer() {
  if (integer_ >= 0) return integer_;
  integer_ = builder_->AddRule();
  const int start = builder_->Start(integer_);
  const int end = builder_->AddFinalState();
  const int nonzero = builder_->AddState();
  const int digits = builder_->AddState();
  builder_->AddBytes(start, '0', '0', end);
  builder_->AddBytes(start, '-', '-', nonzero);
  builder_->AddJump(start, nonzero);
  builder_->AddBytes(nonzero, '1', '9', digits);
  AddDigits(digits, 0, kMaxIntegerDigits - 1, end);
  return integer_;
}

int JsonRules::Number() {
  if (number_ >= 0) return number_;
  number_ = builder_->AddRule();
  const int start = builder_->Start(number_);
  const int end = builder_->AddFinalState();
  const int integer = builder_->AddState();
  const int point = builder_->AddState();
  const int exponent = builder_->AddState();
  builder_->AddBytes(start, '-', '-', integer);
  builder_->AddJump(start, integer);
  builder_->AddBytes(integer, '0', '0', point);
  const int digits = builder_->AddState();
  builder_->AddBytes(integer, '1', '9', digits);
  AddDigits(digits, 0, kMaxIntegerDigits - 1, point);
  builder_->AddJump(point, exponent);
  const int fraction = builder_->AddState();
  builder_->AddBytes(point, '.', '.', fraction);
  AddDigits(fraction, 1, kMaxFractionDigits, exponent);
  builder_->AddJump(exponent, end);
  const int sign = builder_->AddState();
  const int exponent_digits = builder_->AddState();
  builder_->AddBytes(exponent, 'e', 'e', sign);
  builder_->AddBytes(exponent, 'E', 'E', sign);
  builder_->AddBytes(sign, '+', '+', exponent_digits);
  builder_->AddBytes(sign, '-', '-', exponent_digits);
  builder_->AddJump(sign, exponent_digits);
  AddDigits(exponent_digits, 1, kMaxExponentDigits, end);
  return number_;
}

void JsonRules::AddPlainCharacter(int from, int to) {
  builder_->AddBytes(from, 0x20, '"' - 1, to);
  builder_->AddBytes(from, '"' + 1, '\\' - 1, to);
  builder_->AddBytes(from, '\\' + 1, 0x7F, to);
}

void JsonRules::AddEscape(int from, int to) {
  const int escape = builder_->AddState();
  builder_->AddBytes(from, '\\', '\\', escape);
  for (const char letter : absl::string_view("\"\\/bfnrt")) {
    const auto byte = static_cast<uint8_t>(letter);
    builder_->AddBytes(escape, byte, byte, to);
  }
  const auto add_hex = [this](int at, absl::string_view digits, int next) {
    for (const char digit : digits) {
      const auto byte = static_cast<uint8_t>(digit);
      builder_->AddBytes(at, byte, byte, next);
    }
  };
  const auto add_any_hex = [this](int at, int count, int next) {
    for (; count > 0; --count) {
      const int behind = count == 1 ? next : builder_->AddState();
      builder_->AddBytes(at, '0', '9', behind);
      builder_->AddBytes(at, 'A', 'F', behind);
      builder_->AddBytes(at, 'a', 'f', behind);
      at = behind;
    }
  };
  const int first = builder_->AddState();
  builder_->AddBytes(escape, 'u', 'u', first);
  const int three = builder_->AddState();
  add_hex(first, "0123456789abcABCefEF", three);
  add_any_hex(three, 3, to);
  // D: 0 to 7 begin a character, 8 to B the first half of a pair, whose second begins DC to DF.
  const int behind_d = builder_->AddState();
  add_hex(first, "dD", behind_d);
  const int two = builder_->AddState();
  add_hex(behind_d, "01234567", two);
  add_any_hex(two, 2, to);
  const int high_half = builder_->AddState();
  add_hex(behind_d, "89abAB", high_half);
  const int high_end = builder_->AddState();
  add_any_hex(high_half, 2, high_end);
  const int low_start = builder_->AddState();
  builder_->AddText(high_end, "\\u", low_start);
  const int low_d = builder_->AddState();
  add_hex(low_start, "dD", low_d);
  const int low_half = builder_->AddState();
  add_hex(low_d, "cdefCDEF", low_half);
  add_any_hex(low_half, 2, to);
}

int JsonRules::Character() {
  if (character_ >= 0) return character_;
  character_ = builder_->AddCharacterRule();
  const int start = builder_->Start(character_);
  const int end = builder_->AddFinalState();
  AddEscape(start, end);
  // Of UTF-8 alone: ASCII is edges of those who call.
  encoder_.Add(start, CharSet({{0x80, kLastCodePoint}}), CharEncoding::kUtf8, end);
  return character_;
}

void JsonRules::AddCharacter(int from, int to) {
  AddPlainCharacter(from, to);
  builder_->AddCall(from, Character(), to);
}

int JsonRules::StringTail() {
  if (tail_ >= 0) return tail_;
  tail_ = builder_->AddRule();
  const int body = builder_->Start(tail_);
  AddCharacter(body, body);
  builder_->AddBytes(body, '"', '"', builder_->AddFinalState());
  return tail_;
}

int JsonRules::String() {
  if (string_ >= 0) return string_;
  string_ = builder_->AddRule();
  AddString(builder_->Start(string_), 0, std::nullopt, builder_->AddFinalState());
  return string_;
}

void JsonRules::AddString(int from, int64_t min, std::optional<int64_t> max, int to) {
  int at = builder_->AddState();
  builder_->AddBytes(from, '"', '"', at);
  const int64_t counted = max.value_or(min);
  for (int64_t length = 0; length < counted && builder_->ok(); ++length) {
    if (length >= min) builder_->AddBytes(at, '"', '"', to);
    const int next = builder_->AddState();
    AddCharacter(at, next);
    at = next;
  }
  if (max.has_value()) {
    if (counted >= min) builder_->AddBytes(at, '"', '"', to);
  } else {
    builder_->AddCall(at, StringTail(), to);
  }
}

void JsonRules::AddString(int from, const CharAutomaton& automaton, int to) {
  const int begin = builder_->AddState();
  const int end = builder_->AddState();
  builder_->AddBytes(from, '"', '"', begin);
  encoder_.Add(begin, automaton, CharEncoding::kJsonString, end);
  builder_->AddBytes(end, '"', '"', to);
}

void JsonRules::AddOtherString(int from, const std::vector<std::string>& excluded, int to) {
  const int root = builder_->AddState();
  builder_->AddBytes(from, '"', '"', root);
  if (excluded.empty()) {
    builder_->AddCall(root, StringTail(), to);
    return;
  }
  StateTrie<char32_t> trie;
  std::vector<int> states = {root};
  std::set<int> complete;
  for (const std::string& text : excluded) {
    int at = root;
    for (std::string_view rest = text; !rest.empty() && builder_->ok();) {
      const base::Utf8Char c = base::ReadUtf8(rest);
      rest.remove_prefix(c.length);
      bool is_new = false;
      const int next = trie.Next(at, c.code_point, builder_, &is_new);
      if (is_new) states.push_back(next);
      encoder_.Add(at, CharSet({{c.code_point, c.code_point}}), CharEncoding::kJsonString, next);
      at = next;
    }
    complete.insert(at);
  }
  for (const int state : states) {
    if (!builder_->ok()) return;
    if (complete.count(state) == 0) builder_->AddBytes(state, '"', '"', to);
    // A character that leads away from all of them: from there on any.
    std::vector<CharSet::Range> known;
    for (const auto& [character, next] : trie.Children(state)) {
      known.push_back({character, character});
    }
    const int away = builder_->AddState();
    encoder_.Add(state, CharSet(std::move(known)).Negated(), CharEncoding::kJsonString, away);
    builder_->AddCall(away, StringTail(), to);
  }
}

void JsonRules::AddSeparator(int from, char separator, int to) {
  const auto byte = static_cast<uint8_t>(separator);
  const int behind = builder_->AddState();
  builder_->AddBytes(from, byte, byte, behind);
  builder_->AddBytes(behind, ' ', ' ', to);
  builder_->AddJump(behind, to);
}

void JsonRules::AddLiterals(int from, std::vector<std::string> texts, int to) {
  StateTrie<uint8_t> trie;
  const int root = builder_->AddState();
  builder_->AddJump(from, root);
  for (const std::string& text : texts) {
    int at = root;
    for (const char c : text) {
      const auto byte = static_cast<uint8_t>(c);
      bool is_new = false;
      const int next = trie.Next(at, byte, builder_, &is_new);
      if (is_new) builder_->AddBytes(at, byte, byte, next);
      at = next;
      if (!builder_->ok()) return;
    }
    builder_->AddJump(at, to);
  }
}

void JsonRules::AddArray(int from, const Items& items, int to) {
  int at = builder_->AddState();
  builder_->AddBytes(from, '[', '[', at);
  const auto rule_of = [&items](int64_t i) {
    const auto number = static_cast<size_t>(i);
    return number < items.prefix.size() ? items.prefix[number] : items.rest;
  };
  // Behind the comma of all but the first.
  const auto before_item = [&](int state, int64_t i) {
    if (i == 0) return state;
    const int behind = builder_->AddState();
    AddSeparator(state, ',', behind);
    return behind;
  };
  const auto prefix_size = static_cast<int64_t>(items.prefix.size());
  // Without a bound one more is counted, so that a comma comes before all others.
  const int64_t counted = items.max.value_or(std::max({items.min, prefix_size, int64_t{1}}));
  for (int64_t i = 0; i < counted && builder_->ok(); ++i) {
    if (i >= items.min) builder_->AddBytes(at, ']', ']', to);
    if (rule_of(i) < 0) return;
    const int next = builder_->AddState();
    builder_->AddCall(before_item(at, i), rule_of(i), next);
    at = next;
  }
  if (counted >= items.min) builder_->AddBytes(at, ']', ']', to);
  if (!items.max.has_value() && rule_of(counted) >= 0) {
    builder_->AddCall(before_item(at, counted), rule_of(counted), at);
  }
}

int JsonRules::Array() {
  if (array_ >= 0) return array_;
  array_ = builder_->AddRule();
  Items items;
  items.rest = Value();
  AddArray(builder_->Start(array_), items, builder_->AddFinalState());
  return array_;
}

int JsonRules::Object() {
  if (object_ >= 0) return object_;
  object_ = builder_->AddRule();
  const int end = builder_->AddFinalState();
  const int open = builder_->AddState();
  const int key = builder_->AddState();
  const int behind_key = builder_->AddState();
  const int value = builder_->AddState();
  const int behind_value = builder_->AddState();
  builder_->AddBytes(builder_->Start(object_), '{', '{', open);
  builder_->AddBytes(open, '}', '}', end);
  builder_->AddJump(open, key);
  builder_->AddCall(key, String(), behind_key);
  AddSeparator(behind_key, ':', value);
  builder_->AddCall(value, Value(), behind_value);
  AddSeparator(behind_value, ',', key);
  builder_->AddBytes(behind_value, '}', '}', end);
  return object_;
}

int JsonRules::Value() {
  if (value_ >= 0) return value_;
  value_ = builder_->AddRule();
  const int end = builder_->AddFinalState();
  for (const int rule : {Null(), Boolean(), Number(), String(), Array(), Object()}) {
    builder_->AddCall(builder_->Start(value_), rule, end);
  }
  return value_;
}

}  // namespace lluda::grammar
