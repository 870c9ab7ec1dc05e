#include "tools/inspect/ir_plan.h"

#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "base/status_macros.h"
#include "base/step_interface.h"
#include "ir/frame.h"
#include "passes/place/plan_memory.h"
#include "tools/inspect/call_rounds.h"

namespace lluda::tools {
namespace {

using runtime::BufferRef;
using runtime::Entry;
using runtime::Program;
using runtime::Space;

std::string BufferText(const Program& program, const Entry& list, const BufferRef& buffer) {
  std::string text;
  switch (buffer.space) {
    case Space::kFrame:
      return absl::StrCat("frame+", buffer.offset);
    case Space::kLoaded:
      return absl::StrCat("loaded+", buffer.offset);
    case Space::kWeight:
      text = program.weights[buffer.index].tensor;
      break;
    case Space::kState:
      text = program.states[buffer.index].name;
      break;
    case Space::kInput:
      text = list.inputs[buffer.index].name;
      break;
    case Space::kOutput:
      text = "output";
      break;
  }
  if (buffer.offset != 0) absl::StrAppend(&text, "+", buffer.offset);
  return text;
}

std::string CallText(const Program& program, const Entry& list, const runtime::Call& call) {
  std::vector<std::string> buffers;
  for (const BufferRef& buffer : call.buffers) buffers.push_back(BufferText(program, list, buffer));
  const std::string result = buffers.back();
  buffers.pop_back();
  return absl::StrCat(ToString(call.site), "  ", program.kernels[call.kernel].name, "(",
                      absl::StrJoin(buffers, ", "), ") -> ", result, "\n");
}

void AppendCalls(const Program& program, const Entry& list, absl::string_view func,
                 std::string* text) {
  std::vector<runtime::Call> wanted;
  for (const runtime::Call& call : list.calls) {
    if (func.empty() || call.site.function == func) wanted.push_back(call);
  }
  if (wanted.empty()) return;
  absl::StrAppend(text, list.name, ": ", wanted.size(), " calls\n");
  for (const CallRound& round : RoundsOf(wanted)) {
    if (round.times > 1) absl::StrAppend(text, "  ", round.times, " times:\n");
    for (size_t i = round.begin; i < round.end; ++i) {
      const bool beside = i > round.begin && wanted[i].joins_previous;
      absl::StrAppend(text, round.times > 1 ? "    " : "  ", beside ? "& " : "",
                      CallText(program, list, wanted[i]));
    }
  }
}

// A global and how many bytes each of its copies has.
std::string GlobalText(const ir::Global& global, absl::string_view bytes) {
  const int64_t copies = global.index ? global.index->count : 1;
  return absl::StrCat("  @", global.name, ": ", copies == 1 ? "" : absl::StrCat(copies, " x "),
                      bytes, " bytes, ", ir::ToString(global.type), "\n");
}

void AppendGlobals(const ir::Module& module, const Program& program, std::string* text) {
  absl::StrAppend(text, "loaded: ", program.loaded_bytes, " bytes\n");
  for (const auto& global : module.globals()) {
    if (global->kind != ir::Global::Kind::kLoaded) continue;
    absl::StrAppend(text, GlobalText(*global, absl::StrCat(ir::MaxByteSize(global->type, module))));
  }
  absl::StrAppend(text, "states:\n");
  for (const auto& global : module.globals()) {
    if (global->kind != ir::Global::Kind::kState) continue;
    std::string bytes;
    for (const runtime::Tensor& state : program.states) {
      if (state.name.substr(0, state.name.find('[')) != global->name) continue;
      bytes = absl::StrCat(state.factor);
      for (const int symbol : state.symbols) {
        absl::StrAppend(&bytes, " * ", program.symbols[symbol].name);
      }
      break;
    }
    absl::StrAppend(text, GlobalText(*global, bytes));
  }
}

// "workspace: 247504 * ceil(C / 512) bytes for the parts of NAME" for each kernel that takes some.
void AppendWorkspaces(const Program& program, std::string* text) {
  for (const runtime::Kernel& kernel : program.kernels) {
    const runtime::Split& split = kernel.split;
    if (split.below == 0) continue;
    absl::StrAppend(text, "workspace: ", split.unit_bytes * split.units.constant);
    for (const runtime::WorkFactor& factor : split.units.factors) {
      absl::StrAppend(text, " * ceil(", program.symbols[factor.symbol].name, " / ", factor.divisor,
                      ")");
    }
    absl::StrAppend(text, " bytes for the parts of ", kernel.name, "\n");
  }
}

}  // namespace

absl::StatusOr<std::string> PlanText(const ir::Module& module, const runtime::Program& program,
                                     absl::string_view func) {
  absl::ConsumePrefix(&func, "@");
  if (!func.empty() && func != step_interface::kLoad && module.FindFunc(func) == nullptr) {
    return absl::InvalidArgumentError(absl::StrCat("--func: the module has no '", func, "'"));
  }
  ASSIGN_OR_RETURN(std::string frames, passes::PrintMemoryPlan(module));
  std::string text;
  if (func.empty()) absl::StrAppend(&text, "frames: ", program.frame_bytes, " bytes\n");
  bool wanted = false;
  for (absl::string_view line : absl::StrSplit(frames, '\n', absl::SkipEmpty())) {
    if (line[0] == '@') wanted = func.empty() || line.substr(1, line.find(':') - 1) == func;
    if (wanted) absl::StrAppend(&text, line, "\n");
  }
  if (func.empty()) AppendWorkspaces(program, &text);
  if (func.empty()) AppendGlobals(module, program, &text);
  AppendCalls(program, {step_interface::kLoad, {}, {}, program.load}, func, &text);
  for (const Entry& entry : program.entries) AppendCalls(program, entry, func, &text);
  return text;
}

}  // namespace lluda::tools
