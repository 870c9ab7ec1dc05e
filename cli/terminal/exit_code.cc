#include "cli/terminal/exit_code.h"

#include <iostream>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_replace.h"

namespace lluda::cli {

int ExitCodeOf(const char* program, const absl::StatusOr<int>& code) {
  if (code.ok()) return *code;
  if (absl::IsCancelled(code.status())) return kReaderGoneExitCode;
  const std::string message(code.status().message());
  std::cerr << program << ": " << absl::StrReplaceAll(message, {{"\n", " "}}) << "\n";
  switch (code.status().code()) {
    case absl::StatusCode::kInvalidArgument:
    case absl::StatusCode::kNotFound:
    case absl::StatusCode::kUnimplemented:
    case absl::StatusCode::kFailedPrecondition:
      return 2;
    default:
      return 1;
  }
}

}  // namespace lluda::cli
