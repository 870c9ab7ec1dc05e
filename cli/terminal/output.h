// Files in and out, with errors that name them.
//
//   PrepareStandardStreams();                       // first thing in main
//   absl::Status written = WriteStdout("text");     // "stdout: No space left on device"
//   absl::Status saved = WriteFile("a.lluda", text);  // all of it or nothing
//   absl::StatusOr<std::string> text = ReadInput("-");
#ifndef LLUDA_CLI_TERMINAL_OUTPUT_H_
#define LLUDA_CLI_TERMINAL_OUTPUT_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace lluda::cli {

// Makes a reader of stdout that has gone an error like other failed writes, in place of SIGPIPE. A
// standard stream that the program was started without is an error to whoever uses it; no file that
// is opened later takes its number.
void PrepareStandardStreams();

// Whether a person looks at, or writes to, this standard stream.
bool IsTerminal(int descriptor);

// Writes all of `text` at once, unbuffered. Unavailable, with the system's reason, if it cannot;
// Cancelled if it is that nobody reads any more, as behind `| head`.
absl::Status WriteStdout(absl::string_view text);

// Writes a file under a temporary name beside `path` and renames it, so that `path` is never half
// written. Unavailable if it cannot be.
absl::Status WriteFile(const std::string& path, absl::string_view contents);

// A file's contents; "-" is stdin. NotFound if there is no such file, FailedPrecondition if it
// cannot be read.
absl::StatusOr<std::string> ReadInput(const std::string& path);

}  // namespace lluda::cli

#endif  // LLUDA_CLI_TERMINAL_OUTPUT_H_
