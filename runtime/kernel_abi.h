// The one signature every compiled kernel has. Plain C types only: the code generator writes
// against this layout and a bundle can be run by any program that knows it.
//
// Example: a matmul is called with buffers = {a, b, result}, dims = {the number of tokens}, and
// [begin, end) = the panels this thread computes.
#ifndef LLUDA_RUNTIME_KERNEL_ABI_H_
#define LLUDA_RUNTIME_KERNEL_ABI_H_

#include <cstddef>
#include <cstdint>

namespace lluda::runtime {

struct KernelArgs {
  void* const* buffers;  // the operands' first elements in order, then the result's
  const int64_t* dims;   // what the call binds, or all symbols' values (Call::binding)
  void* scratch;         // this thread's own memory, Kernel::scratch_bytes, 64-byte aligned
  int64_t begin;         // work items [begin, end), or parts of them
  int64_t end;
  // The call's items are cut into so many parts each (Kernel::split), and [begin, end) counts
  // parts: part i is the (i % parts)-th of item i / parts.
  int64_t parts = 1;
  void* workspace = nullptr;  // with parts > 1, memory that all parts of a call share
  // This thread's own, or null: a kernel that may leave out columns of a matmul adds those that it
  // computes.
  int64_t* computed = nullptr;
};

using KernelFn = void (*)(const KernelArgs*);

static_assert(offsetof(KernelArgs, buffers) == 0 && offsetof(KernelArgs, dims) == 8 &&
                  offsetof(KernelArgs, scratch) == 16 && offsetof(KernelArgs, begin) == 24 &&
                  offsetof(KernelArgs, end) == 32 && offsetof(KernelArgs, parts) == 40 &&
                  offsetof(KernelArgs, workspace) == 48 && offsetof(KernelArgs, computed) == 56,
              "codegen/emit/emitter.cc addresses the fields by these offsets");

}  // namespace lluda::runtime

#endif  // LLUDA_RUNTIME_KERNEL_ABI_H_
