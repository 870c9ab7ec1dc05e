// What `lluda --version` prints: enough to tell whether two programs compile the same code.
//
//   lluda 0.1
//   LLVM 19.1.7
//   code generator 5e1f0c3a9b7d2468
//   CPU znver5, instruction set avx512bf16
#ifndef LLUDA_CLI_FLAGS_VERSION_H_
#define LLUDA_CLI_FLAGS_VERSION_H_

#include <string>

namespace lluda::cli {

// Without a newline at its end. The code generator is known by a hash of its sources, the CPU by
// LLVM's name and the newest row of codegen/isa.def that it runs.
std::string VersionText();

}  // namespace lluda::cli

#endif  // LLUDA_CLI_FLAGS_VERSION_H_
