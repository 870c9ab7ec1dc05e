#include "cli/terminal/exit_code.h"

#include "absl/status/status.h"
#include "cli/terminal/output.h"

namespace lluda::cli {

int ExitCodeOf(const char* program, const absl::StatusOr<int>& code) {
  if (code.ok()) return *code;
  if (absl::IsCancelled(code.status())) return kReaderGoneExitCode;
  PrintLine(program, code.status().message());
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
