#include "codegen/compile.h"

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/align.h"
#include "base/status_macros.h"
#include "base/step_interface.h"
#include "codegen/bound_spec.h"
#include "codegen/call_groups.h"
#include "codegen/load_memory.h"
#include "codegen/regions.h"
#include "ir/frame.h"
#include "ir/rows_read.h"
#include "ir/statement_name.h"
#include "ir/type/layout.h"
#include "ir/view.h"

namespace lluda::codegen {
namespace {

using base::kCacheLine;
using base::RoundUp;
using runtime::BufferRef;
using runtime::Space;

// Values and indices of one activation of a function.
struct Activation {
  std::string function;  // "attn"
  int64_t index = -1;    // 3, if the function has one
  std::map<const ir::Value*, BufferRef> buffers;
  std::map<std::string, int64_t> indices;  // "layer" -> 3
  int64_t frame = 0;                       // where this activation's frame starts
  int64_t callee_frame = 0;                // where a callee's would
  const ir::Value* returned = nullptr;
  BufferRef returned_to;
};

class ProgramBuilder {
 public:
  ProgramBuilder(const ir::Module& module, KernelSet* kernels)
      : module_(module), kernels_(*kernels), binder_(module, kernels->backend()) {}

  absl::StatusOr<runtime::Program> Run(const std::vector<std::string>& entries) {
    RETURN_IF_ERROR(Build(entries));
    DropUnusedKernels();
    DropUnusedStates();
    program_.kernels = kernels_.kernels();
    return std::move(program_);
  }

 private:
  absl::Status Build(const std::vector<std::string>& entry_names) {
    std::vector<const ir::Func*> entries;
    for (const std::string& name : entry_names) {
      entries.push_back(module_.FindFunc(name));
      if (entries.back() != nullptr) continue;
      return absl::NotFoundError(absl::StrCat("module @", module_.name, " has no func @", name));
    }
    for (const ir::Symbol& symbol : module_.symbols) {
      program_.symbols.push_back({symbol.name, symbol.min, symbol.max});
    }
    DeclareStates();
    DeclareLoaded();
    RETURN_IF_ERROR(CompileLoad());
    for (const ir::Func* entry : entries) {
      RETURN_IF_ERROR(CompileEntry(*entry));
    }
    return absl::OkStatus();
  }

  // Those of statements that became part of a group.
  void DropUnusedKernels() {
    std::vector<std::vector<runtime::Call>*> lists = {&program_.load};
    for (runtime::Entry& entry : program_.entries) lists.push_back(&entry.calls);
    std::vector<bool> used(kernels_.kernels().size(), false);
    for (const auto* list : lists) {
      for (const runtime::Call& call : *list) {
        const runtime::Kernel& kernel = kernels_.kernels()[call.kernel];
        used[call.kernel] = true;
        if (kernel.many_symbol >= 0) used[kernel.many] = true;
      }
    }
    if (std::all_of(used.begin(), used.end(), [](bool is_used) { return is_used; })) return;
    const std::vector<uint32_t> places = kernels_.KeepOnly(used);
    for (auto* list : lists) {
      for (runtime::Call& call : *list) call.kernel = places[call.kernel];
    }
  }

  // Those of layers that other kinds of layers keep elsewhere.
  void DropUnusedStates() {
    std::vector<bool> used(program_.states.size(), false);
    const auto each_state = [&](const auto& visit) {
      for (runtime::Entry& entry : program_.entries) {
        for (runtime::Call& call : entry.calls) {
          for (BufferRef& buffer : call.buffers) {
            if (buffer.space == Space::kState) visit(&buffer.index);
          }
        }
      }
    };
    each_state([&](const uint32_t* index) { used[*index] = true; });
    std::vector<runtime::Tensor> kept;
    std::vector<uint32_t> places(used.size(), 0);
    for (size_t i = 0; i < used.size(); ++i) {
      if (!used[i]) continue;
      places[i] = static_cast<uint32_t>(kept.size());
      kept.push_back(std::move(program_.states[i]));
    }
    program_.states = std::move(kept);
    each_state([&](uint32_t* index) { *index = places[*index]; });
  }

  int64_t Copies(const ir::Global& global) const { return global.index ? global.index->count : 1; }

  runtime::Tensor TensorOf(std::string name, const ir::Type& type) const {
    const ir::SymbolicSize size = ir::SymbolicByteSize(type);
    runtime::Tensor tensor{std::move(name), size.factor, {}};
    for (const std::string& symbol : size.symbols) {
      for (size_t s = 0; s < module_.symbols.size(); ++s) {
        if (module_.symbols[s].name == symbol) tensor.symbols.push_back(static_cast<int>(s));
      }
    }
    return tensor;
  }

