#include "engine/transcribe/languages.h"

#include <vector>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace lluda::engine {
namespace {

struct Language {
  absl::string_view name, code;  // ISO 639-1, or 639-3 where that has none
};

// Those of the model card of Qwen3-ASR.
constexpr Language kLanguages[] = {
    {"Arabic", "ar"},   {"Cantonese", "yue"}, {"Chinese", "zh"},    {"Czech", "cs"},
    {"Danish", "da"},   {"Dutch", "nl"},      {"English", "en"},    {"Filipino", "fil"},
    {"Finnish", "fi"},  {"French", "fr"},     {"German", "de"},     {"Greek", "el"},
    {"Hindi", "hi"},    {"Hungarian", "hu"},  {"Indonesian", "id"}, {"Italian", "it"},
    {"Japanese", "ja"}, {"Korean", "ko"},     {"Macedonian", "mk"}, {"Malay", "ms"},
    {"Persian", "fa"},  {"Polish", "pl"},     {"Portuguese", "pt"}, {"Romanian", "ro"},
    {"Russian", "ru"},  {"Spanish", "es"},    {"Swedish", "sv"},    {"Thai", "th"},
    {"Turkish", "tr"},  {"Vietnamese", "vi"},
};

}  // namespace

absl::StatusOr<std::string> LanguageName(absl::string_view language) {
  if (language.empty()) return "";
  std::vector<absl::string_view> names;
  for (const Language& row : kLanguages) {
    if (absl::EqualsIgnoreCase(language, row.name) || absl::EqualsIgnoreCase(language, row.code)) {
      return std::string(row.name);
    }
    names.push_back(row.name);
  }
  return absl::InvalidArgumentError(
      absl::StrCat("language '", language, "' is unknown; there are ", absl::StrJoin(names, ", ")));
}

}  // namespace lluda::engine
