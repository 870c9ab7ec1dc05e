// Makes rules of schemas: a rule for each place of a document that is reached.
//
//   GrammarBuilder builder;
//   SchemaCompiler compiler(&builder);
//   absl::StatusOr<int> rule = compiler.AddDocument(text, kAnyType);
#ifndef LLUDA_ENGINE_GRAMMAR_JSON_SCHEMA_COMPILER_H_
#define LLUDA_ENGINE_GRAMMAR_JSON_SCHEMA_COMPILER_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "engine/grammar/char_automaton.h"
#include "engine/grammar/grammar.h"
#include "engine/grammar/json/json_rules.h"
#include "engine/grammar/json/schema_document.h"

namespace lluda::grammar {

class SchemaCompiler {
 public:
  // `builder` must outlive this object.
  explicit SchemaCompiler(GrammarBuilder* builder) : builder_(builder), json_(builder) {}

  // The rule of the values of these types that the schema allows. Errors as JsonSchemaGrammar, but
  // for those of the builder, which comes to its end.
  absl::StatusOr<int> AddDocument(absl::string_view text, Types types);

  JsonRules& json() { return json_; }

 private:
  // A rule that has a number, and whose states are to come.
  struct Task {
    SchemaPlace place;
    Types types;
    int rule;
  };

  int RuleOf(const SchemaPlace& place, Types types);
  absl::Status Compile(const Task& task);
  // What the schema allows, from one state to the other.
  absl::Status AddPlain(const PlainSchema& schema, int from, int to);
  absl::Status AddValues(const PlainSchema& schema,
                         const std::vector<simdjson::dom::element>& values, int from, int to);
  // A value as it stands in an enum.
  absl::Status AddValue(const PlainSchema& schema, const simdjson::dom::element& value, int from,
                        int to);
  absl::Status AddNumber(const PlainSchema& schema, int from, int to);
  absl::Status AddString(const PlainSchema& schema, int from, int to);
  absl::Status AddArray(const PlainSchema& schema, int from, int to);
  absl::Status AddObject(const PlainSchema& schema, int from, int to);
  // What pattern, format and both lengths say together; none where nothing or lengths alone do.
  absl::StatusOr<std::vector<CharAutomaton>> AutomataOf(const PlainSchema& schema);
  // A schema inside another, or any value where there is none; -1 for `false`.
  int RuleBelow(const PlainSchema& schema, absl::string_view keyword);

  GrammarBuilder* builder_;
  JsonRules json_;
  std::unique_ptr<SchemaDocument> document_;     // the one that is being added
  absl::flat_hash_map<std::string, int> rules_;  // of its places
  std::vector<Task> tasks_;
};

}  // namespace lluda::grammar

#endif  // LLUDA_ENGINE_GRAMMAR_JSON_SCHEMA_COMPILER_H_
