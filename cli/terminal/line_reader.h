// Lines of a descriptor, read by someone whom Ctrl-C may call away while he waits.
//
//   LineReader lines(STDIN_FILENO, &interrupt);
//   std::string line;
//   absl::StatusOr<LineReader::Event> event = lines.Next(&line);
//   if (event.ok() && *event == LineReader::Event::kLine) Answer(line);
//
// A line ends with LF or CRLF, neither of which is part of it; the last one may end with the input.
#ifndef LLUDA_CLI_TERMINAL_LINE_READER_H_
#define LLUDA_CLI_TERMINAL_LINE_READER_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "runtime/machine/interrupt.h"

namespace lluda::cli {

class LineReader {
 public:
  enum class Event : uint8_t {
    kLine,
    kEnd,          // there are no more lines
    kInterrupted,  // the flag of `interrupt` is set, or was while Next waited
  };

  // Neither is taken over; both must outlive the reader.
  LineReader(int descriptor, const runtime::Interrupt* interrupt);
  ~LineReader();
  LineReader(const LineReader&) = delete;
  LineReader& operator=(const LineReader&) = delete;

  // FailedPrecondition, with the system's reason, if stdin cannot be read, and for a line of more than
  // 64 MiB.
  absl::StatusOr<Event> Next(std::string* line);

 private:
  int descriptor_;
  int own_descriptor_ = -1;  // of the terminal that descriptor_ is; -1 if it is none
  const runtime::Interrupt* interrupt_;
  std::string read_;  // and not yet given out
  bool ended_ = false;
};

}  // namespace lluda::cli

#endif  // LLUDA_CLI_TERMINAL_LINE_READER_H_
