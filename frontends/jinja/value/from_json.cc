#include "frontends/jinja/value/from_json.h"

#include <simdjson.h>

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "base/json/parse_json.h"
#include "base/status_macros.h"
#include "frontends/jinja/value/limits.h"
#include "frontends/tokenizer/text/strings.h"

namespace lluda::jinja {
namespace {

using tokenizer::Concat;

absl::StatusOr<Value> Convert(simdjson::dom::element element, Origin origin, Heap* heap,
                              int depth) {
  if (depth > kMostDepth) {
    return absl::InvalidArgumentError(Concat("is nested deeper than ", kMostDepth, " levels"));
  }
  switch (element.type()) {
    case simdjson::dom::element_type::NULL_VALUE:
      return Value();
    case simdjson::dom::element_type::BOOL: {
      bool value = false;
      if (element.get(value) == simdjson::SUCCESS) return Value::Bool(value);
      break;
    }
    case simdjson::dom::element_type::INT64: {
      int64_t value = 0;
      if (element.get(value) == simdjson::SUCCESS) return Value::Int(value);
      break;
    }
    case simdjson::dom::element_type::DOUBLE: {
      double value = 0;
      if (element.get(value) == simdjson::SUCCESS) return Value::Float(value);
      break;
    }
    case simdjson::dom::element_type::STRING: {
      std::string_view value;
      if (element.get(value) == simdjson::SUCCESS) return Value::String(std::string(value), origin);
      break;
    }
    // Integers of templates are signed; what is larger is read as those beyond 64 bits are.
    case simdjson::dom::element_type::UINT64:
      return Value::Float(static_cast<double>(element.get_uint64().value_unsafe()));
    case simdjson::dom::element_type::ARRAY: {
      List* list = heap->NewList();
      for (const simdjson::dom::element item :
           simdjson::dom::array(element.get_array().value_unsafe())) {
        ASSIGN_OR_RETURN(Value value, Convert(item, origin, heap, depth + 1));
        list->items.push_back(std::move(value));
      }
      return Value::Of(list);
    }
    case simdjson::dom::element_type::OBJECT: {
      Dict* dict = heap->NewDict();
      for (const simdjson::dom::key_value_pair member :
           simdjson::dom::object(element.get_object().value_unsafe())) {
        ASSIGN_OR_RETURN(Value value, Convert(member.value, origin, heap, depth + 1));
        RETURN_IF_ERROR(
            dict->Set(Value::String(std::string(member.key), origin), std::move(value)));
      }
      return Value::Of(dict);
    }
  }
  return absl::InvalidArgumentError("a value cannot be read");
}

}  // namespace

absl::StatusOr<Value> ParseJson(std::string_view json, Origin origin, Heap* heap) {
  simdjson::dom::parser parser;
  simdjson::dom::element document;
  const simdjson::error_code code =
      base::ParseJson(json, simdjson::DEFAULT_MAX_DEPTH, &parser, &document);
  if (code != simdjson::SUCCESS) {
    return absl::InvalidArgumentError(Concat("is not valid JSON: ", base::WhyInvalid(json, code)));
  }
  return Convert(document, origin, heap, 0);
}

}  // namespace lluda::jinja
