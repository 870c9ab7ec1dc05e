#include "codegen/compile.h"

#include <algorithm>
#include <map>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "bundle/program_message.h"
#include "codegen/blocks.h"
#include "codegen/kernel_set.h"
#include "codegen/regions.h"
#include "ir/frame.h"
#include "ir/view.h"

namespace lluda::codegen {
namespace {

using runtime::BufferRef;
using runtime::Space;

constexpr int64_t kAlignment = 64;

int64_t RoundUp(int64_t bytes, int64_t multiple) {
  return (bytes + multiple - 1) / multiple * multiple;
}

// Values and indices of one activation of a function.
struct Activation {
  std::string name;  // "attn[3]"
  std::map<const ir::Value*, BufferRef> buffers;
  std::map<std::string, int64_t> indices;  // "layer" -> 3
  int64_t frame = 0;                       // where this activation's frame starts
  int64_t callee_frame = 0;                // where a callee's would
  const ir::Value* returned = nullptr;
  BufferRef returned_to;
};

class Compiler {
 public:
  Compiler(const ir::Module& module, const Target& target, Units units)
      : module_(module), target_(target), kernels_(target, SymbolNames(module), units) {}

  absl::StatusOr<CompiledModule> Run(const CompileOptions& options) {
    kernels_.UseCache(options.cache);
    if (absl::Status s = Build(options.entry); !s.ok()) return s;
    CompiledModule compiled;
    absl::StatusOr<std::unique_ptr<KernelLibrary>> library =
        kernels_.Compile({options.threads, options.perf, options.gdb});
    if (!library.ok()) return library.status();
    compiled.library = *std::move(library);
    compiled.cached_kernels = kernels_.cached();
    program_.kernels = kernels_.kernels();
    compiled.program = std::move(program_);
    return compiled;
  }

  absl::StatusOr<ObjectModule> RunToObject(const std::string& entry) {
    if (absl::Status s = Build(entry); !s.ok()) return s;
    if (kernels_.module() == nullptr) {
      return absl::FailedPreconditionError(
          absl::StrCat("no statement of @", entry, " needs a kernel"));
    }
    absl::StatusOr<std::string> object = ObjectFile(target_, kernels_.module());
    if (!object.ok()) return object.status();
    program_.kernels = kernels_.kernels();
    return ObjectModule{std::move(program_), *std::move(object)};
  }

  absl::StatusOr<StepObject> RunToStepObject(const std::string& name, int64_t context,
                                             int64_t max_step) {
    if (absl::Status s = Build("step"); !s.ok()) return s;
    program_.kernels = kernels_.kernels();
    const bundle::StepProgram step = bundle::MakeStepProgram(program_);
    absl::StatusOr<StepMemory> memory =
        EmitStepFunction(step.program, name, context, max_step, kernels_.module());
    if (!memory.ok()) return memory.status();
    absl::StatusOr<std::string> object = ObjectFile(target_, kernels_.module());
    if (!object.ok()) return object.status();
    return StepObject{*std::move(object), *memory};
  }

 private:
  // The call lists, and an LLVM function for each kernel.
  absl::Status Build(const std::string& entry_name) {
    const ir::Func* entry = module_.FindFunc(entry_name);
    if (entry == nullptr) {
      return absl::NotFoundError(
          absl::StrCat("module @", module_.name, " has no func @", entry_name));
    }
    for (const ir::Symbol& symbol : module_.symbols) {
      program_.symbols.push_back({symbol.name, symbol.min, symbol.max});
    }
    DeclareStates();
    DeclareLoaded();
    if (absl::Status s = CompileLoad(); !s.ok()) return s;
    return CompileEntry(*entry);
  }

  static std::vector<std::string> SymbolNames(const ir::Module& module) {
    std::vector<std::string> names;
    for (const ir::Symbol& symbol : module.symbols) names.push_back(symbol.name);
    return names;
  }

  int64_t Copies(const ir::Global& global) const { return global.index ? global.index->count : 1; }

  void DeclareStates() {
    for (const auto& global : module_.globals()) {
      if (global->kind != ir::Global::Kind::kState) continue;
      first_state_[global.get()] = static_cast<uint32_t>(program_.states.size());
      for (int64_t i = 0; i < Copies(*global); ++i) {
        runtime::State state;
        state.name = global->index ? absl::StrCat(global->name, "[", i, "]") : global->name;
        state.factor = ir::DTypeSize(global->type.dtype);
        for (const ir::Axis& axis : global->type.axes) {
          if (axis.extent.is_constant()) {
            state.factor *= axis.extent.value;
            continue;
          }
          for (size_t s = 0; s < module_.symbols.size(); ++s) {
            if (module_.symbols[s].name == axis.extent.symbol) {
              state.symbols.push_back(static_cast<int>(s));
            }
          }
        }
        program_.states.push_back(std::move(state));
      }
    }
  }

