// What stands between the quotes of a text in a template.
//
//   DecodeStringLiteral("a\\n\\u00e9")  == "a\né"
#ifndef LLUDA_FRONTENDS_JINJA_SYNTAX_STRING_LITERAL_H_
#define LLUDA_FRONTENDS_JINJA_SYNTAX_STRING_LITERAL_H_

#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace lluda::jinja {

// Python's escapes; an unknown one stays as it is. A lone surrogate becomes U+FFFD. InvalidArgument
// for one that is cut short or no character, and for \N{...}.
absl::StatusOr<std::string> DecodeStringLiteral(std::string_view literal);

}  // namespace lluda::jinja

#endif  // LLUDA_FRONTENDS_JINJA_SYNTAX_STRING_LITERAL_H_
