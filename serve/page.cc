#include "serve/page.h"

#include <string>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "base/sha256.h"
#include "serve/page_source.h"

namespace lluda::serve {
namespace {

// What stands between the first `begin` and the `end` that follows it.
absl::string_view Between(absl::string_view text, absl::string_view begin, absl::string_view end) {
  const size_t at = text.find(begin) + begin.size();
  return text.substr(at, text.find(end, at) - at);
}

// As policies name an inline script or style: 'sha256-BASE64'.
std::string SourceOf(absl::string_view text) {
  const base::Digest digest = base::Sha256(text);
  const absl::string_view bytes(reinterpret_cast<const char*>(digest.data()), digest.size());
  return absl::StrCat("'sha256-", absl::Base64Escape(bytes), "'");
}

}  // namespace

http::Response PageResponse() {
  const absl::string_view page = absl::string_view(kChatPage).substr(1);  // a newline before it
  const std::string policy = absl::StrCat(
      "default-src 'none'; script-src ", SourceOf(Between(page, "<script>", "</script>")),
      "; style-src ", SourceOf(Between(page, "<style>", "</style>")),
      "; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; "
      "frame-ancestors 'none'");
  return {200,
          {{"Content-Type", "text/html; charset=utf-8"},
           {"Content-Security-Policy", policy},
           {"Cache-Control", "no-store"},
           {"X-Content-Type-Options", "nosniff"},
           {"Referrer-Policy", "no-referrer"}},
          std::string(page)};
}

}  // namespace lluda::serve
