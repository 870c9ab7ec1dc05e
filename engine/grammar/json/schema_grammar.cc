#include "engine/grammar/json/schema_grammar.h"

#include <utility>

#include "base/status_macros.h"
#include "engine/grammar/json/json_rules.h"
#include "engine/grammar/json/keywords.h"
#include "engine/grammar/json/schema_compiler.h"
#include "engine/grammar/json/schema_document.h"
#include "glog/logging.h"

namespace lluda::grammar {

absl::StatusOr<std::shared_ptr<const Grammar>> JsonSchemaGrammar(absl::string_view schema) {
  GrammarBuilder builder;
  SchemaCompiler compiler(&builder);
  ASSIGN_OR_RETURN(const int root, compiler.AddDocument(schema, kAnyType));
  absl::StatusOr<std::shared_ptr<const Grammar>> grammar = std::move(builder).Finish(root);
  if (grammar.ok()) return grammar;
  return SchemaError(grammar.status().code(), "#", grammar.status().message());
}

std::shared_ptr<const Grammar> JsonObjectGrammar() {
  GrammarBuilder builder;
  JsonRules json(&builder);
  const int root = json.Object();
  absl::StatusOr<std::shared_ptr<const Grammar>> grammar = std::move(builder).Finish(root);
  CHECK(grammar.ok()) << grammar.status();
  return *std::move(grammar);
}

}  // namespace lluda::grammar
