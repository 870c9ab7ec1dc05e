// Compiled kernels; the code lives as long as this object.
#ifndef LLUDA_CODEGEN_KERNEL_LIBRARY_H_
#define LLUDA_CODEGEN_KERNEL_LIBRARY_H_

#include <string>

#include "runtime/kernel_abi.h"

namespace lluda::codegen {

class KernelLibrary {
 public:
  virtual ~KernelLibrary() = default;
  // nullptr when no kernel has that name, and where the host cannot call them.
  virtual runtime::KernelFn Find(const std::string& name) const = 0;
};

}  // namespace lluda::codegen

#endif  // LLUDA_CODEGEN_KERNEL_LIBRARY_H_
