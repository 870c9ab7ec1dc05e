// Rows of an expert_matmul that have one expert, side by side: its operand of an order says where
// they are.
//
//   ForExpertRuns(e, spec, [&](Value* expert, Value* begin, Value* end) {
//     ... ExpertRow(e, spec, begin) ... the indices of the first of them ...
//   });
#ifndef LLUDA_CODEGEN_CPU_MATMUL_EXPERT_ROWS_H_
#define LLUDA_CODEGEN_CPU_MATMUL_EXPERT_ROWS_H_

#include <functional>

#include "codegen/emit/emitter.h"
#include "codegen/kernel_spec.h"

namespace lluda::codegen {

inline bool ChoosesExperts(const KernelSpec& spec) {
  return spec.opcode == ir::Opcode::kExpertMatmul;
}

// Whether indices and order lie as the functions below read them.
bool HasReadableOrder(const KernelSpec& spec);

// The expert of the row with these indices.
Value* ExpertOf(Emitter& e, const KernelSpec& spec, const Indices& row);

// The indices of the row that is the `place`-th in the order.
Indices ExpertRow(Emitter& e, const KernelSpec& spec, Value* place);

// Calls `body` for each longest run of places, [begin, end), whose rows have the same expert.
void ForExpertRuns(Emitter& e, const KernelSpec& spec,
                   const std::function<void(Value* expert, Value* begin, Value* end)>& body);

}  // namespace lluda::codegen

#endif  // LLUDA_CODEGEN_CPU_MATMUL_EXPERT_ROWS_H_
