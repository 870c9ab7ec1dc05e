#include "engine/grammar/regex_grammar.h"

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "engine/grammar/char_automaton.h"
#include "engine/grammar/char_encoder.h"
#include "engine/grammar/regex_parser.h"

namespace lluda::grammar {
namespace {

absl::Status InPattern(const absl::Status& status) {
  return absl::Status(status.code(), absl::StrCat("the pattern is refused: ", status.message()));
}

}  // namespace

absl::StatusOr<std::shared_ptr<const Grammar>> RegexGrammar(absl::string_view pattern) {
  const absl::StatusOr<Regex> regex = ParseRegex(pattern);
  if (!regex.ok()) return InPattern(regex.status());
  GrammarBuilder builder;
  CharEncoder encoder(&builder);
  const int root = builder.AddRule();
  const int end = builder.AddFinalState();
  encoder.Add(builder.Start(root), FromRegex(*regex, Extent::kWhole, &builder), CharEncoding::kUtf8,
              end);
  absl::StatusOr<std::shared_ptr<const Grammar>> grammar = std::move(builder).Finish(root);
  if (!grammar.ok()) return InPattern(grammar.status());
  return grammar;
}

}  // namespace lluda::grammar
