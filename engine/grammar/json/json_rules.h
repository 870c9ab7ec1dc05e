// The parts of JSON texts, as rules and edges of a grammar.
//
//   JsonRules json(&builder);
//   builder.AddCall(from, json.Number(), to);
//   json.AddLiterals(from, {"\"red\"", "\"green\"", "null"}, to);
//
// White space is one space behind ':' and ',', or none. Numbers without bounds have at most 18
// digits before the point, 17 behind it, and an exponent of two, so that every reader takes them.
// A string may be written with any of JSON's escapes; halves of surrogate pairs come only in pairs.
#ifndef LLUDA_ENGINE_GRAMMAR_JSON_JSON_RULES_H_
#define LLUDA_ENGINE_GRAMMAR_JSON_JSON_RULES_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "engine/grammar/char_encoder.h"
#include "engine/grammar/grammar.h"

namespace lluda::grammar {

inline constexpr int kMaxIntegerDigits = 18;  // of an integer without bounds

class JsonRules {
 public:
  // `builder` must outlive this object.
  explicit JsonRules(GrammarBuilder* builder) : builder_(builder), encoder_(builder) {}

  int Null() { return Literal(&null_, {"null"}); }
  int Boolean() { return Literal(&boolean_, {"true", "false"}); }
  int Integer();
  int Number();
  int String();
  int Array();   // of any values
  int Object();  // of any members
  int Value();   // any

  // The separator, and a space that may be left out.
  void AddSeparator(int from, char separator, int to);
  // One of the texts.
  void AddLiterals(int from, std::vector<std::string> texts, int to);
  // A string of `min` to `max` characters.
  void AddString(int from, int64_t min, std::optional<int64_t> max, int to);
  // A string that is one of the automaton's texts.
  void AddString(int from, const CharAutomaton& automaton, int to);
  // A string that is none of these, UTF-8.
  void AddOtherString(int from, const std::vector<std::string>& excluded, int to);
  // '[', values of the rule (`prefix` for the first ones; `rest` < 0: no others), ']'.
  struct Items {
    std::vector<int> prefix;
    int rest = -1;
    int64_t min = 0;
    std::optional<int64_t> max;
  };
  void AddArray(int from, const Items& items, int to);

 private:
  int Literal(int* rule, std::vector<std::string> texts);
  // The rest of a string behind its first characters, and its closing quote.
  int StringTail();
  // One character in a string, escaped or not.
  int Character();
  void AddCharacter(int from, int to);
  void AddPlainCharacter(int from, int to);
  void AddEscape(int from, int to);
  void AddDigits(int from, int min, int max, int to);

  GrammarBuilder* builder_;
  CharEncoder encoder_;
  int null_ = -1, boolean_ = -1, integer_ = -1, number_ = -1, string_ = -1, array_ = -1;
  int object_ = -1, value_ = -1, tail_ = -1, character_ = -1;
};

}  // namespace lluda::grammar

#endif  // LLUDA_ENGINE_GRAMMAR_JSON_JSON_RULES_H_
