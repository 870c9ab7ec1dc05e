#include "cli/flags/grammar.h"

#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/files/whole_file.h"
#include "base/status_macros.h"
#include "engine/grammar/json/schema_grammar.h"
#include "engine/grammar/regex_grammar.h"

namespace lluda::cli {
namespace {

using GrammarOr = absl::StatusOr<std::shared_ptr<const grammar::Grammar>>;

GrammarOr WithSource(absl::string_view source, GrammarOr grammar) {
  if (grammar.ok()) return grammar;
  return absl::InvalidArgumentError(absl::StrCat(source, ": ", grammar.status().message()));
}

}  // namespace

GrammarOr GrammarOf(const GrammarFlags& flags) {
  if (!flags.schema_file.empty()) {
    ASSIGN_OR_RETURN(const std::string schema, base::ReadInput(flags.schema_file));
    return WithSource(flags.schema_file, grammar::JsonSchemaGrammar(schema));
  }
  if (flags.regex.has_value()) return WithSource("--regex", grammar::RegexGrammar(*flags.regex));
  return std::shared_ptr<const grammar::Grammar>();
}

}  // namespace lluda::cli