  // Slots come first, and positions are a panel's rows or lie one after the other.
  static runtime::PositionLayout PositionLayoutOf(const ir::Type& type) {
    const int slot = type.FindAxis(step_interface::kSlotAxis);
    const int position = type.FindAxis(step_interface::kPositionAxis);
    if (slot != 0 || position < 0) return {};
    const ir::Extent& extent = type.axes[position].extent;
    if (extent.is_constant()) return {0, 1, extent.value};
    if (extent.symbol != step_interface::kCapacity) return {};
    runtime::PositionLayout layout = {1, 1, 0};
    for (int i = 1; i < position; ++i) {
      if (!type.axes[i].extent.is_constant()) return {};
      layout.runs *= type.axes[i].extent.value;
    }
    if (type.layout.is_panel()) {
      if (ir::PanelAxesOf(type.layout, type.axes).row != static_cast<size_t>(position)) return {};
      layout.group = type.layout.rows;
    }
    return layout;
  }

  void DeclareStates() {
    for (const auto& global : module_.globals()) {
      if (global->kind != ir::Global::Kind::kState) continue;
      first_state_[global.get()] = static_cast<uint32_t>(program_.states.size());
      for (int64_t i = 0; i < Copies(*global); ++i) {
        program_.states.push_back(TensorOf(
            global->index ? absl::StrCat(global->name, "[", i, "]") : global->name, global->type));
        program_.states.back().positions = PositionLayoutOf(global->type);
      }
    }
  }

  void DeclareLoaded() {
    int64_t offset = 0;
    for (const auto& global : module_.globals()) {
      if (global->kind != ir::Global::Kind::kLoaded) continue;
      loaded_offset_[global.get()] = offset;
      const int64_t bytes = RoundUp(ir::MaxByteSize(global->type, module_), kCacheLine);
      for (int64_t i = 0; i < Copies(*global); ++i, offset += bytes) {
        loaded_globals_.push_back({offset, bytes});
      }
    }
    load_end_ = offset;
  }

  uint32_t WeightIndex(const std::string& tensor, int64_t bytes) {
    const auto [it, added] =
        weight_index_.try_emplace(tensor, static_cast<uint32_t>(program_.weights.size()));
    if (added) program_.weights.push_back({tensor, bytes, false});
    program_.weights[it->second].read_by_entries |= !loading_;
    return it->second;
  }

  // What selects a copy of @`what`: a number, or the value of an index.
  static absl::StatusOr<int64_t> IndexValue(absl::string_view what, const std::string& index,
                                            const Activation& at) {
    if (const std::optional<int64_t> number = ir::ConstantIndex(index)) return *number;
    const auto it = at.indices.find(index);
    if (it != at.indices.end()) return it->second;
    return absl::FailedPreconditionError(
        absl::StrCat("@", what, "[", index, "]: the index is not in scope"));
  }

  absl::StatusOr<BufferRef> GlobalBuffer(const ir::Global& global, const std::string& index_name,
                                         const Activation& at) {
    int64_t index = 0;
    if (global.index) {
      ASSIGN_OR_RETURN(index, IndexValue(global.name, index_name, at));
    }
    switch (global.kind) {
      case ir::Global::Kind::kWeight:
        return BufferRef{
            Space::kWeight,
            WeightIndex(ir::SourceName(global, index), ir::MaxByteSize(global.type, module_)), 0};
      case ir::Global::Kind::kState:
        return BufferRef{Space::kState, first_state_.at(&global) + static_cast<uint32_t>(index), 0};
      case ir::Global::Kind::kLoaded:
        break;
    }
    return BufferRef{Space::kLoaded, 0,
                     loaded_offset_.at(&global) +
                         index * RoundUp(ir::MaxByteSize(global.type, module_), kCacheLine)};
  }

  // The buffer of an operand, views followed.
  absl::StatusOr<BufferRef> OperandBuffer(const ir::Operand& operand, const Activation& at) {
    const ir::Access access = ir::ResolveAccess(operand);
    BufferRef buffer;
    if (access.base.global != nullptr) {
      ASSIGN_OR_RETURN(buffer, GlobalBuffer(*access.base.global, access.base.index, at));
    } else {
      const auto it = at.buffers.find(access.base.value);
      if (it == at.buffers.end()) {
        return absl::FailedPreconditionError(
            absl::StrCat("%", access.base.value->name, " has no buffer"));
      }
      buffer = it->second;
    }
    buffer.offset += ir::BytesOf(access.dtype, access.offset);
    return buffer;
  }

