#include "ir/infer/infer_test_util.h"

#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "ir/text/parser.h"

namespace lluda::ir {

std::string InferredAmong(absl::string_view declarations, absl::string_view parameters,
                          absl::string_view statement) {
  // The parser says of a statement that is not of the type written what InferType says.
  const auto module = ParseModule(
      absl::StrCat("lluda 1\nmodule @m {\nsymbol T in 1..8\n", declarations, "\nfunc @f(",
                   parameters, ") -> f32 {\n%r = ", statement, " : i8 nothing[1]\n}\n}\n"),
      "m");
  if (module.ok()) return "accepted";
  // "m:line:column: op: ..."; the parser quotes the inferred type last.
  const std::string message(module.status().message());
  const size_t at = message.find("but inferred as '");
  if (at != std::string::npos) return message.substr(at + 17, message.size() - at - 18);
  const std::vector<std::string> parts = absl::StrSplit(message, absl::MaxSplits(": ", 1));
  return parts.back();
}

}  // namespace lluda::ir