  void DeclareLoaded() {
    int64_t offset = 0;
    for (const auto& global : module_.globals()) {
      if (global->kind != ir::Global::Kind::kLoaded) continue;
      loaded_offset_[global.get()] = offset;
      offset += Copies(*global) * RoundUp(ir::MaxByteSize(global->type, module_), kAlignment);
    }
    program_.loaded_bytes = offset;
  }

  uint32_t WeightIndex(const ir::Global& weight, int64_t index, bool by_step) {
    const std::string tensor = ir::SourceName(weight, index);
    const auto [it, added] =
        weight_index_.try_emplace(tensor, static_cast<uint32_t>(program_.weights.size()));
    if (added) program_.weights.push_back({tensor, ir::MaxByteSize(weight.type, module_), false});
    program_.weights[it->second].read_by_step |= by_step;
    return it->second;
  }

  absl::StatusOr<BufferRef> GlobalBuffer(const ir::Global& global, const std::string& index_name,
                                         const Activation& at) {
    int64_t index = 0;
    if (global.index) {
      const auto it = at.indices.find(index_name);
      if (it == at.indices.end()) {
        return absl::FailedPreconditionError(
            absl::StrCat("@", global.name, "[", index_name, "]: the index is not in scope"));
      }
      index = it->second;
    }
    switch (global.kind) {
      case ir::Global::Kind::kWeight:
        return BufferRef{Space::kWeight, WeightIndex(global, index, !loading_), 0};
      case ir::Global::Kind::kState:
        return BufferRef{Space::kState, first_state_.at(&global) + static_cast<uint32_t>(index), 0};
      case ir::Global::Kind::kLoaded:
        break;
    }
    return BufferRef{Space::kLoaded, 0,
                     loaded_offset_.at(&global) +
                         index * RoundUp(ir::MaxByteSize(global.type, module_), kAlignment)};
  }

  // The buffer of an operand, views followed.
  absl::StatusOr<BufferRef> OperandBuffer(const ir::Operand& operand, const Activation& at) {
    const ir::Access access = ir::ResolveAccess(operand);
    BufferRef buffer;
    if (access.base.global != nullptr) {
      absl::StatusOr<BufferRef> global = GlobalBuffer(*access.base.global, access.base.index, at);
      if (!global.ok()) return global.status();
      buffer = *global;
    } else {
      const auto it = at.buffers.find(access.base.value);
      if (it == at.buffers.end()) {
        return absl::FailedPreconditionError(
            absl::StrCat("%", access.base.value->name, " has no buffer"));
      }
      buffer = it->second;
    }
    buffer.offset += access.offset * ir::DTypeSize(access.dtype);
    return buffer;
  }

  // Where an op's result goes.
  absl::StatusOr<BufferRef> ResultBuffer(const ir::Op& op, const Activation& at) {
    if (op.defined_global != nullptr) {
      return GlobalBuffer(*op.defined_global, op.defined_index, at);
    }
    if (op.result() == at.returned) return at.returned_to;
    if (loading_) {  // a value of the load block that is no global: scratch behind the globals
      const int64_t offset = program_.loaded_bytes;
      program_.loaded_bytes += RoundUp(ir::MaxByteSize(op.result()->type, module_), kAlignment);
      return BufferRef{Space::kLoaded, 0, offset};
    }
    if (!op.frame_offset) {
      return absl::FailedPreconditionError(
          absl::StrCat("%", op.result()->name, " has no place in its frame; run plan-memory"));
    }
    return BufferRef{Space::kFrame, 0, at.frame + *op.frame_offset};
  }

  std::vector<runtime::Call>& List() { return loading_ ? program_.load : program_.step; }

  absl::Status AddCall(const KernelSpec& spec, std::vector<BufferRef> buffers, std::string name,
                       bool joins_previous = false) {
    absl::StatusOr<uint32_t> kernel = kernels_.Add(spec);
    if (!kernel.ok()) return kernel.status();
    List().push_back({*kernel, std::move(buffers), std::move(name), joins_previous});
    return absl::OkStatus();
  }