  // Where an op's result goes.
  absl::StatusOr<BufferRef> ResultBuffer(const ir::Op& op, const Activation& at) {
    if (op.defined_global != nullptr) {
      return GlobalBuffer(*op.defined_global, op.defined_index, at);
    }
    if (op.result() == at.returned) return at.returned_to;
    if (loading_) {  // a value of the load block that is no global: behind them, until all are known
      const int64_t bytes = RoundUp(ir::MaxByteSize(op.result()->type, module_), kCacheLine);
      load_values_.push_back({load_end_, bytes});
      load_end_ += bytes;
      return BufferRef{Space::kLoaded, 0, load_values_.back().offset};
    }
    if (!op.frame_offset) {
      return absl::FailedPreconditionError("the result has no place in its frame; run plan-memory");
    }
    return BufferRef{Space::kFrame, 0, at.frame + *op.frame_offset};
  }

  std::vector<runtime::Call>& List() {
    return loading_ ? program_.load : program_.entries.back().calls;
  }

  absl::Status AddCall(const BoundSpec& bound, std::vector<BufferRef> buffers,
                       runtime::CallSite site, bool joins_previous = false) {
    ASSIGN_OR_RETURN(uint32_t kernel, kernels_.Add(bound.spec));
    List().push_back({kernel, std::move(buffers), std::move(site), joins_previous});
    List().back().binding = BindingOf(bound);
    return absl::OkStatus();
  }

  // Its number in the program, -1 without.
  int BindingOf(const BoundSpec& bound) {
    if (bound.dims.empty()) return -1;
    runtime::Binding binding;
    for (const ir::Extent& dim : bound.dims) {
      binding.push_back(dim.is_constant() ? runtime::Dim{-1, dim.value}
                                          : runtime::Dim{kernels_.SymbolIndex(dim.symbol), 0});
    }
    const auto known = std::find(program_.bindings.begin(), program_.bindings.end(), binding);
    const auto number = static_cast<int>(known - program_.bindings.begin());
    if (known == program_.bindings.end()) program_.bindings.push_back(std::move(binding));
    return number;
  }

