// The grammar of the texts that a regular expression matches as a whole.
//
//   absl::StatusOr<std::shared_ptr<const Grammar>> grammar = RegexGrammar("(yes|no)[.!]{0,3}");
//
// The syntax is a part of ECMA-262's, whose meaning it has: regex_parser.h lists it.
#ifndef LLUDA_ENGINE_GRAMMAR_REGEX_GRAMMAR_H_
#define LLUDA_ENGINE_GRAMMAR_REGEX_GRAMMAR_H_

#include <memory>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "engine/grammar/grammar.h"

namespace lluda::grammar {

// Errors are one line that names the construct and its place in the pattern: InvalidArgument for
// what is malformed or matches nothing, Unimplemented for what is not supported (look-around, back
// references, flags), ResourceExhausted for what needs more than the limits of grammar.h.
absl::StatusOr<std::shared_ptr<const Grammar>> RegexGrammar(absl::string_view pattern);

}  // namespace lluda::grammar

#endif  // LLUDA_ENGINE_GRAMMAR_REGEX_GRAMMAR_H_
