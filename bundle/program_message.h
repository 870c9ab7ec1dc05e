// A runtime::Program as a message of header.proto, and back. A bundle holds the entries alone:
// their weights lie packed in the file, and nothing is left to load (runtime/loaded_program.h).
//
//   *header.mutable_program() = ToMessage(loaded.program, entries);
//   auto program = FromMessage(header.program(), {loaded_bytes, code_start, code_bytes});
#ifndef LLUDA_BUNDLE_PROGRAM_MESSAGE_H_
#define LLUDA_BUNDLE_PROGRAM_MESSAGE_H_

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "bundle/header.pb.h"
#include "runtime/program.h"

namespace lluda::bundle {

// `entries`: where each kernel starts in the code. The program is one that is loaded.
Program ToMessage(const runtime::Program& program, absl::Span<const int64_t> entries);

// A kernel alone, which starts at `entry`; and back, for a program with so many symbols. Which other
// kernel takes its place is the program's to say.
Kernel ToMessage(const runtime::Kernel& kernel, int64_t entry);
absl::StatusOr<runtime::Kernel> FromMessage(const Kernel& message, size_t symbols);

// What the numbers of a message are checked against.
struct ProgramLimits {
  int64_t loaded_bytes = 0;
  uint64_t code_start = 0;
  uint64_t code_bytes = 0;
};

// The kernels have no addresses yet. InvalidArgument, naming the field, for a number that is out of
// its range: an index, an offset, an entry outside the code, a size beyond all machines.
absl::StatusOr<runtime::Program> FromMessage(const Program& message, const ProgramLimits& limits);

}  // namespace lluda::bundle

#endif  // LLUDA_BUNDLE_PROGRAM_MESSAGE_H_