  // The memory of an operand that lies at `buffer`: all of the value that it is a view of.
  MemoryUse UseOf(const ir::Operand& operand, BufferRef buffer, bool writes) const {
    const ir::Access access = ir::ResolveAccess(operand);
    buffer.offset -= ir::BytesOf(access.dtype, access.offset);
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

  // As CallUses::readers.
  static int64_t ReadersOf(const ir::Op& op) {
    if (op.result() == nullptr) return -1;
    int64_t readers = 0;
    for (const ir::Use& use : op.result()->uses()) {
      const bool is_kernel = !ir::IsTerminator(use.op->opcode()) && !ir::IsView(*use.op) &&
                             use.op->opcode() != ir::Opcode::kCall &&
                             use.op->opcode() != ir::Opcode::kFor;
      if (!is_kernel) return -1;
      ++readers;
    }
    return readers;
  }

  // A statement of the load block is told apart by its loop's index, of a function by the layer's.
  static runtime::CallSite SiteOf(const ir::Op& op, const Activation& at) {
    std::string name = ir::StatementName(op);
    if (op.parent()->func() != nullptr) return {at.function, at.index, std::move(name)};
    const ir::Op* loop = op.parent()->loop();
    return {at.function, loop != nullptr ? at.indices.at(loop->loop_index) : -1, std::move(name)};
  }

  absl::Status CompileKernelOp(const ir::Op& op, Activation* at) {
    if (op.opcode() == ir::Opcode::kPack) return CompilePack(op, at);
    std::vector<BufferRef> buffers;
    for (const ir::Operand& operand : op.operands()) {
      ASSIGN_OR_RETURN(BufferRef buffer, OperandBuffer(operand, *at));
      buffers.push_back(buffer);
    }
    // An append's result is its state.
    ASSIGN_OR_RETURN(BufferRef result,
                     ir::Appends(op) ? buffers[ir::AppendedOperand(op)] : ResultBuffer(op, *at));
    if (op.result() != nullptr) at->buffers[op.result()] = result;
    buffers.push_back(result);
    bool joins_previous = false;
    if (!loading_) {
      uses_.push_back({UsesOf(op, buffers), ReadersOf(op)});
      joins_previous = regions_.Joins(uses_.back().memory);
    }
    return AddCall(binder_.Bind(op), std::move(buffers), SiteOf(op, *at), joins_previous);
  }

  // Where the matrix of a packed part lies. Of a weight that is stacked from several tensors, in one
  // of them: they are never brought together.
  absl::StatusOr<BufferRef> MatrixBuffer(const ir::Operand& operand, const PackPart& part,
                                         const Activation& at) {
    const ir::Access access = ir::ResolveAccess(operand);
    const ir::Global* weight = access.base.global;
    const bool is_stacked = weight != nullptr && ir::IsStacked(*weight) &&
                            access.axes.size() == weight->type.axes.size() &&
                            access.axes[0].axis == weight->type.axes[0];
    if (!is_stacked) {
      ASSIGN_OR_RETURN(BufferRef buffer, OperandBuffer(operand, at));
      buffer.offset += part.from;
      return buffer;
    }
    int64_t index = 0;
    if (weight->index) {
      ASSIGN_OR_RETURN(index, IndexValue(weight->name, access.base.index, at));
    }
    const auto matrix = static_cast<size_t>(part.matrix);
    const int64_t matrices = weight->type.axes[0].extent.value;
    const uint32_t tensor = WeightIndex(ir::SourceNames(*weight, index)[matrix],
                                        ir::MaxByteSize(weight->type, module_) / matrices);
    return BufferRef{Space::kWeight, tensor, ir::BytesOf(access.dtype, access.offset)};
  }

  // One call per packed part.
  absl::Status CompilePack(const ir::Op& op, Activation* at) {
    ASSIGN_OR_RETURN(const BufferRef result, ResultBuffer(op, *at));
    if (op.result() != nullptr) at->buffers[op.result()] = result;
    for (const PackPart& part : PackParts(op)) {
      if (!loading_) uses_.emplace_back();
      ASSIGN_OR_RETURN(const BufferRef from, MatrixBuffer(op.operand(part.operand), part, *at));
      BufferRef to = result;
      to.offset += part.offset;
      RETURN_IF_ERROR(AddCall({part.spec, {}}, {from, to}, SiteOf(op, *at)));
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
          return Located(op, absl::UnimplementedError(absl::StrCat(
                                 "call @", callee.name, ": operand ", i, " is a strided view")));
        }
      }
      absl::StatusOr<BufferRef> buffer = OperandBuffer(op.operand(i), *at);
      if (!buffer.ok()) return Located(op, buffer.status());
      inner.buffers[callee.params()[i].get()] = *buffer;
    }
    absl::StatusOr<BufferRef> result = ResultBuffer(op, *at);
    if (!result.ok()) return Located(op, result.status());
    at->buffers[op.result()] = *result;
    inner.function = callee.name;
    if (callee.index) {
      ASSIGN_OR_RETURN(inner.index, IndexValue(callee.name, op.callee_index, *at));
      inner.indices[callee.index->name] = inner.index;
    }
    inner.frame = at->callee_frame;
    return CompileFunc(callee, *result, &inner);
  }

  absl::Status CompileLoop(const ir::Op& op, Activation* at) {
    BufferRef current, other;
    if (op.carried != nullptr) {
      absl::StatusOr<BufferRef> init = OperandBuffer(op.operand(0), *at);
      if (!init.ok()) return Located(op, init.status());
      current = *init;
      const ir::Op* producer = op.body->terminator()->operand(0).value->def();
      if (producer == nullptr || ir::IsView(*producer) || !producer->frame_offset) {
        return Located(op, absl::UnimplementedError(absl::StrCat(
                               "for ", op.loop_index, ": the yielded value owns no buffer")));
      }
      other = {Space::kFrame, 0, at->frame + *producer->frame_offset};
    }
    for (int64_t i = op.attrs.begin; i < op.attrs.end; ++i) {
      at->indices[op.loop_index] = i;
      if (op.carried == nullptr) {
        RETURN_IF_ERROR(CompileBlock(*op.body, at));
        continue;
      }
      at->buffers[op.carried.get()] = current;
      const ir::Value* yielded = op.body->terminator()->operand(0).value;
      const auto saved = std::make_pair(at->returned, at->returned_to);
      at->returned = yielded;
      at->returned_to = other;
      RETURN_IF_ERROR(CompileBlock(*op.body, at));
      std::tie(at->returned, at->returned_to) = saved;
      std::swap(current, other);
    }
    at->indices.erase(op.loop_index);
    if (op.result() != nullptr) at->buffers[op.result()] = current;
    return absl::OkStatus();
  }

  // An error names the statement that it is about, not those that call or repeat it.
  absl::Status CompileOp(const ir::Op& op, Activation* at) {
    if (ir::IsTerminator(op.opcode()) || ir::IsView(op)) return absl::OkStatus();
    if (op.opcode() == ir::Opcode::kCall) return CompileCall(op, at);
    if (op.opcode() == ir::Opcode::kFor) return CompileLoop(op, at);
    return Located(op, CompileKernelOp(op, at));
  }

