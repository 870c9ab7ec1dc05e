// A line that shows how far loading has come, on a terminal only.
//
//   ProgressLine progress("loading");
//   options.progress = [&](int64_t done, int64_t total) { progress.Show(done, total); };
#ifndef LLUDA_CLI_TERMINAL_PROGRESS_H_
#define LLUDA_CLI_TERMINAL_PROGRESS_H_

#include <cstdint>
#include <string>

namespace lluda::cli {

class ProgressLine {
 public:
  // Shows nothing if stderr is not a terminal.
  explicit ProgressLine(std::string label);
  ~ProgressLine() { Clear(); }
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;

  void Show(int64_t done, int64_t total);
  // Takes the line off the terminal.
  void Clear();

 private:
  std::string label_;
  bool is_terminal_;
  int shown_percent_ = -1;
};

}  // namespace lluda::cli

#endif  // LLUDA_CLI_TERMINAL_PROGRESS_H_
