// Machine code that is linked already, as assembly, to be read: with labels where it jumps to, the
// names of functions that it calls, and the constants that it reads.
//
//   MachineCode code{bytes, /*code_start=*/4096, {{4096, "rope_f32_bf16"}, {4608, "softmax"}}};
//   absl::StatusOr<std::string> text = Disassembly(code, "rope_f32_bf16");
//   // rope_f32_bf16:
//   //         movq    (%rdi), %rax
//   //         vmulps  .LC0(%rip), %zmm0, %zmm1
//   //         jb      .L0
//   //   ...
//   // .LC0:
//   //         .long   0x3f800000, 0x3f800000, ...
#ifndef LLUDA_CODEGEN_LLVM_DISASSEMBLY_H_
#define LLUDA_CODEGEN_LLVM_DISASSEMBLY_H_

#include <cstdint>
#include <map>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace lluda::codegen {

// Constants, and from `code_start` on functions, each of which ends where the next one starts.
struct MachineCode {
  absl::string_view bytes;
  uint64_t code_start = 0;
  std::map<uint64_t, std::string> functions;  // by where they start in `bytes`
};

// The function `name` in AT&T's syntax. Of a constant as many bytes are shown as lie before the
// next one that a function reads, but 64 at most. NotFound if there is no such function,
// InvalidArgument, naming the function, where there is no instruction.
absl::StatusOr<std::string> Disassembly(const MachineCode& code, absl::string_view name);

}  // namespace lluda::codegen

#endif  // LLUDA_CODEGEN_LLVM_DISASSEMBLY_H_
