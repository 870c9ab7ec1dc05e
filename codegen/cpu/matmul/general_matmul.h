// A matmul whose operands lie in no panels: on register tiles where value_matmul.h can, else one dot
// product per result element.
#ifndef LLUDA_CODEGEN_CPU_MATMUL_GENERAL_MATMUL_H_
#define LLUDA_CODEGEN_CPU_MATMUL_GENERAL_MATMUL_H_

#include "codegen/emit/op_emitter.h"

namespace lluda::codegen {

// Unimplemented, with the reason, if it multiplies integers, sums over several axes, an operand is
// in panels or the result has no axis.
absl::StatusOr<KernelInfo> EmitGeneralMatmul(const KernelSpec& spec, Emitter& e);

}  // namespace lluda::codegen

#endif  // LLUDA_CODEGEN_CPU_MATMUL_GENERAL_MATMUL_H_
