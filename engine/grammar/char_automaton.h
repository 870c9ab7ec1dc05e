// Nondeterministic automata over characters: what a regular expression or a bound on a length says
// of a text, before it is known how the text is written.
//
//   CharAutomaton word = FromRegex(*ParseRegex("[a-z]+"), Extent::kWhole, &builder);
//   CharAutomaton both = Intersect(word, OfLength(2, 8, &builder), &builder);
//   AddAutomaton(both, CharEncoding::kJsonString, from, to, &encoder);   // char_encoder.h
//
// The builder is where states and work are counted. Once its limit is passed automata come out
// unfinished, and the builder fails in the end.
#ifndef LLUDA_ENGINE_GRAMMAR_CHAR_AUTOMATON_H_
#define LLUDA_ENGINE_GRAMMAR_CHAR_AUTOMATON_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/strings/string_view.h"
#include "engine/grammar/char_set.h"
#include "engine/grammar/grammar.h"
#include "engine/grammar/regex_parser.h"

namespace lluda::grammar {

struct CharAutomaton {
  struct Edge {
    int32_t set;  // a number in sets
    int32_t target;
  };
  struct State {
    std::vector<Edge> edges;
    std::vector<int32_t> jumps;  // without a character
    bool is_final = false;
  };

  std::vector<CharSet> sets;
  std::vector<State> states;  // the first is the start
};

// Whether the expression is the whole text, or found somewhere in it.
enum class Extent : uint8_t { kWhole, kAnywhere };

CharAutomaton FromRegex(const Regex& regex, Extent extent, GrammarBuilder* budget);

// Any characters, `min` to `max` of them; no bound if `max` is not given.
CharAutomaton OfLength(int64_t min, std::optional<int64_t> max, GrammarBuilder* budget);

// The texts of both.
CharAutomaton Intersect(const CharAutomaton& a, const CharAutomaton& b, GrammarBuilder* budget);

// Whether the text, valid UTF-8, is one of the automaton's.
bool Matches(const CharAutomaton& automaton, absl::string_view text);

}  // namespace lluda::grammar

#endif  // LLUDA_ENGINE_GRAMMAR_CHAR_AUTOMATON_H_
