#include "tools/ir/ir_plan.h"

#include <set>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "base/json/json_writer.h"
#include "base/status_macros.h"
#include "base/step_interface.h"
#include "codegen/cpu/cpu_compile.h"
#include "codegen/llvm/target.h"
#include "codegen/nvptx/gpu_backend.h"
#include "ir/frame.h"
#include "passes/place/plan_memory.h"
#include "tools/ir/call_rounds.h"

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

PlannedCall CallOf(const Program& program, const Entry& list, const runtime::Call& call) {
  PlannedCall planned{ToString(call.site), program.kernels[call.kernel].name, {}, "", false};
  size_t next = 0;
  for (const runtime::CallPart& part : runtime::PartsOf(call)) {
    const size_t result = next + part.buffers - 1;
    for (; next < result; ++next) {
      planned.reads.push_back(BufferText(program, list, call.buffers[next]));
    }
    absl::StrAppend(&planned.writes, planned.writes.empty() ? "" : ", ",
                    BufferText(program, list, call.buffers[next++]));
  }
  return planned;
}

// Nothing is added if none of its calls is wanted.
void AddEntry(const Program& program, const Entry& list, absl::string_view func, IrPlan* plan) {
  std::vector<runtime::Call> wanted;
  for (const runtime::Call& call : list.calls) {
    if (func.empty() || call.site.function == func) wanted.push_back(call);
  }
  if (wanted.empty()) return;
  PlannedEntry entry{list.name, static_cast<int64_t>(wanted.size()), {}};
  for (const CallRound& round : RoundsOf(wanted)) {
    PlannedRound planned{round.times, {}};
    for (size_t i = round.begin; i < round.end; ++i) {
      planned.calls.push_back(CallOf(program, list, wanted[i]));
      planned.calls.back().beside_previous = i > round.begin && wanted[i].joins_previous;
    }
    entry.rounds.push_back(std::move(planned));
  }
  plan->entries.push_back(std::move(entry));
}

PlannedGlobal GlobalOf(const ir::Global& global, int64_t bytes) {
  return {
      global.name, global.index ? global.index->count : 1, bytes, {}, ir::ToString(global.type)};
}

// What the parts of a call leave in a kernel's workspace.
PlannedWorkspace WorkspaceOf(const Program& program, const runtime::Kernel& kernel, int binding) {
  const runtime::Work& units = kernel.split.units;
  PlannedWorkspace workspace{kernel.name, kernel.split.unit_bytes * units.constant, {}};
  for (const runtime::WorkFactor& factor : units.factors) {
    runtime::Dim dim{factor.symbol};
    if (binding >= 0) {
      dim = program.bindings[static_cast<size_t>(binding)][static_cast<size_t>(factor.symbol)];
    }
    if (dim.symbol < 0) {
      workspace.bytes *= runtime::Work{1, {{0, factor.divisor, factor.more}}}.Count(&dim.value);
    } else {
      workspace.factors.push_back(
          {program.symbols[static_cast<size_t>(dim.symbol)].name, factor.divisor, factor.more});
    }
  }
  return workspace;
}

// One for each kernel that cuts items, and each binding that it is called with.
std::vector<PlannedWorkspace> WorkspacesOf(const Program& program) {
  std::set<std::pair<uint32_t, int>> cutting;
  const auto add = [&](uint32_t kernel, int binding) {
    if (program.kernels[kernel].split.below > 0) cutting.insert({kernel, binding});
  };
  const auto add_all = [&](const std::vector<runtime::Call>& calls) {
    for (const runtime::Call& call : calls) {
      const runtime::Kernel& kernel = program.kernels[call.kernel];
      add(call.kernel, call.binding);
      if (kernel.many_symbol >= 0) add(kernel.many, call.binding);
    }
  };
  add_all(program.load);
  for (const runtime::Entry& entry : program.entries) add_all(entry.calls);
  std::vector<PlannedWorkspace> workspaces;
  for (const auto& [kernel, binding] : cutting) {
    workspaces.push_back(WorkspaceOf(program, program.kernels[kernel], binding));
  }
  return workspaces;
}