  static absl::Status Located(const ir::Op& op, const absl::Status& status) {
    if (status.ok()) return status;
    return absl::Status(status.code(), absl::StrCat(ir::PlaceOf(op), ": ", status.message()));
  }

  absl::Status CompileBlock(const ir::Block& block, Activation* at) {
    for (const auto& op : block.ops()) {
      RETURN_IF_ERROR(CompileOp(*op, at));
    }
    return absl::OkStatus();
  }

  absl::Status CompileFunc(const ir::Func& func, BufferRef result, Activation* at) {
    const ir::Operand& returned = func.body.terminator()->operand(0);
    const ir::Op* producer = returned.value != nullptr ? returned.value->def() : nullptr;
    if (producer == nullptr || ir::IsView(*producer) || producer->opcode() == ir::Opcode::kFor ||
        ir::Appends(*producer)) {
      return Located(*func.body.terminator(),
                     absl::UnimplementedError("the function returns a value that owns no buffer"));
    }
    at->returned = returned.value;
    at->returned_to = result;
    at->callee_frame = at->frame + RoundUp(ir::FrameBytes(func), kCacheLine);
    program_.frame_bytes = std::max(program_.frame_bytes, at->callee_frame);
    return CompileBlock(func.body, at);
  }

  absl::Status CompileLoad() {
    loading_ = true;
    Activation at;
    at.function = step_interface::kLoad;
    RETURN_IF_ERROR(CompileBlock(module_.load, &at));
    loading_ = false;
    program_.loaded_bytes = PlaceLoadValues(loaded_globals_, load_values_, &program_.load);
    return absl::OkStatus();
  }

  absl::Status CompileEntry(const ir::Func& entry) {
    Activation at;
    at.function = entry.name;
    regions_ = Regions();
    runtime::Entry& made = program_.entries.emplace_back();
    made.name = entry.name;
    for (size_t i = 0; i < entry.params().size(); ++i) {
      made.inputs.push_back(TensorOf(entry.params()[i]->name, entry.params()[i]->type));
      made.inputs.back().below = ir::RowsReadBy(*entry.params()[i]);
      at.buffers[entry.params()[i].get()] = {Space::kInput, static_cast<uint32_t>(i), 0};
    }
    const ir::Value* result = entry.body.terminator()->operand(0).value;
    made.result = TensorOf(result != nullptr ? result->name : "", entry.result_type);
    uses_.clear();
    RETURN_IF_ERROR(CompileFunc(entry, {Space::kOutput, 0, 0}, &at));
    return GroupCalls(uses_, &kernels_, &program_.entries.back().calls);
  }

  const ir::Module& module_;
  KernelSet& kernels_;
  SpecBinder binder_;
  runtime::Program program_;
  bool loading_ = false;
  std::vector<LoadedRange> loaded_globals_, load_values_;
  int64_t load_end_ = 0;  // behind both
  Regions regions_;
  std::vector<CallUses> uses_;  // of the entry's calls
  std::map<const ir::Global*, uint32_t> first_state_;
  std::map<const ir::Global*, int64_t> loaded_offset_;
  std::map<std::string, uint32_t> weight_index_;
};

}  // namespace

std::vector<std::string> SymbolNames(const ir::Module& module) {
  std::vector<std::string> names;
  for (const ir::Symbol& symbol : module.symbols) names.push_back(symbol.name);
  return names;
}

std::vector<std::string> EntriesOf(const ir::Module& module) {
  std::vector<std::string> entries;
  for (const char* entry : step_interface::kEntries) {
    if (module.FindFunc(entry) != nullptr) entries.emplace_back(entry);
  }
  if (entries.empty()) entries.emplace_back(step_interface::kStep);
  return entries;
}

absl::StatusOr<runtime::Program> BuildProgram(const ir::Module& module,
                                              const std::vector<std::string>& entries,
                                              KernelSet* kernels) {
  return ProgramBuilder(module, kernels).Run(entries);
}

absl::StatusOr<CompiledModule> Compile(const ir::Module& module, Backend* backend,
                                       const std::vector<std::string>& entries,
                                       const base::CodeCache* cache) {
  KernelSet kernels(backend, SymbolNames(module));
  kernels.UseCache(cache);
  ASSIGN_OR_RETURN(runtime::Program program, BuildProgram(module, entries, &kernels));
  ASSIGN_OR_RETURN(std::unique_ptr<KernelLibrary> library, kernels.Compile());
  program.kernels = kernels.kernels();
  return CompiledModule{std::move(program), std::move(library), kernels.cached()};
}

}  // namespace lluda::codegen
