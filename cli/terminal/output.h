// What a command prints, with errors that name the stream.
//
//   PrintNotes("lluda", model->notes());            // stderr: "lluda: note: ..."
//   absl::Status written = WriteStdout("text");     // "stdout: No space left on device"
#ifndef LLUDA_CLI_TERMINAL_OUTPUT_H_
#define LLUDA_CLI_TERMINAL_OUTPUT_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace lluda::cli {

// Whether a person looks at, or writes to, this standard stream.
bool IsTerminal(int descriptor);

// Writes all of `text` at once, unbuffered. Unavailable, with the system's reason, if it cannot;
// Cancelled if it is that nobody reads any more, as behind `| head`.
absl::Status WriteStdout(absl::string_view text);

// The same, and the exit code of a command that has nothing more to do.
absl::StatusOr<int> Print(absl::string_view text, int code = 0);

// "PROGRAM: TEXT" on stderr, one line whatever the text holds.
void PrintLine(const char* program, absl::string_view text);
// What engine::Model::notes has, a line each: "PROGRAM: note: NOTE".
void PrintNotes(const char* program, const std::vector<std::string>& notes);

}  // namespace lluda::cli

#endif  // LLUDA_CLI_TERMINAL_OUTPUT_H_
