// How characters are written as bytes: UTF-8 as it is, or inside a JSON string.
//
//   CharEncoder encoder(&builder);
//   encoder.Add(from, CharSet({{'a', 'z'}}), CharEncoding::kUtf8, to);
//   encoder.Add(from, automaton, CharEncoding::kJsonString, to);
//
// In a JSON string a character has one form: itself, or where JSON asks for an escape the short one
// (\" \\ \b \f \n \r \t), or \u00XX.
#ifndef LLUDA_ENGINE_GRAMMAR_CHAR_ENCODER_H_
#define LLUDA_ENGINE_GRAMMAR_CHAR_ENCODER_H_

#include <cstdint>
#include <map>
#include <utility>

#include "engine/grammar/char_automaton.h"
#include "engine/grammar/char_set.h"
#include "engine/grammar/grammar.h"

namespace lluda::grammar {

enum class CharEncoding : uint8_t { kUtf8, kJsonString };

class CharEncoder {
 public:
  // `builder` must outlive this object.
  explicit CharEncoder(GrammarBuilder* builder) : builder_(builder) {}

  // One character of the set. ASCII is edges of its own, what takes more bytes a rule, of which
  // there is one for each set.
  void Add(int from, const CharSet& set, CharEncoding encoding, int to);
  // The texts of the automaton.
  void Add(int from, const CharAutomaton& automaton, CharEncoding encoding, int to);

 private:
  int RuleOf(const CharSet& set, CharEncoding encoding);
  void AddUtf8(int from, const CharSet& set, int to);
  void AddEscapes(int from, const CharSet& set, int to);

  GrammarBuilder* builder_;
  std::map<std::pair<CharSet, CharEncoding>, int> rules_;
};

}  // namespace lluda::grammar

#endif  // LLUDA_ENGINE_GRAMMAR_CHAR_ENCODER_H_
