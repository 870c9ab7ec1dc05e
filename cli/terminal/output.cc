#include "cli/terminal/output.h"

#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <iostream>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "base/files/whole_file.h"

namespace lluda::cli {

bool IsTerminal(int descriptor) { return isatty(descriptor) == 1; }

absl::Status WriteStdout(absl::string_view text) {
  const int error = base::WriteAll(STDOUT_FILENO, text);
  if (error == 0) return absl::OkStatus();
  const std::string reason = absl::StrCat("stdout: ", std::strerror(error));
  return error == EPIPE ? absl::CancelledError(reason) : absl::UnavailableError(reason);
}

void PrintLine(const char* program, absl::string_view text) {
  std::cerr << program << ": " << absl::StrReplaceAll(text, {{"\n", " "}}) << "\n";
}

void PrintNotes(const char* program, const std::vector<std::string>& notes) {
  for (const std::string& note : notes) PrintLine(program, absl::StrCat("note: ", note));
}

absl::StatusOr<int> Print(absl::string_view text, int code) {
  const absl::Status written = WriteStdout(text);
  if (!written.ok()) return written;
  return code;
}

}  // namespace lluda::cli
