#include "tools/inspect/statement_name.h"

#include <cstdint>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"

namespace lluda::tools {
namespace {

// "attn[3]" without "[3]"; the same text if no number stands behind it.
absl::string_view WithoutIndex(absl::string_view name) {
  const size_t open = name.rfind('[');
  int64_t index = 0;
  const bool has_index = open != absl::string_view::npos && absl::EndsWith(name, "]") &&
                         absl::SimpleAtoi(name.substr(open + 1, name.size() - open - 2), &index);
  return has_index ? name.substr(0, open) : name;
}

}  // namespace

std::string StatementNamed(absl::string_view text) {
  text = absl::StripAsciiWhitespace(text);
  absl::ConsumePrefix(&text, "@");
  const std::string dotted = absl::StrReplaceAll(text, {{" %", "."}, {" @", "."}});
  const absl::string_view name = dotted;
  const size_t dot = name.find('.');
  if (dot == absl::string_view::npos) return dotted;
  return absl::StrCat(WithoutIndex(name.substr(0, dot)), ".", WithoutIndex(name.substr(dot + 1)));
}

}  // namespace lluda::tools
