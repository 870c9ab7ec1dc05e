// What a file says, as an error message may show it: on one line, not too long, valid UTF-8.
//
//   QuoteForMessage("a\nb")  ==  "\"a\\nb\""
//   QuoteName("a\nb")        ==  "a\\nb"
#ifndef LLUDA_BASE_QUOTE_H_
#define LLUDA_BASE_QUOTE_H_

#include <string>
#include <string_view>

#include "absl/strings/string_view.h"

namespace lluda::base {

// A text as a message shows it: escaped, at most 60 bytes of it, in quotes.
std::string QuoteForMessage(std::string_view text);

// A name as a message shows it between its own quotes: escaped, at most 200 bytes of it.
std::string QuoteName(absl::string_view name);

}  // namespace lluda::base

#endif  // LLUDA_BASE_QUOTE_H_
