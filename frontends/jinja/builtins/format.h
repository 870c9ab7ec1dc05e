// Values as texts: as Python's str and repr write them, and as JSON.
//
//   Str(list)                 == "['a', 1.0, None, True]"
//   ToJson(list, options)     == "[\"a\", 1.0, null, true]"
#ifndef LLUDA_FRONTENDS_JINJA_BUILTINS_FORMAT_H_
#define LLUDA_FRONTENDS_JINJA_BUILTINS_FORMAT_H_

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "frontends/jinja/value/budget.h"
#include "frontends/jinja/value/text.h"
#include "frontends/jinja/value/value.h"

namespace lluda::jinja {

// Python's repr of a float: the shortest digits that give it back.
std::string FormatFloat(double value);

// Python's str(). A string keeps its origins; what a list or mapping becomes is all the user's.
// ResourceExhausted for what is nested or long beyond the limits.
absl::StatusOr<Text> Str(const Value& value, Budget* budget);

// As json.dumps takes them.
struct JsonOptions {
  bool ensure_ascii = false;
  std::optional<std::string> indent;  // of a level; with it each item has a line
  std::optional<std::string> item_separator;
  std::optional<std::string> key_separator;
  bool sort_keys = false;
};

// What json.dumps writes. InvalidArgument for what JSON has not.
absl::StatusOr<std::string> ToJson(const Value& value, const JsonOptions& options, Budget* budget);

}  // namespace lluda::jinja

#endif  // LLUDA_FRONTENDS_JINJA_BUILTINS_FORMAT_H_
