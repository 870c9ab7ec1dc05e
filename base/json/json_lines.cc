#include "base/json/json_lines.h"

#include <cstdint>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/status_macros.h"

namespace lluda::base {

absl::Status ForEachJsonLine(const std::string& label, absl::string_view input,
                             const TakeJsonLine& take) {
  int64_t number = 0;
  for (const absl::string_view line : absl::StrSplit(input, '\n')) {
    ++number;
    if (absl::StripAsciiWhitespace(line).empty()) continue;
    const std::string place = absl::StrCat(label, ":", number);
    ASSIGN_OR_RETURN(const JsonDocument document, JsonDocument::Parse(place, line));
    RETURN_IF_ERROR(take(document.root(), place));
  }
  return absl::OkStatus();
}

}  // namespace lluda::base
