#include "passes/fuse/match/fusion.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "passes/framework/rewrite.h"

namespace lluda::passes {

Miss MissAt(const ir::Op& op, std::string reason) {
  return {FuncName(*op.parent()), StatementName(op), std::move(reason)};
}

bool IsF32(const ir::Op& op) { return op.result_type().dtype == ir::DType::kF32; }

bool HasNoEpilogue(const ir::Op& op) { return op.attrs.epilogue.empty(); }

bool ReadsNoState(const ir::Op& op) { return !ReadsState(op); }

Pattern MatmulBefore(ir::EpilogueStep step, ir::Opcode opcode) {
  return ResultOf(opcode)
      .Where(absl::StrCat("have no epilogue that ", Info(step).name, " cannot follow"),
             [step](const ir::Op& op) { return op.attrs.epilogue.Takes(step); })
      .Where(kBeF32, IsF32)
      .Where(kNotReadAState, ReadsNoState);
}

std::string ExplainEpilogue(const ir::Op& matmul, const ir::StepInfo& step) {
  return absl::StrCat("'", StatementName(matmul), "' has the epilogue ",
                      matmul.attrs.epilogue.ToString(), ", which ", step.name, " cannot follow");
}

std::vector<ir::Axis> ColumnsOf(const ir::Op& matmul) {
  std::vector<ir::Axis> columns;
  for (const ir::Axis& axis : matmul.result_type().axes) {
    if (!matmul.operand(0).type().HasAxis(axis.name)) columns.push_back(axis);
  }
  return columns;
}

std::string ExplainType(const ir::Operand& operand, const ir::Type& expected) {
  if (operand.type() == expected) return "";
  return absl::StrCat(OperandText(operand), " is ", ToString(operand.type()), ", expected ",
                      ToString(expected));
}

ir::Op* Producer(const ir::Operand& operand) {
  return operand.value != nullptr ? operand.value->def() : nullptr;
}

}  // namespace lluda::passes
