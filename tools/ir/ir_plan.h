// What a module is compiled to: where everything lies in memory, and the calls in order. What `ir
// --plan` prints.
//
//   absl::StatusOr<IrPlan> plan = PlanOf(module, program, "attn");
//   PlanText(*plan);
//   frames: 9699328 bytes
//   @attn: 9437184 bytes
//     %h at 8388608, 1048576 bytes, statements 0..1
//   ...
//   step: 427 calls
//     28 times:
//       attn[0].h  rmsnorm_f32_bf16_bf16_d0x1024_avx512bf16_9(frame+65536, model...) ->
//       frame+8454144
//       ...
//       & attn[0].vs  ...          & runs side by side with the call above
#ifndef LLUDA_TOOLS_IR_IR_PLAN_H_
#define LLUDA_TOOLS_IR_IR_PLAN_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "ir/graph.h"
#include "machine/tiles.h"
#include "runtime/program.h"

namespace lluda::tools {

// What a value occupies of its function's frame, from the statement that computes it to the last
// that reads it.
struct PlannedValue {
  std::string name;  // without '%'
  int64_t offset = 0;
  int64_t bytes = 0;
  int first = 0;
  int last = 0;
};

struct PlannedFrame {
  std::string func;  // without '@'
  int64_t bytes = 0;
  std::vector<PlannedValue> values;
};

// `bytes` times ceil((symbol + more) / divisor) for each factor, for the parts that a kernel's
// items are cut into.
struct PlannedWorkspace {
  struct Factor {
    std::string symbol;
    int64_t divisor = 1;
    int64_t more = 0;
  };
  std::string kernel;
  int64_t bytes = 0;
  std::vector<Factor> factors;
};

// A global: each of its copies has `bytes` times the values of the symbols.
struct PlannedGlobal {
  std::string name;  // without '@'
  int64_t copies = 1;
  int64_t bytes = 0;
  std::vector<std::string> symbols;
  std::string type;
};

struct PlannedCall {
  std::string name;  // "attn[0].q4"
  std::string kernel;
  std::vector<std::string> reads;  // "frame+65536", "loaded+0", a weight's or a state's name
  std::string writes;              // of several statements, by commas
  bool beside_previous = false;    // runs side by side with the call before it
};

// Calls that run `times` times, each time for another layer; the first layer's are told.
struct PlannedRound {
  int64_t times = 1;
  std::vector<PlannedCall> calls;
};

struct PlannedEntry {
  std::string name;  // "load", "step"
  int64_t calls = 0;
  std::vector<PlannedRound> rounds;
};

// Of a whole module.
struct PlannedMemory {
  int64_t frame_bytes = 0;
  int64_t loaded_bytes = 0;
  std::vector<PlannedWorkspace> workspaces;
  std::vector<PlannedGlobal> loaded;
  std::vector<PlannedGlobal> states;
};

struct IrPlan {
  std::optional<PlannedMemory> memory;  // nothing if only a function was asked for
  std::vector<PlannedFrame> frames;
  std::vector<PlannedEntry> entries;
};

// Of one function ("attn", "@attn", "load") or, if `func` is empty, of the whole module, which has
// gone through plan-memory and was compiled to `program`. InvalidArgument if there is no such
// function.
absl::StatusOr<IrPlan> PlanOf(const ir::Module& module, const runtime::Program& program,
                              absl::string_view func);
// The same of a module that is compiled first, for this machine or for the newest GPU that there is
// code for; errors are codegen::Compile's, too.
absl::StatusOr<IrPlan> CompiledPlanOf(const ir::Module& module, absl::string_view func,
                                      machine::DeviceKind device = machine::DeviceKind::kCpu);

std::string PlanText(const IrPlan& plan);
std::string PlanJson(const IrPlan& plan);

}  // namespace lluda::tools

#endif  // LLUDA_TOOLS_IR_IR_PLAN_H_
