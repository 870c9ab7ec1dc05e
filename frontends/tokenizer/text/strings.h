// The few string functions this folder needs, for std::string_view. Debian's Abseil is built with a
// string_view of its own, which does not convert from or to the standard's, and simdjson speaks
// only the standard's.
//
//   Concat("id ", 3, " of ", std::string_view("x"))  == "id 3 of x"
#ifndef LLUDA_FRONTENDS_TOKENIZER_TEXT_STRINGS_H_
#define LLUDA_FRONTENDS_TOKENIZER_TEXT_STRINGS_H_

#include <absl/strings/str_cat.h>
#include <absl/strings/str_replace.h>
#include <absl/strings/string_view.h>

#include <string>
#include <string_view>

namespace lluda::tokenizer {

inline absl::string_view ToAbsl(std::string_view text) { return {text.data(), text.size()}; }
inline std::string_view FromAbsl(absl::string_view text) { return {text.data(), text.size()}; }

namespace strings_internal {
template <typename T>
absl::AlphaNum Part(const T& value) {
  if constexpr (std::is_same_v<T, std::string_view>) {
    return absl::AlphaNum(ToAbsl(value));
  } else {
    return absl::AlphaNum(value);
  }
}
}  // namespace strings_internal

// absl::StrCat.
template <typename... Parts>
std::string Concat(const Parts&... parts) {
  return absl::StrCat(strings_internal::Part(parts)...);
}

// `text` with every `pattern`, from the left and without overlaps, replaced by `content`.
inline std::string ReplaceAll(std::string_view text, std::string_view pattern,
                              std::string_view content) {
  return absl::StrReplaceAll(ToAbsl(text), {{ToAbsl(pattern), ToAbsl(content)}});
}

inline bool Contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

inline bool StartsWith(std::string_view text, std::string_view prefix) {
  return text.substr(0, prefix.size()) == prefix;
}

inline bool EndsWith(std::string_view text, std::string_view suffix) {
  return text.size() >= suffix.size() && text.substr(text.size() - suffix.size()) == suffix;
}

}  // namespace lluda::tokenizer

#endif  // LLUDA_FRONTENDS_TOKENIZER_TEXT_STRINGS_H_
