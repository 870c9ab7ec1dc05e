// The step of a program as one function with a C signature, for programs without lluda's runtime.
//
//   int NAME_step(const NAME_memory* memory, const int32_t* tokens, int32_t count,
//                 int32_t position, float* logits);
//
// It computes `count` tokens of one text, the first of them at `position`, on the calling thread,
// and writes the logits of the last one; it returns 0, or -1 if the numbers are out of range.
// Kernels are called in the order of the entry `step`, each with all of its work items.
#ifndef LLUDA_CODEGEN_LLVM_STEP_FUNCTION_H_
#define LLUDA_CODEGEN_LLVM_STEP_FUNCTION_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "llvm/IR/Module.h"
#include "runtime/program.h"

namespace lluda::codegen {

// What a caller has to know. The memory that it brings, each block at a multiple of 64. NAME_memory holds pointers to
// the weights (program.loaded_bytes), the states, the frame and the scratch, in this order.
struct StepMemory {
  int64_t state_bytes = 0;  // zero at first; kept from step to step
  int64_t frame_bytes = 0;
  int64_t scratch_bytes = 0;
  // By how many tokens, of the most that a text has had, it may go back and compute others.
  int64_t max_back = 0;
};

// Adds the function NAME_step to a module that defines all kernels of the program, by their names.
// These become internal, and those that the step does not call are removed. The program is a
// loaded one with an entry `step`: what that reads is in the loaded memory. InvalidArgument if its
// symbols or inputs are not those of a language model's step, or hold fewer tokens than asked for.
absl::StatusOr<StepMemory> EmitStepFunction(const runtime::Program& program,
                                            const std::string& name, int64_t context,
                                            int64_t max_step, llvm::Module* module);

}  // namespace lluda::codegen

#endif  // LLUDA_CODEGEN_LLVM_STEP_FUNCTION_H_
