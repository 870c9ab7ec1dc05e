// The grammar of the JSON texts that a JSON schema (2020-12) allows.
//
//   auto grammar = JsonSchemaGrammar(R"({"type": "object", "properties": {"n": {"type": "integer"}},
//                                        "required": ["n"], "additionalProperties": false})");
//   // {"n":1}   {"n": -20}
//
// Each text of the grammar is valid against the schema. Of the valid texts it has one form: the
// properties that the schema names come in its order and before others; there is no white space but
// one space, which may be left out, behind ':' and ','. docs/constrained_decoding.md has the table
// of keywords.
#ifndef LLUDA_ENGINE_GRAMMAR_JSON_SCHEMA_GRAMMAR_H_
#define LLUDA_ENGINE_GRAMMAR_JSON_SCHEMA_GRAMMAR_H_

#include <memory>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "engine/grammar/grammar.h"

namespace lluda::grammar {

// Errors are one line that names the place, as a JSON pointer, and the keyword:
//   #/properties/a: 'uniqueItems' is not supported
// Unimplemented for a keyword that is known and not supported; InvalidArgument for any other key,
// what is malformed, and a schema that nothing satisfies; ResourceExhausted for more than the
// limits of grammar.h.
absl::StatusOr<std::shared_ptr<const Grammar>> JsonSchemaGrammar(absl::string_view schema);

// Any JSON object.
std::shared_ptr<const Grammar> JsonObjectGrammar();

}  // namespace lluda::grammar

#endif  // LLUDA_ENGINE_GRAMMAR_JSON_SCHEMA_GRAMMAR_H_