  // The memory of an operand that lies at `buffer`: all of the value that it is a view of.
  MemoryUse UseOf(const ir::Operand& operand, BufferRef buffer, bool writes) const {
    const ir::Access access = ir::ResolveAccess(operand);
    buffer.offset -= access.offset * ir::DTypeSize(access.dtype);
    return {buffer, ir::MaxByteSize(access.base.type(), module_), writes};
  }

  // Of a statement with these operands' buffers, then the result's.
  std::vector<MemoryUse> UsesOf(const ir::Op& op, const std::vector<BufferRef>& buffers) const {
    std::vector<MemoryUse> uses;
    for (int i = 0; i < op.operand_count(); ++i) {
      uses.push_back(UseOf(op.operand(i), buffers[i], i == ir::AppendedOperand(op)));
    }
    uses.push_back({buffers.back(), ir::MaxByteSize(op.result_type(), module_), true});
    return uses;
  }

  // What Call::name says of a statement.
  static std::string CallName(const ir::Op& op, const Activation& at) {
    if (op.defined_global == nullptr) return absl::StrCat(at.name, ".", op.result()->name);
    std::string name = absl::StrCat(at.name, ".", op.defined_global->name);
    if (!op.defined_index.empty()) {
      absl::StrAppend(&name, "[", at.indices.at(op.defined_index), "]");
    }
    return name;
  }

  absl::Status CompileKernelOp(const ir::Op& op, Activation* at) {
    std::vector<BufferRef> buffers;
    for (const ir::Operand& operand : op.operands()) {
      absl::StatusOr<BufferRef> buffer = OperandBuffer(operand, *at);
      if (!buffer.ok()) return buffer.status();
      buffers.push_back(*buffer);
    }
    // An append's result is its state.
    absl::StatusOr<BufferRef> result =
        ir::Appends(op) ? buffers[ir::AppendedOperand(op)] : ResultBuffer(op, *at);
    if (!result.ok()) return result.status();
    if (op.result() != nullptr) at->buffers[op.result()] = *result;
    if (op.opcode() == ir::Opcode::kPack) {
      return CompilePack(op, buffers, *result, CallName(op, *at));
    }
    buffers.push_back(*result);
    const bool joins_previous = !loading_ && regions_.Joins(UsesOf(op, buffers));
    return AddCall(BlockedSpecOf(op, target_), std::move(buffers), CallName(op, *at),
                   joins_previous);
  }

  // One call per packed part.
  absl::Status CompilePack(const ir::Op& op, const std::vector<BufferRef>& parts, BufferRef result,
                           const std::string& name) {
    std::vector<PackPart> specs = PackParts(op);
    for (size_t i = 0; i < specs.size(); ++i) {
      BufferRef target = result;
      target.offset += specs[i].offset;
      if (absl::Status s = AddCall(specs[i].spec, {parts[i], target}, name); !s.ok()) return s;
    }
    return absl::OkStatus();
  }

  absl::Status CompileCall(const ir::Op& op, Activation* at) {
    const ir::Func& callee = *op.callee;
    Activation inner;
    for (int i = 0; i < op.operand_count(); ++i) {
      const ir::Access access = ir::ResolveAccess(op.operand(i));
      const auto expected = ir::RowMajorAxes(op.operand(i).type());
      for (size_t axis = 0; axis < expected.size(); ++axis) {
        if (!(access.axes[axis].stride == expected[axis].stride)) {
          return absl::UnimplementedError(
              absl::StrCat("call @", callee.name, ": operand ", i, " is a strided view"));
        }
      }
      absl::StatusOr<BufferRef> buffer = OperandBuffer(op.operand(i), *at);
      if (!buffer.ok()) return buffer.status();
      inner.buffers[callee.params()[i].get()] = *buffer;
    }
    absl::StatusOr<BufferRef> result = ResultBuffer(op, *at);
    if (!result.ok()) return result.status();
    at->buffers[op.result()] = *result;
    inner.name = callee.name;
    if (callee.index) {
      const int64_t index = at->indices.at(op.callee_index);
      inner.indices[callee.index->name] = index;
      absl::StrAppend(&inner.name, "[", index, "]");
    }
    inner.frame = at->callee_frame;
    return CompileFunc(callee, *result, &inner);
  }

