// Another program, run beside this one to its end: what it writes is read as it comes, and how it ended
// is told in a line.
//
//   std::string text;
//   auto end = RunProgram({"llama-bench", "-m", file}, [&](absl::string_view part) {
//     text.append(part.data(), part.size());
//     return true;
//   });
//   if (!end.ok()) return end.status();      // "llama-bench: cannot be run: No such file or directory"
//   if (!end->is_success()) ...              // end->how, end->errors
//
// It has this process' stdin and environment, and is of its process group, so that Ctrl-C ends both.
#ifndef LLUDA_RUNTIME_MACHINE_RUN_PROGRAM_H_
#define LLUDA_RUNTIME_MACHINE_RUN_PROGRAM_H_

#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace lluda::runtime {

struct ProgramEnd {
  int exit_code = 0;   // -1: a signal ended it
  std::string how;     // "ended with 3", "was ended by signal 11"
  std::string errors;  // the end of what it wrote to stderr, a few KB at most

  bool is_success() const { return exit_code == 0; }
};

// Runs command[0], which is looked for in PATH unless it has a slash, with these arguments. `output`
// is given the parts of what it writes to stdout; once that returns false nothing more is read, which
// ends a program that goes on writing. NotFound, naming the program, if there is none; Unavailable if
// it cannot be started.
absl::StatusOr<ProgramEnd> RunProgram(const std::vector<std::string>& command,
                                      const std::function<bool(absl::string_view)>& output);

}  // namespace lluda::runtime

#endif  // LLUDA_RUNTIME_MACHINE_RUN_PROGRAM_H_
