#include "base/quote.h"

#include <cstddef>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "base/utf8.h"

namespace lluda::base {
namespace {

constexpr size_t kLongestQuote = 60;

}  // namespace

std::string QuoteForMessage(std::string_view text) {
  const std::string_view head = text.substr(0, kLongestQuote);
  const std::string_view shown = head.substr(0, CompleteUtf8Prefix(head));
  return absl::StrCat("\"", absl::Utf8SafeCEscape(ReplaceInvalidUtf8(shown)),
                      shown.size() < text.size() ? "..." : "", "\"");
}

std::string QuoteName(absl::string_view name) {
  constexpr size_t kLongest = 200;
  if (name.size() <= kLongest) return absl::Utf8SafeCEscape(name);
  return absl::StrCat(absl::Utf8SafeCEscape(name.substr(0, kLongest)), "...");
}

}  // namespace lluda::base
