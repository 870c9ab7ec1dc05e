#include "cli/terminal/named_lines.h"

namespace lluda::cli {

void NamedLines::Put(absl::string_view text) {
  if (status_.ok() && !text.empty()) status_ = write_(text);
}

bool NamedLines::Add(absl::string_view text) {
  while (!text.empty()) {
    if (!in_line_) Put(name_);
    in_line_ = true;
    const size_t end = text.find('\n');
    Put(text.substr(0, end));
    if (end == absl::string_view::npos) break;
    EndLine();
    text.remove_prefix(end + 1);
  }
  return status_.ok();
}

void NamedLines::EndLine() {
  if (in_line_) Put("\n");
  in_line_ = false;
}

}  // namespace lluda::cli
