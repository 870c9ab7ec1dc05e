// The decimal integers of a range, as an automaton.
//
//   AddIntegers({-5, 120}, from, to, &builder);   // "-5" to "120": not "-0", "007", "121"
//
// The automaton is exact: some states for each digit of the bounds.
#ifndef LLUDA_ENGINE_GRAMMAR_JSON_INTEGER_RANGE_H_
#define LLUDA_ENGINE_GRAMMAR_JSON_INTEGER_RANGE_H_

#include "absl/numeric/int128.h"
#include "engine/grammar/grammar.h"

namespace lluda::grammar {

struct IntegerRange {
  absl::int128 min;  // both included; of at most 38 digits
  absl::int128 max;
};

void AddIntegers(const IntegerRange& range, int from, int to, GrammarBuilder* builder);

}  // namespace lluda::grammar

#endif  // LLUDA_ENGINE_GRAMMAR_JSON_INTEGER_RANGE_H_
