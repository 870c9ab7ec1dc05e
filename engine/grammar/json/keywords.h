// What the keys of a JSON schema mean to us, as a table, and the types of JSON values as sets.
//
//   FindKeyword("uniqueItems")   // {kUnsupported}
//   TypesNamed("integer")        // kInteger
#ifndef LLUDA_ENGINE_GRAMMAR_JSON_KEYWORDS_H_
#define LLUDA_ENGINE_GRAMMAR_JSON_KEYWORDS_H_

#include <simdjson.h>

#include <cstdint>
#include <optional>

#include "absl/strings/string_view.h"

namespace lluda::grammar {

enum class KeywordKind : uint8_t {
  kAnnotation,  // says nothing of the values
  kType,        // `type`
  kValues,      // enum, const
  kOfStrings,   // these four say something of the values of one type
  kOfNumbers,
  kOfArrays,
  kOfObjects,
  kInPlace,      // anyOf, $ref...: other schemas for the same value
  kUnsupported,  // known, and refused
};

// Nothing for a key that JSON Schema does not have.
std::optional<KeywordKind> FindKeyword(absl::string_view key);

// A set of types of values. Numbers are integers or not, as JSON Schema has it: 1.0 is one.
using Types = uint8_t;
inline constexpr Types kNull = 1, kBoolean = 2, kInteger = 4, kFraction = 8, kString = 16,
                       kArray = 32, kObject = 64;
inline constexpr Types kAnyType = 127;

// Nothing for a name that JSON Schema does not have.
std::optional<Types> TypesNamed(absl::string_view name);

Types TypeOf(const simdjson::dom::element& value);

}  // namespace lluda::grammar

#endif  // LLUDA_ENGINE_GRAMMAR_JSON_KEYWORDS_H_
