// LLVM's list of targets, and what it is told of how to compile for them. Both happen once, whichever thread
// is first: two that add to the list at a time would each add what the other one has added.
//
//   RegisterTargets();
//   llvm::TargetRegistry::lookupTarget("nvptx64-nvidia-cuda", problem);
#ifndef LLUDA_CODEGEN_LLVM_LLVM_TARGETS_H_
#define LLUDA_CODEGEN_LLVM_LLVM_TARGETS_H_

namespace lluda::codegen {

// This machine's, with its disassembler, and PTX. Nothing else of lluda adds to the list.
void RegisterTargets();

}  // namespace lluda::codegen

#endif  // LLUDA_CODEGEN_LLVM_LLVM_TARGETS_H_