  absl::Status CompileLoop(const ir::Op& op, Activation* at) {
    BufferRef current, other;
    if (op.carried != nullptr) {
      absl::StatusOr<BufferRef> init = OperandBuffer(op.operand(0), *at);
      if (!init.ok()) return init.status();
      current = *init;
      const ir::Op* producer = op.body->terminator()->operand(0).value->def();
      if (producer == nullptr || ir::IsView(*producer) || !producer->frame_offset) {
        return absl::UnimplementedError(
            absl::StrCat("for ", op.loop_index, ": the yielded value owns no buffer"));
      }
      other = {Space::kFrame, 0, at->frame + *producer->frame_offset};
    }
    for (int64_t i = op.attrs.begin; i < op.attrs.end; ++i) {
      at->indices[op.loop_index] = i;
      if (op.carried == nullptr) {
        if (absl::Status s = CompileBlock(*op.body, at); !s.ok()) return s;
        continue;
      }
      at->buffers[op.carried.get()] = current;
      const ir::Value* yielded = op.body->terminator()->operand(0).value;
      const auto saved = std::make_pair(at->returned, at->returned_to);
      at->returned = yielded;
      at->returned_to = other;
      if (absl::Status s = CompileBlock(*op.body, at); !s.ok()) return s;
      std::tie(at->returned, at->returned_to) = saved;
      std::swap(current, other);
    }
    at->indices.erase(op.loop_index);
    if (op.result() != nullptr) at->buffers[op.result()] = current;
    return absl::OkStatus();
  }

  absl::Status CompileOp(const ir::Op& op, Activation* at) {
    if (ir::IsTerminator(op.opcode()) || ir::IsView(op)) return absl::OkStatus();
    if (op.opcode() == ir::Opcode::kCall) return CompileCall(op, at);
    if (op.opcode() == ir::Opcode::kFor) return CompileLoop(op, at);
    return CompileKernelOp(op, at);
  }

  absl::Status CompileBlock(const ir::Block& block, Activation* at) {
    for (const auto& op : block.ops()) {
      if (absl::Status s = CompileOp(*op, at); !s.ok()) return s;
    }
    return absl::OkStatus();
  }

  absl::Status CompileFunc(const ir::Func& func, BufferRef result, Activation* at) {
    const ir::Operand& returned = func.body.terminator()->operand(0);
    const ir::Op* producer = returned.value != nullptr ? returned.value->def() : nullptr;
    if (producer == nullptr || ir::IsView(*producer) || producer->opcode() == ir::Opcode::kFor ||
        ir::Appends(*producer)) {
      return absl::UnimplementedError(
          absl::StrCat("func @", func.name, " returns a value that owns no buffer"));
    }
    at->returned = returned.value;
    at->returned_to = result;
    at->callee_frame = at->frame + RoundUp(ir::FrameBytes(func), kAlignment);
    program_.frame_bytes = std::max(program_.frame_bytes, at->callee_frame);
    absl::Status status = CompileBlock(func.body, at);
    if (status.ok()) return status;
    return absl::Status(status.code(), absl::StrCat("func @", func.name, ": ", status.message()));
  }

  absl::Status CompileLoad() {
    loading_ = true;
    Activation at;
    at.name = "load";
    absl::Status status = CompileBlock(module_.load, &at);
    loading_ = false;
    return status;
  }

  absl::Status CompileEntry(const ir::Func& entry) {
    Activation at;
    at.name = entry.name;
    for (size_t i = 0; i < entry.params().size(); ++i) {
      program_.inputs.push_back(entry.params()[i]->name);
      at.buffers[entry.params()[i].get()] = {Space::kInput, static_cast<uint32_t>(i), 0};
    }
    program_.output_bytes = ir::MaxByteSize(entry.result_type, module_);
    return CompileFunc(entry, {Space::kOutput, 0, 0}, &at);
  }

  const ir::Module& module_;
  const Target& target_;
  KernelSet kernels_;
  runtime::Program program_;
  bool loading_ = false;
  Regions regions_;
  std::map<const ir::Global*, uint32_t> first_state_;
  std::map<const ir::Global*, int64_t> loaded_offset_;
  std::map<std::string, uint32_t> weight_index_;
};

}  // namespace

absl::StatusOr<CompiledModule> Compile(const ir::Module& module, const Target& target,
                                       const CompileOptions& options) {
  return Compiler(module, target, Units::kPerKernel).Run(options);
}

absl::StatusOr<ObjectModule> CompileToObject(const ir::Module& module, const Target& target,
                                             const std::string& entry) {
  return Compiler(module, target, Units::kOne).RunToObject(entry);
}

absl::StatusOr<StepObject> CompileStepToObject(const ir::Module& module, const Target& target,
                                               const std::string& name, int64_t context,
                                               int64_t max_step) {
  return Compiler(module, target, Units::kOne).RunToStepObject(name, context, max_step);
}

}  // namespace lluda::codegen
