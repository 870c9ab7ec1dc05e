// A runtime::Program as a message of header.proto, and back. A bundle holds the step alone: its
// weights lie packed in the file, and nothing is left to load.
//
//   StepProgram step = MakeStepProgram(executable.program());
//   *header.mutable_program() = ToMessage(step.program, entries);
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

// The step list of a program, without the load list and the kernels that only it called.
struct StepProgram {
  runtime::Program program;
  // Weights that the step reads as the checkpoint has them: indices into the original program's
  // weights, and where they go in the loaded memory, behind all that was there.
  struct Kept {
    uint32_t weight = 0;
    int64_t offset = 0;
  };
  std::vector<Kept> kept;
};
StepProgram MakeStepProgram(const runtime::Program& program);

// `entries`: where each kernel starts in the code. The program must be of the step alone.
Program ToMessage(const runtime::Program& program, absl::Span<const int64_t> entries);

// A kernel alone, which starts at `entry`; and back, for a program with so many symbols.
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
