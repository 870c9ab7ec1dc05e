// JSON objects one a line, as tools pass lists of texts to one another. Empty lines count as lines
// and hold nothing.
//
//   status = ForEachJsonLine("texts.jsonl", "{\"text\": \"a\"}\n\n{\"text\": \"b\"}\n",
//                            [&](const JsonObject& object, const std::string& place) { ... });   // twice
#ifndef LLUDA_BASE_JSON_JSON_LINES_H_
#define LLUDA_BASE_JSON_JSON_LINES_H_

#include <functional>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "base/json/json.h"

namespace lluda::base {

// `place` is the line's, from 1, as errors call it: "texts.jsonl:3".
using TakeJsonLine =
    std::function<absl::Status(const JsonObject& object, const std::string& place)>;

// Ends with the first error: that of a line which is no object, or that of `take`. Errors name the
// line: "texts.jsonl:3: field 'text' is missing".
absl::Status ForEachJsonLine(const std::string& label, absl::string_view input,
                             const TakeJsonLine& take);

}  // namespace lluda::base

#endif  // LLUDA_BASE_JSON_JSON_LINES_H_
