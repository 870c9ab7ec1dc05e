// Gives every value that owns a buffer a place in its function's frame; values that are never alive
// at the same time share bytes.
//
// Before:
//   %a = exp %x : f32 tok[T]
//   %b = cos %a : f32 tok[T]
//   %c = sin %b : f32 tok[T]
//   return %c
// After:
//   %a = exp %x : f32 tok[T] in 0
//   %b = cos %a : f32 tok[T] in 2048
//   %c = sin %b : f32 tok[T]
//   return %c
//
// Own no buffer: views (they keep their base alive instead), appends (the state is theirs), the
// returned value (it lies where the caller says), loops and what they carry. A loop alternates
// between the buffers of its initial and its yielded value, so both stay until the last use of the
// loop's result. What a loop's body reads from outside stays until the loop ends.
//
// Offsets are multiples of ir::kFrameAlignment; sizes are those at the symbols' maxima. Buffers are
// placed largest first, each into the smallest gap that holds it (the greedy-by-size planner of
// Pisarchyk and Lee, "Efficient Memory Management for Deep Neural Net Inference", 2020).
//
// Fails when a loop cannot alternate: its initial value is no buffer of the function or is read
// elsewhere too, or what it yields is not computed in its body.
// Needs: to be last. A pass that changes the function afterwards makes the plan wrong.
#ifndef LLUDA_PASSES_PLACE_PLAN_MEMORY_H_
#define LLUDA_PASSES_PLACE_PLAN_MEMORY_H_

#include <cstdint>
#include <string>
#include <vector>

#include "passes/framework/pass.h"

namespace lluda::passes {

// One buffer. Statements are numbered in program order, loop bodies included; the buffer is in use
// from statement `first` to statement `last`, both included.
struct PlannedBuffer {
  ir::Op* op = nullptr;  // the statement whose result it holds
  int64_t offset = 0;
  int64_t bytes = 0;
  int first = 0;
  int last = 0;
};

struct MemoryPlan {
  std::vector<PlannedBuffer> buffers;  // in program order
  int64_t frame_bytes = 0;
};

absl::StatusOr<MemoryPlan> PlanFunc(const ir::Func& func);

// Whether the places that the statements have, perhaps by hand, are a plan: each buffer has one, at
// a multiple of ir::kFrameAlignment, and shares no byte with another one while both are in use.
// FailedPrecondition for a missing place, else InvalidArgument; both begin with ir::PlaceOf.
absl::Status CheckMemoryPlan(const ir::Module& module);

// The plan of every function as text, one buffer a line:
//   @attn: 8192 bytes
//     %h0 at 0, 4096 bytes, statements 0..1
absl::StatusOr<std::string> PrintMemoryPlan(const ir::Module& module);

// FailedPrecondition, too, for a gather that copies more than 1 GiB of weights: that is what a mixture
// of experts does before fuse-experts.
class PlanMemory : public Pass {
 public:
  absl::string_view name() const override { return "plan-memory"; }
  absl::StatusOr<bool> Run(ir::Module* module) override;
};

}  // namespace lluda::passes

#endif  // LLUDA_PASSES_PLACE_PLAN_MEMORY_H_