PlannedMemory MemoryOf(const ir::Module& module, const Program& program) {
  PlannedMemory memory;
  memory.frame_bytes = program.frame_bytes;
  memory.loaded_bytes = program.loaded_bytes;
  memory.workspaces = WorkspacesOf(program);
  for (const auto& global : module.globals()) {
    if (global->kind == ir::Global::Kind::kLoaded) {
      memory.loaded.push_back(GlobalOf(*global, ir::MaxByteSize(global->type, module)));
    }
    if (global->kind != ir::Global::Kind::kState) continue;
    PlannedGlobal planned = GlobalOf(*global, 0);
    planned.copies = 0;  // those that an entry touches
    for (const runtime::Tensor& state : program.states) {
      if (state.name.substr(0, state.name.find('[')) != global->name) continue;
      planned.bytes = state.factor;
      if (planned.copies++ > 0) continue;
      for (const int symbol : state.symbols) {
        planned.symbols.push_back(program.symbols[symbol].name);
      }
    }
    if (planned.copies > 0) memory.states.push_back(std::move(planned));
  }
  return memory;
}

std::string GlobalText(const PlannedGlobal& global) {
  return absl::StrCat("  @", global.name, ": ",
                      global.copies == 1 ? "" : absl::StrCat(global.copies, " x "), global.bytes,
                      global.symbols.empty() ? "" : " * ", absl::StrJoin(global.symbols, " * "),
                      " bytes, ", global.type, "\n");
}

void AppendMemory(const PlannedMemory& memory, std::string* text) {
  for (const PlannedWorkspace& workspace : memory.workspaces) {
    absl::StrAppend(text, "workspace: ", workspace.bytes);
    for (const PlannedWorkspace::Factor& factor : workspace.factors) {
      const std::string more = factor.more > 0 ? absl::StrCat(" + ", factor.more) : "";
      absl::StrAppend(text, " * ceil(", more.empty() ? "" : "(", factor.symbol, more,
                      more.empty() ? "" : ")", " / ", factor.divisor, ")");
    }
    absl::StrAppend(text, " bytes for the parts of ", workspace.kernel, "\n");
  }
  absl::StrAppend(text, "loaded: ", memory.loaded_bytes, " bytes\n");
  for (const PlannedGlobal& global : memory.loaded) absl::StrAppend(text, GlobalText(global));
  absl::StrAppend(text, "states:\n");
  for (const PlannedGlobal& global : memory.states) absl::StrAppend(text, GlobalText(global));
}

void AppendEntry(const PlannedEntry& entry, std::string* text) {
  absl::StrAppend(text, entry.name, ": ", entry.calls, " calls\n");
  for (const PlannedRound& round : entry.rounds) {
    if (round.times > 1) absl::StrAppend(text, "  ", round.times, " times:\n");
    for (const PlannedCall& call : round.calls) {
      absl::StrAppend(text, round.times > 1 ? "    " : "  ", call.beside_previous ? "& " : "",
                      call.name, "  ", call.kernel, "(", absl::StrJoin(call.reads, ", "), ") -> ",
                      call.writes, "\n");
    }
  }
}

// Puts one value after another into a document.
class PlanWriter {
 public:
  std::string Write(const IrPlan& plan) {
    json_.BeginDocument("lluda.ir_plan/1");
    if (plan.memory) Put(*plan.memory);
    PutAll("frames", plan.frames);
    PutAll("entries", plan.entries);
    return json_.EndDocument();
  }

 private:
  // An array of what has a Put of its own.
  template <typename T>
  void PutAll(const char* key, const std::vector<T>& values) {
    json_.Key(key).BeginArray();
    for (const T& value : values) {
      json_.BeginObject();
      Put(value);
      json_.EndObject();
    }
    json_.EndArray();
  }

  void Put(const PlannedMemory& memory) {
    json_.Key("frame_bytes").Int(memory.frame_bytes);
    json_.Key("loaded_bytes").Int(memory.loaded_bytes);
    PutAll("workspaces", memory.workspaces);
    PutAll("loaded", memory.loaded);
    PutAll("states", memory.states);
  }

  void Put(const PlannedWorkspace& workspace) {
    json_.Key("kernel").String(workspace.kernel);
    json_.Key("bytes").Int(workspace.bytes);
    PutAll("factors", workspace.factors);
  }

  void Put(const PlannedWorkspace::Factor& factor) {
    json_.Key("symbol").String(factor.symbol);
    json_.Key("divisor").Int(factor.divisor);
    json_.Key("more").Int(factor.more);
  }

