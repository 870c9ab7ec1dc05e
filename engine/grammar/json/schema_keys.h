// Checks the keys of one schema, and that what each holds has the right form.
//
//   CheckSchemaKeys(place)   // #/items: 'minItems' must be a count, is "3"
#ifndef LLUDA_ENGINE_GRAMMAR_JSON_SCHEMA_KEYS_H_
#define LLUDA_ENGINE_GRAMMAR_JSON_SCHEMA_KEYS_H_

#include <cstdint>
#include <optional>

#include "absl/status/status.h"
#include "engine/grammar/json/schema_document.h"

namespace lluda::grammar {

// Of a schema that is an object. Schemas inside it are not looked into.
absl::Status CheckSchemaKeys(const SchemaPlace& place);

// A count such as minItems holds, 3 or 3.0; nothing for another value.
std::optional<int64_t> CountOf(const simdjson::dom::element& value);

}  // namespace lluda::grammar

#endif  // LLUDA_ENGINE_GRAMMAR_JSON_SCHEMA_KEYS_H_
