#include "engine/grammar/char_encoder.h"

#include <algorithm>
#include <array>
#include <string>
#include <tuple>
#include <vector>

#include "base/utf8.h"

namespace lluda::grammar {
namespace {

// What JSON writes with a backslash and a letter.
constexpr std::pair<char, char> kShortEscapes[] = {
    {'"', '"'}, {'\\', '\\'}, {'\b', 'b'}, {'\f', 'f'}, {'\n', 'n'}, {'\r', 'r'}, {'\t', 't'}};

const CharSet& Escaped() {
  static const auto* const set = new CharSet({{0, 0x1F}, {'"', '"'}, {'\\', '\\'}});
  return *set;
}

const CharSet& Ascii() {
  static const auto* const set = new CharSet({{0, 0x7F}});
  return *set;
}

// Cuts a range into some whose characters have equally many bytes, of which each byte takes all
// values between those of the first and the last character.
std::vector<CharSet::Range> CutRange(CharSet::Range range) {
  constexpr char32_t kLastOfLength[] = {0x7F, 0x7FF, 0xFFFF};
  std::vector<CharSet::Range> done;
  std::vector<CharSet::Range> todo = {range};
  while (!todo.empty()) {
    CharSet::Range next = todo.back();
    todo.pop_back();
    const auto cut_behind = [&](char32_t last) {
      if (next.low > last || next.high <= last) return;
      todo.push_back({last + 1, next.high});
      next.high = last;
    };
    for (const char32_t last : kLastOfLength) cut_behind(last);
    for (int continuations = 1; continuations <= 3 && next.high > 0x7F; ++continuations) {
      // The bits of the last bytes: they have to run from the least to the greatest unless all
      // before them are equal.
      const char32_t mask = (char32_t{1} << (6 * continuations)) - 1;
      if ((next.low & ~mask) == (next.high & ~mask)) continue;
      if ((next.low & mask) != 0) {
        cut_behind(next.low | mask);
      } else if ((next.high & mask) != mask) {
        cut_behind((next.high & ~mask) - 1);
      }
    }
    // Cut again until nothing changes: a cut by more bytes may ask for one by fewer.
    const bool whole = [&] {
      for (int continuations = 1; continuations <= 3 && next.high > 0x7F; ++continuations) {
        const char32_t mask = (char32_t{1} << (6 * continuations)) - 1;
        if ((next.low & ~mask) == (next.high & ~mask)) continue;
        if ((next.low & mask) != 0 || (next.high & mask) != mask) return false;
      }
      return true;
    }();
    (whole ? done : todo).push_back(next);
  }
  return done;
}

}  // namespace

void CharEncoder::Add(int from, const CharSet& set, CharEncoding encoding, int to) {
  CharSet plain = set.Intersection(Ascii());
  if (encoding == CharEncoding::kJsonString) plain = plain.Intersection(Escaped().Negated());
  for (const CharSet::Range& range : plain.ranges()) {
    builder_->AddBytes(from, static_cast<uint8_t>(range.low), static_cast<uint8_t>(range.high), to);
  }
  const CharSet rest = set.Intersection(plain.Negated());
  if (!rest.empty()) builder_->AddCall(from, RuleOf(rest, encoding), to);
}

void CharEncoder::Add(int from, const CharAutomaton& automaton, CharEncoding encoding, int to) {
  std::vector<int> states;
  for (size_t i = 0; i < automaton.states.size(); ++i) states.push_back(builder_->AddState());
  builder_->AddJump(from, states.front());
  for (size_t i = 0; i < states.size() && builder_->ok(); ++i) {
    const CharAutomaton::State& state = automaton.states[i];
    if (state.is_final) builder_->AddJump(states[i], to);
    for (const int32_t target : state.jumps) {
      builder_->AddJump(states[i], states[static_cast<size_t>(target)]);
    }
    for (const CharAutomaton::Edge& edge : state.edges) {
      Add(states[i], automaton.sets[static_cast<size_t>(edge.set)], encoding,
          states[static_cast<size_t>(edge.target)]);
    }
  }
}

int CharEncoder::RuleOf(const CharSet& set, CharEncoding encoding) {
  builder_->Spend(static_cast<int64_t>(set.ranges().size()));
  const auto [at, is_new] = rules_.try_emplace({set, encoding}, 0);
  if (!is_new) return at->second;
  const int rule = builder_->AddCharacterRule();
  at->second = rule;
  const int start = builder_->Start(rule);
  const int end = builder_->AddFinalState();
  CharSet plain = set;
  if (encoding == CharEncoding::kJsonString) {
    AddEscapes(start, set.Intersection(Escaped()), end);
    plain = set.Intersection(Escaped().Negated());
  }
  AddUtf8(start, plain, end);
  return rule;
}

void CharEncoder::AddUtf8(int from, const CharSet& set, int to) {
  // States are shared by what comes behind them.
  std::map<std::tuple<uint8_t, uint8_t, int>, int> behind;
  for (const CharSet::Range& range : set.ranges()) {
    for (const CharSet::Range& cut : CutRange(range)) {
      std::string low, high;
      base::AppendUtf8(cut.low, &low);
      base::AppendUtf8(cut.high, &high);
      int target = to;
      for (size_t i = low.size(); i-- > 1;) {
        const auto first = static_cast<uint8_t>(low[i]);
        const auto last = static_cast<uint8_t>(high[i]);
        const auto [at, is_new] = behind.try_emplace({first, last, target}, 0);
        if (is_new) {
          at->second = builder_->AddState();
          builder_->AddBytes(at->second, first, last, target);
        }
        target = at->second;
      }
      builder_->AddBytes(from, static_cast<uint8_t>(low[0]), static_cast<uint8_t>(high[0]), target);
      if (!builder_->Spend(4)) return;
    }
  }
}

void CharEncoder::AddEscapes(int from, const CharSet& set, int to) {
  if (set.empty()) return;
  const int escape = builder_->AddState();
  builder_->AddBytes(from, '\\', '\\', escape);
  std::array<bool, 0x20> has_short{};
  for (const auto& [character, letter] : kShortEscapes) {
    if (character < 0x20) has_short[static_cast<size_t>(character)] = true;
    if (!set.Contains(static_cast<char32_t>(character))) continue;
    const auto byte = static_cast<uint8_t>(letter);
    builder_->AddBytes(escape, byte, byte, to);
  }
  const int digits = builder_->AddState();
  builder_->AddText(escape, "u00", digits);
  for (const uint8_t high : {0, 1}) {
    const int low_digit = builder_->AddState();
    builder_->AddBytes(digits, static_cast<uint8_t>('0' + high), static_cast<uint8_t>('0' + high),
                       low_digit);
    for (uint8_t low = 0; low < 16; ++low) {
      const auto character = static_cast<char32_t>(16 * high + low);
      if (has_short[character] || !set.Contains(character)) continue;
      if (low < 10) {
        const auto digit = static_cast<uint8_t>('0' + low);
        builder_->AddBytes(low_digit, digit, digit, to);
        continue;
      }
      for (const char a : {'a', 'A'}) {
        const auto digit = static_cast<uint8_t>(a + low - 10);
        builder_->AddBytes(low_digit, digit, digit, to);
      }
    }
  }
}

}  // namespace lluda::grammar
