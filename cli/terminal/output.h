// Files in and out, with errors that name them.
//
//   PrintNotes("lluda", model->notes());            // stderr: "lluda: note: ..."
//   absl::Status written = WriteStdout("text");     // "stdout: No space left on device"
//   absl::Status saved = WriteFile("a.lluda", text);  // all of it or nothing
//   absl::StatusOr<std::string> text = ReadInput("-");
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

// Writes a file whole or not at all, as base::AtomicFile does; to a device or a pipe, such as
// /dev/stdout, it just writes. Unavailable if it cannot.
absl::Status WriteFile(const std::string& path, absl::string_view contents);

// A file's contents; "-" is stdin. NotFound if there is no such file, FailedPrecondition if it
// cannot be read, or is larger than 1 GiB.
absl::StatusOr<std::string> ReadInput(const std::string& path);

}  // namespace lluda::cli

#endif  // LLUDA_CLI_TERMINAL_OUTPUT_H_
