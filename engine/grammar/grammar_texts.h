// For tests: whether a text is one of a grammar, and random texts of it.
//
//   EXPECT_TRUE(Accepts(**RegexGrammar("a+"), "aa"));
//   std::string text = RandomText(grammar, seed, 200);
#ifndef LLUDA_ENGINE_GRAMMAR_GRAMMAR_TEXTS_H_
#define LLUDA_ENGINE_GRAMMAR_GRAMMAR_TEXTS_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "engine/grammar/grammar.h"

namespace lluda::grammar {

bool Accepts(const Grammar& grammar, absl::string_view text);

// Whether a text of the grammar begins so.
bool AcceptsBeginning(const Grammar& grammar, absl::string_view text);

// A text of random bytes that the grammar allows, which ends where it first may behind `length`
// bytes or before, at random; nothing if it has not ended by 50 times that.
std::optional<std::string> RandomText(const Grammar& grammar, uint64_t seed, size_t length);

}  // namespace lluda::grammar

#endif  // LLUDA_ENGINE_GRAMMAR_GRAMMAR_TEXTS_H_
