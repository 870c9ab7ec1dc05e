// A text on its way to stdout, each of whose lines begins with a name.
//
//   NamedLines lines("a.wav: ", WriteStdout);
//   lines.Add("one\ntw");
//   lines.Add("o");
//   lines.EndLine();        // "a.wav: one\na.wav: two\n"
#ifndef LLUDA_CLI_TERMINAL_NAMED_LINES_H_
#define LLUDA_CLI_TERMINAL_NAMED_LINES_H_

#include <functional>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace lluda::cli {

class NamedLines {
 public:
  using Write = std::function<absl::Status(absl::string_view text)>;

  // An empty name is none.
  NamedLines(std::string name, Write write) : name_(std::move(name)), write_(std::move(write)) {}

  // Whether all has been written so far.
  bool Add(absl::string_view text);
  // Ends a line that has been begun.
  void EndLine();

  // The first error of all.
  const absl::Status& status() const { return status_; }

 private:
  void Put(absl::string_view text);

  std::string name_;
  Write write_;
  bool in_line_ = false;
  absl::Status status_;
};

}  // namespace lluda::cli

#endif  // LLUDA_CLI_TERMINAL_NAMED_LINES_H_
