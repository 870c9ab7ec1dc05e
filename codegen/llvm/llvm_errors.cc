#include "codegen/llvm/llvm_errors.h"

#include "llvm/Support/ErrorHandling.h"

namespace lluda::codegen {

void SetLlvmErrorHandler(void (*fail)(const char* reason)) {
  const auto handler = [](void* fail_function, const char* reason, bool) {
    reinterpret_cast<void (*)(const char*)>(fail_function)(reason);
  };
  void* const data = reinterpret_cast<void*>(fail);
  llvm::install_fatal_error_handler(handler, data);
  llvm::install_bad_alloc_error_handler(handler, data);
}

}  // namespace lluda::codegen
