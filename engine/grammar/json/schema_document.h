// A JSON schema as a file has it: its places, what they refer to, and the plain schemas that a
// place is a choice of.
//
//   auto document = SchemaDocument::Parse(text);
//   absl::StatusOr<std::vector<PlainSchema>> choices = (*document)->Choices((*document)->root(),
//                                                                          kAnyType);
//
// A plain schema has no anyOf, oneOf, allOf or $ref: these are followed, and what they lead to are
// choices. Every key is checked on the way, and what it holds.
#ifndef LLUDA_ENGINE_GRAMMAR_JSON_SCHEMA_DOCUMENT_H_
#define LLUDA_ENGINE_GRAMMAR_JSON_SCHEMA_DOCUMENT_H_

#include <simdjson.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "engine/grammar/json/keywords.h"

namespace lluda::grammar {

// A schema and where it stands: "#/properties/a".
struct SchemaPlace {
  simdjson::dom::element schema;
  std::string pointer;
  int depth = 1;  // schemas around it, and itself

  // The schema that a keyword, or a part of one, holds here.
  SchemaPlace Below(const simdjson::dom::element& below, absl::string_view keyword) const;
  SchemaPlace Below(const simdjson::dom::element& below, absl::string_view keyword,
                    absl::string_view part) const;
};

// "<pointer>: <message>".
absl::Status SchemaError(absl::StatusCode code, absl::string_view pointer,
                         absl::string_view message);

struct PlainSchema {
  SchemaPlace place;
  Types types;  // those that it allows, and those around it

  // Nothing where the schema is `true`, or has no such key.
  std::optional<simdjson::dom::element> Find(absl::string_view key) const;
  bool HasKeyOf(KeywordKind kind) const;
  // The enumerated values of the types; nothing if it enumerates none.
  std::optional<std::vector<simdjson::dom::element>> Values() const;
};

class SchemaDocument {
 public:
  // InvalidArgument for what is no JSON object or `true`, ResourceExhausted for one that is too
  // long or nested too deep.
  static absl::StatusOr<std::unique_ptr<SchemaDocument>> Parse(absl::string_view text);

  const SchemaPlace& root() const { return root_; }

  // None where no value of the types is allowed. A schema that is reached again on the way to
  // itself adds nothing. Errors as JsonSchemaGrammar.
  absl::StatusOr<std::vector<PlainSchema>> Choices(const SchemaPlace& place, Types types);

  // Counts schemas, properties and enumerated values: ResourceExhausted beyond kMaxSchemaNodes.
  absl::Status CountNodes(size_t count);

 private:
  SchemaDocument() = default;

  // The places that are being followed, so that a circle is seen.
  struct Walk {
    std::vector<std::string> open;
    bool in_one_of = false;
  };
  absl::Status AddChoices(const SchemaPlace& place, Types types, Walk* walk,
                          std::vector<PlainSchema>* choices);
  absl::Status AddOneOf(const SchemaPlace& place, const simdjson::dom::array& branches, Types types,
                        Walk* walk, std::vector<PlainSchema>* choices);
  // Whether no value satisfies both; types alone and enumerated values decide, and of objects that
  // of their members. `deep` is whether members are looked at.
  absl::StatusOr<bool> AreDisjoint(const PlainSchema& a, const PlainSchema& b, bool deep);
  absl::StatusOr<bool> AreDisjointObjects(const PlainSchema& a, const PlainSchema& b);
  absl::StatusOr<SchemaPlace> Resolve(const SchemaPlace& place, absl::string_view reference) const;

  simdjson::dom::parser parser_;
  SchemaPlace root_;
  size_t nodes_ = 0;
};

}  // namespace lluda::grammar

#endif  // LLUDA_ENGINE_GRAMMAR_JSON_SCHEMA_DOCUMENT_H_
