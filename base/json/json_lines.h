// JSON objects one a line, as tools pass lists of texts to one another. Empty lines count as lines
// and hold nothing.
//
//   status = ForEachJsonLine("texts.jsonl", "{\"text\": \"a\"}\n\n{\"text\": \"b\"}\n",
//                            [&](const JsonObject& object) { ... });   // twice
#ifndef LLUDA_BASE_JSON_JSON_LINES_H_
#define LLUDA_BASE_JSON_JSON_LINES_H_

#include <functional>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "base/json/json.h"

namespace lluda::base {

// Ends with the first error: that of a line which is no object, or that of `take`. Errors name the
// line: "texts.jsonl:3: field 'text' is missing".
absl::Status ForEachJsonLine(const std::string& label, absl::string_view input,
                             const std::function<absl::Status(const JsonObject& object)>& take);

}  // namespace lluda::base

#endif  // LLUDA_BASE_JSON_JSON_LINES_H_
