// Decides which activations lie in row blocks (codegen/cpu/emit/row_interleave.h): those that only register tiles
// read, written by kernels that can write blocks. It changes where elements lie, never what they
// are, so the IR does not show it; the kernels' names do.
//
// Example: `%h = rmsnorm ... : bf16 tok[T] hid[1024]`, whose one reader is `matmul %h @wqkv`, lies
// in blocks of 12 rows on avx512bf16; with a second reader of any other kind it would lie
// row-major.
#ifndef LLUDA_CODEGEN_CPU_INTERLEAVED_VALUES_H_
#define LLUDA_CODEGEN_CPU_INTERLEAVED_VALUES_H_

#include "codegen/kernel_spec.h"
#include "codegen/llvm/target.h"
#include "ir/graph.h"

namespace lluda::codegen {

// SpecOf(op), with the block_rows of its result and of a matmul's first operand filled in.
KernelSpec BlockedSpecOf(const ir::Op& op, const Target& target);

}  // namespace lluda::codegen

#endif  // LLUDA_CODEGEN_CPU_INTERLEAVED_VALUES_H_
