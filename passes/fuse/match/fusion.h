// What the fusion passes share: a walk that allows rewriting, and near misses.
//
//   RewriteEachOp(module, [&](ir::Op* op) {
//     if (op->opcode() != Opcode::kConcat) return;
//     ...
//     misses_.push_back(MissAt(*op, "'qlo' has 2 uses, expected 1"));
//   });
#ifndef LLUDA_PASSES_FUSE_MATCH_FUSION_H_
#define LLUDA_PASSES_FUSE_MATCH_FUSION_H_

#include <string>
#include <vector>

#include "ir/graph.h"
#include "passes/framework/pass.h"
#include "passes/fuse/match/matcher.h"

namespace lluda::passes {

// The near miss at this statement.
Miss MissAt(const ir::Op& op, std::string reason);

// Conditions for Pattern::Where, with the words that complete "must ...".
inline constexpr char kBeF32[] = "be f32";
bool IsF32(const ir::Op& op);
inline constexpr char kHaveNoEpilogue[] = "have no epilogue";
bool HasNoEpilogue(const ir::Op& op);
// A fused op stands where the last of its statements stood; a read that it takes over must not move
// behind an append to the same state.
inline constexpr char kNotReadAState[] = "not read a state";
bool ReadsNoState(const ir::Op& op);

// A matmul, or an expert_matmul, into which `step` can be fused: it is f32 and reads no state, and its epilogue is one
// that the step may follow.
Pattern MatmulBefore(ir::EpilogueStep step, ir::Opcode opcode = ir::Opcode::kMatmul);
// "'y0' has the epilogue silu_mul, which add cannot follow".
std::string ExplainEpilogue(const ir::Op& matmul, const ir::StepInfo& step);
// The axes of a matmul's result that its first operand lacks.
std::vector<ir::Axis> ColumnsOf(const ir::Op& matmul);

// "%x is f32 hid[4], expected f32 tok[T] hid[4]"; "" when it is.
std::string ExplainType(const ir::Operand& operand, const ir::Type& expected);

// The op that computes the operand; nullptr for a global, a parameter and what a loop carries.
ir::Op* Producer(const ir::Operand& operand);

// Calls `visit` for every op of the block and of the loops inside it, in execution order. Unlike
// ir::ForEachOp it lets `visit` replace or erase the op it is given and ops before that one.
template <typename Visit>
void RewriteEachOp(ir::Block* block, const Visit& visit) {
  for (auto it = block->ops().begin(); it != block->ops().end();) {
    ir::Op* op = it->get();
    ++it;
    if (op->body != nullptr) RewriteEachOp(op->body.get(), visit);
    visit(op);
  }
}
// The same for every function. The load block is left out: what it computes is not fused.
template <typename Visit>
void RewriteEachOp(ir::Module* module, const Visit& visit) {
  for (const auto& func : module->funcs()) RewriteEachOp(&func->body, visit);
}

}  // namespace lluda::passes

#endif  // LLUDA_PASSES_FUSE_MATCH_FUSION_H_
