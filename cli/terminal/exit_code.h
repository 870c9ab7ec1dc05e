// How a program ends: its exit code, and for an error one line on stderr.
//
//   return ExitCodeOf("lluda", Run(arguments));
#ifndef LLUDA_CLI_TERMINAL_EXIT_CODE_H_
#define LLUDA_CLI_TERMINAL_EXIT_CODE_H_

#include "absl/status/statusor.h"

namespace lluda::cli {

// What shells report for a program that SIGPIPE ended: 128 + 13.
inline constexpr int kReaderGoneExitCode = 141;

// The code itself; for an error, 2 if the user can mend it by asking for something else or for
// another file, else 1. Cancelled is no error: the reader of stdout has seen enough, which ends the
// program without a line and with kReaderGoneExitCode.
int ExitCodeOf(const char* program, const absl::StatusOr<int>& code);

}  // namespace lluda::cli

#endif  // LLUDA_CLI_TERMINAL_EXIT_CODE_H_
