// What a file says, as an error message may show it.
//
//   QuoteForMessage("a\nb")  ==  "\"a\\nb\""
#ifndef LLUDA_FRONTENDS_TOKENIZER_TEXT_QUOTE_H_
#define LLUDA_FRONTENDS_TOKENIZER_TEXT_QUOTE_H_

#include <string>
#include <string_view>

namespace lluda::tokenizer {

// A text as a message shows it: escaped, at most 60 bytes of it, in quotes; valid UTF-8.
std::string QuoteForMessage(std::string_view text);

}  // namespace lluda::tokenizer

#endif  // LLUDA_FRONTENDS_TOKENIZER_TEXT_QUOTE_H_
