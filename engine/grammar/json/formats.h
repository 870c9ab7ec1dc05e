// The values of JSON Schema's `format` that are enforced, as regular expressions of whole strings.
//
//   FormatPattern("uuid")   // "[0-9a-fA-F]{8}-..."
//
// Each text of a pattern is valid by its RFC. Some valid ones are left out: leap seconds, quoted
// local parts of addresses, hosts of more than six labels or 41 characters in one, IPv4 in IPv6.
#ifndef LLUDA_ENGINE_GRAMMAR_JSON_FORMATS_H_
#define LLUDA_ENGINE_GRAMMAR_JSON_FORMATS_H_

#include <optional>
#include <string>

#include "absl/strings/string_view.h"

namespace lluda::grammar {

// Nothing for a format that is not supported.
std::optional<std::string> FormatPattern(absl::string_view name);

}  // namespace lluda::grammar

#endif  // LLUDA_ENGINE_GRAMMAR_JSON_FORMATS_H_
