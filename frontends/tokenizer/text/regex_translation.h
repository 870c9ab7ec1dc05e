// Rewrites a regular expression of Oniguruma's syntax so that RE2 reads it the same way.
//
//   TranslateToRe2(R"([^\s\p{N}]+)")  ==  R"([^\t-\r \x{85}...\p{N}\x{10D40}-...]+)"
//   TranslateToRe2(R"(\bword)")       ->  Unimplemented: \b is not supported
#ifndef LLUDA_FRONTENDS_TOKENIZER_TEXT_REGEX_TRANSLATION_H_
#define LLUDA_FRONTENDS_TOKENIZER_TEXT_REGEX_TRANSLATION_H_

#include <absl/status/statusor.h>

#include <string>
#include <string_view>

namespace lluda::tokenizer {

// Unimplemented, naming the construct, for what the two read differently. What neither reads, or
// RE2 alone rejects (possessive quantifiers, unknown properties), passes through for RE2 to report.
absl::StatusOr<std::string> TranslateToRe2(std::string_view regex);

}  // namespace lluda::tokenizer

#endif  // LLUDA_FRONTENDS_TOKENIZER_TEXT_REGEX_TRANSLATION_H_
