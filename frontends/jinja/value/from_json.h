// JSON as values of a template.
//
//   absl::StatusOr<Value> tools = ParseJson(text, Origin::kUser, &heap);
#ifndef LLUDA_FRONTENDS_JINJA_VALUE_FROM_JSON_H_
#define LLUDA_FRONTENDS_JINJA_VALUE_FROM_JSON_H_

#include <string_view>

#include "absl/status/statusor.h"
#include "frontends/jinja/value/value.h"

namespace lluda::jinja {

// All texts are of that origin; of two equal keys the last counts. InvalidArgument for what is no
// JSON, for an integer of more than 64 bits, and for more than kMostDepth levels; it does not name
// the file.
absl::StatusOr<Value> ParseJson(std::string_view json, Origin origin, Heap* heap);

}  // namespace lluda::jinja

#endif  // LLUDA_FRONTENDS_JINJA_VALUE_FROM_JSON_H_
