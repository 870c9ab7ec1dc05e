// What a generated text has to be, from flags.
//
//   absl::StatusOr<std::shared_ptr<const grammar::Grammar>> grammar = GrammarOf(flags.grammar);
#ifndef LLUDA_CLI_FLAGS_GRAMMAR_H_
#define LLUDA_CLI_FLAGS_GRAMMAR_H_

#include <memory>

#include "absl/status/statusor.h"
#include "cli/flags/flags.h"
#include "engine/grammar/grammar.h"

namespace lluda::cli {

// Null if no flag asks for one. Needs no model, so that what is wrong is told at once:
// InvalidArgument that names the file or the flag, and what in it is refused.
absl::StatusOr<std::shared_ptr<const grammar::Grammar>> GrammarOf(const GrammarFlags& flags);

}  // namespace lluda::cli

#endif  // LLUDA_CLI_FLAGS_GRAMMAR_H_
