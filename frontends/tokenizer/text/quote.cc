#include "frontends/tokenizer/text/quote.h"

#include <absl/strings/escaping.h>

#include "base/utf8.h"
#include "frontends/tokenizer/text/strings.h"

namespace lluda::tokenizer {
namespace {

constexpr size_t kLongestQuote = 60;

}  // namespace

std::string QuoteForMessage(std::string_view text) {
  const std::string_view head = text.substr(0, kLongestQuote);
  const std::string_view shown = head.substr(0, base::CompleteUtf8Prefix(head));
  return Concat("\"", absl::Utf8SafeCEscape(base::ReplaceInvalidUtf8(shown)),
                shown.size() < text.size() ? "..." : "", "\"");
}

}  // namespace lluda::tokenizer