  void Put(const PlannedGlobal& global) {
    json_.Key("name").String(global.name);
    json_.Key("copies").Int(global.copies);
    json_.Key("bytes").Int(global.bytes);
    json_.Key("symbols").Strings(global.symbols);
    json_.Key("type").String(global.type);
  }

  void Put(const PlannedFrame& frame) {
    json_.Key("func").String(frame.func);
    json_.Key("bytes").Int(frame.bytes);
    PutAll("values", frame.values);
  }

  void Put(const PlannedValue& value) {
    json_.Key("name").String(value.name);
    json_.Key("offset").Int(value.offset);
    json_.Key("bytes").Int(value.bytes);
    json_.Key("first").Int(value.first);
    json_.Key("last").Int(value.last);
  }

  void Put(const PlannedEntry& entry) {
    json_.Key("name").String(entry.name);
    json_.Key("calls").Int(entry.calls);
    PutAll("rounds", entry.rounds);
  }

  void Put(const PlannedRound& round) {
    json_.Key("times").Int(round.times);
    PutAll("calls", round.calls);
  }

  void Put(const PlannedCall& call) {
    json_.Key("name").String(call.name);
    json_.Key("kernel").String(call.kernel);
    json_.Key("reads").Strings(call.reads);
    json_.Key("writes").String(call.writes);
    json_.Key("beside_previous").Bool(call.beside_previous);
  }

  base::JsonWriter json_;
};

}  // namespace

absl::StatusOr<IrPlan> PlanOf(const ir::Module& module, const Program& program,
                              absl::string_view func) {
  absl::ConsumePrefix(&func, "@");
  if (!func.empty() && func != step_interface::kLoad && module.FindFunc(func) == nullptr) {
    return absl::InvalidArgumentError(absl::StrCat("--func: the module has no '", func, "'"));
  }
  IrPlan plan;
  if (func.empty()) plan.memory = MemoryOf(module, program);
  for (const auto& planned : module.funcs()) {
    if (!func.empty() && planned->name != func) continue;
    ASSIGN_OR_RETURN(passes::MemoryPlan memory, passes::PlanFunc(*planned));
    PlannedFrame frame{planned->name, memory.frame_bytes, {}};
    for (const passes::PlannedBuffer& buffer : memory.buffers) {
      frame.values.push_back(
          {buffer.op->result()->name, buffer.offset, buffer.bytes, buffer.first, buffer.last});
    }
    plan.frames.push_back(std::move(frame));
  }
  AddEntry(program, {step_interface::kLoad, {}, {}, program.load}, func, &plan);
  for (const Entry& entry : program.entries) AddEntry(program, entry, func, &plan);
  return plan;
}

absl::StatusOr<IrPlan> CompiledPlanOf(const ir::Module& module, absl::string_view func,
                                      machine::DeviceKind device) {
  if (device == machine::DeviceKind::kCpu) {
    ASSIGN_OR_RETURN(codegen::CompiledModule compiled,
                     codegen::Compile(module, codegen::Target::Host(), {}));
    return PlanOf(module, compiled.program, func);
  }
  const codegen::Target host = codegen::Target::Host();
  const std::vector<std::string> symbols = codegen::SymbolNames(module);
  codegen::GpuBackend backend(&codegen::AllGpus().back(), host, symbols);
  codegen::KernelSet kernels(&backend, symbols);
  ASSIGN_OR_RETURN(const Program program,
                   codegen::BuildProgram(module, {step_interface::kStep}, &kernels));
  return PlanOf(module, program, func);
}

std::string PlanText(const IrPlan& plan) {
  std::string text;
  if (plan.memory) absl::StrAppend(&text, "frames: ", plan.memory->frame_bytes, " bytes\n");
  for (const PlannedFrame& frame : plan.frames) {
    absl::StrAppend(&text, "@", frame.func, ": ", frame.bytes, " bytes\n");
    for (const PlannedValue& value : frame.values) {
      absl::StrAppend(&text, "  %", value.name, " at ", value.offset, ", ", value.bytes,
                      " bytes, statements ", value.first, "..", value.last, "\n");
    }
  }
  if (plan.memory) AppendMemory(*plan.memory, &text);
  for (const PlannedEntry& entry : plan.entries) AppendEntry(entry, &text);
  return text;
}

std::string PlanJson(const IrPlan& plan) { return PlanWriter().Write(plan); }

}  // namespace lluda::tools
