#include "engine/transcribe/transcript.h"

#include <algorithm>

#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"

namespace lluda::engine {

std::string Transcript::Text() const {
  std::vector<absl::string_view> texts;
  for (const TranscribedPiece& piece : pieces) {
    if (!piece.text.empty()) texts.push_back(piece.text);
  }
  return absl::StrJoin(texts, "\n");
}

std::string Transcript::Language() const {
  std::vector<absl::string_view> languages;
  for (const TranscribedPiece& piece : pieces) {
    const absl::string_view language = piece.language;
    if (language.empty()) continue;
    if (std::find(languages.begin(), languages.end(), language) == languages.end()) {
      languages.push_back(language);
    }
  }
  return absl::StrJoin(languages, ",");
}

}  // namespace lluda::engine
