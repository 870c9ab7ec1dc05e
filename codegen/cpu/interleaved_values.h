// Decides which activations have their rows interleaved (codegen/cpu/emit/row_interleave.h): those
// that only register tiles read, and that kernels write which can interleave. It changes where
// elements lie, never what they are. The IR does not show it; the kernels' names do.
//
// Example: `%h = rmsnorm ... : bf16 tok[T] hid[1024]`, whose one reader is `matmul %h @wqkv`, has
// groups of 12 rows on avx512bf16. With a second reader of any other kind it would lie row-major.
#ifndef LLUDA_CODEGEN_CPU_INTERLEAVED_VALUES_H_
#define LLUDA_CODEGEN_CPU_INTERLEAVED_VALUES_H_

#include "codegen/kernel_spec.h"
#include "codegen/llvm/target.h"
#include "ir/graph.h"

namespace lluda::codegen {

// SpecOf(op), with the interleaved_rows of its result and of a matmul's first operand filled in.
KernelSpec InterleavedSpecOf(const ir::Op& op, const Target& target);

}  // namespace lluda::codegen

#endif  // LLUDA_CODEGEN_CPU_INTERLEAVED_VALUES_H_
