#include "passes/fusion.h"

#include <utility>

#include "passes/rewrite.h"

namespace lluda::passes {

Miss MissAt(const ir::Op& op, std::string reason) {
  return {FuncName(*op.parent()), StatementName(op), std::move(reason)};
}

bool IsF32(const ir::Op& op) { return op.result_type().dtype == ir::DType::kF32; }

bool HasNoEpilogue(const ir::Op& op) { return op.attrs.epilogue == ir::Epilogue::kNone; }

bool ReadsNoState(const ir::Op& op) { return !ReadsState(op); }

Pattern PlainMatmul(ir::Operand* a, ir::Operand* b) {
  return OpOf(ir::Opcode::kMatmul, {Any().Capture(a), Any().Capture(b)})
      .Where(kHaveNoEpilogue, HasNoEpilogue)
      .Where(kBeF32, IsF32)
      .Where(kNotReadAState, ReadsNoState);
}

ir::Op* Producer(const ir::Operand& operand) {
  return operand.value != nullptr ? operand.value->def() : nullptr;
}

}  // namespace lluda::passes
