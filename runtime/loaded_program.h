// A program whose load list has run: the entries alone, which read weights from loaded memory only.
// What a bundle holds.
//
//   LoadedProgram loaded = MakeLoadedProgram(executable.program());
//   // its loaded memory: the executable's, then each kept weight at its offset
#ifndef LLUDA_RUNTIME_LOADED_PROGRAM_H_
#define LLUDA_RUNTIME_LOADED_PROGRAM_H_

#include <cstdint>
#include <vector>

#include "runtime/program.h"

namespace lluda::runtime {

struct LoadedProgram {
  Program program;
  // Weights that entries read as the checkpoint has them: indices into the original program's
  // weights, and where they go in the loaded memory, behind all that was there.
  struct Kept {
    uint32_t weight = 0;
    int64_t offset = 0;
  };
  std::vector<Kept> kept;
};

// Without the load list and the kernels that only it called.
LoadedProgram MakeLoadedProgram(const Program& program);

}  // namespace lluda::runtime

#endif  // LLUDA_RUNTIME_LOADED_PROGRAM_H_
