// What LLVM does where it cannot go on. Left alone, it ends the process with a signal.
//
//   SetLlvmErrorHandler([](const char* reason) { ... _exit(1); });
#ifndef LLUDA_CODEGEN_LLVM_LLVM_ERRORS_H_
#define LLUDA_CODEGEN_LLVM_LLVM_ERRORS_H_

namespace lluda::codegen {

// From now on LLVM calls `fail`, which must not return, instead: where memory is not to be had, and
// for any error that LLVM has no better way to report. It may not allocate. Once in a process.
void SetLlvmErrorHandler(void (*fail)(const char* reason));

}  // namespace lluda::codegen

#endif  // LLUDA_CODEGEN_LLVM_LLVM_ERRORS_H_
