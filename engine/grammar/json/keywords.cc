#include "engine/grammar/json/keywords.h"

#include <cmath>
#include <utility>

#include "base/json/json.h"

namespace lluda::grammar {

std::optional<KeywordKind> FindKeyword(absl::string_view key) {
  using Kind = KeywordKind;
  constexpr std::pair<absl::string_view, Kind> kKeywords[] = {
      {"title", Kind::kAnnotation},
      {"description", Kind::kAnnotation},
      {"default", Kind::kAnnotation},
      {"examples", Kind::kAnnotation},
      {"$schema", Kind::kAnnotation},
      {"$id", Kind::kAnnotation},
      {"$comment", Kind::kAnnotation},
      {"deprecated", Kind::kAnnotation},
      {"readOnly", Kind::kAnnotation},
      {"writeOnly", Kind::kAnnotation},
      {"$defs", Kind::kAnnotation},  // looked at where $ref names a part of it
      {"type", Kind::kType},
      {"enum", Kind::kValues},
      {"const", Kind::kValues},
      {"pattern", Kind::kOfStrings},
      {"minLength", Kind::kOfStrings},
      {"maxLength", Kind::kOfStrings},
      {"format", Kind::kOfStrings},
      {"minimum", Kind::kOfNumbers},
      {"maximum", Kind::kOfNumbers},
      {"exclusiveMinimum", Kind::kOfNumbers},
      {"exclusiveMaximum", Kind::kOfNumbers},
      {"items", Kind::kOfArrays},
      {"prefixItems", Kind::kOfArrays},
      {"minItems", Kind::kOfArrays},
      {"maxItems", Kind::kOfArrays},
      {"properties", Kind::kOfObjects},
      {"required", Kind::kOfObjects},
      {"additionalProperties", Kind::kOfObjects},
      {"anyOf", Kind::kInPlace},
      {"oneOf", Kind::kInPlace},
      {"allOf", Kind::kInPlace},
      {"$ref", Kind::kInPlace},
      {"not", Kind::kUnsupported},
      {"if", Kind::kUnsupported},
      {"then", Kind::kUnsupported},
      {"else", Kind::kUnsupported},
      {"dependentRequired", Kind::kUnsupported},
      {"dependentSchemas", Kind::kUnsupported},
      {"dependencies", Kind::kUnsupported},
      {"patternProperties", Kind::kUnsupported},
      {"propertyNames", Kind::kUnsupported},
      {"unevaluatedItems", Kind::kUnsupported},
      {"unevaluatedProperties", Kind::kUnsupported},
      {"uniqueItems", Kind::kUnsupported},
      {"contains", Kind::kUnsupported},
      {"minContains", Kind::kUnsupported},
      {"maxContains", Kind::kUnsupported},
      {"additionalItems", Kind::kUnsupported},
      {"minProperties", Kind::kUnsupported},
      {"maxProperties", Kind::kUnsupported},
      {"multipleOf", Kind::kUnsupported},
      {"$dynamicRef", Kind::kUnsupported},
      {"$dynamicAnchor", Kind::kUnsupported},
      {"$recursiveRef", Kind::kUnsupported},
      {"$recursiveAnchor", Kind::kUnsupported},
      {"$anchor", Kind::kUnsupported},
      {"$vocabulary", Kind::kUnsupported},
      {"definitions", Kind::kUnsupported},
      {"contentEncoding", Kind::kUnsupported},
      {"contentMediaType", Kind::kUnsupported},
      {"contentSchema", Kind::kUnsupported},
  };
  for (const auto& [name, kind] : kKeywords) {
    if (name == key) return kind;
  }
  return std::nullopt;
}

std::optional<Types> TypesNamed(absl::string_view name) {
  constexpr std::pair<absl::string_view, Types> kTypes[] = {
      {"null", kNull},
      {"boolean", kBoolean},
      {"integer", kInteger},
      {"string", kString},
      {"array", kArray},
      {"object", kObject},
      {"number", kInteger | kFraction},
  };
  for (const auto& [type, types] : kTypes) {
    if (type == name) return types;
  }
  return std::nullopt;
}

Types TypeOf(const simdjson::dom::element& value) {
  using simdjson::dom::element_type;
  switch (value.type()) {
    case element_type::NULL_VALUE:
      return kNull;
    case element_type::BOOL:
      return kBoolean;
    case element_type::INT64:
    case element_type::UINT64:
      return kInteger;
    case element_type::DOUBLE: {
      const double number = value.get_double().value_unsafe();
      return std::floor(number) == number ? kInteger : kFraction;
    }
    case element_type::STRING:
      return kString;
    case element_type::ARRAY:
      return kArray;
    case element_type::OBJECT:
      return kObject;
  }
  return 0;
}

}  // namespace lluda::grammar
