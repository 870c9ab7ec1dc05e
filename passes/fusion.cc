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

}  // namespace lluda::passes
