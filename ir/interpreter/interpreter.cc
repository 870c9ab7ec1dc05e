#include "ir/interpreter/interpreter.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "ir/interpreter/interpreter_ops.h"

namespace lluda::ir {
namespace {

// Of one value: more than any model's matrix has, and its floats can be had.
constexpr int64_t kMostElements = int64_t{1} << 31;

absl::Status Prefixed(absl::string_view prefix, const absl::Status& status) {
  return absl::Status(status.code(), absl::StrCat(prefix, ": ", status.message()));
}

std::string IndexedName(const Global& global, int64_t index) {
  return global.index ? absl::StrCat("@", global.name, "[", index, "]")
                      : absl::StrCat("@", global.name);
}

int64_t CountOf(const std::optional<Index>& index) { return index ? index->count : 1; }

absl::Status CheckSymbol(const Module& module, const std::string& name, int64_t value) {
  const Symbol* symbol = module.FindSymbol(name);
  if (symbol == nullptr) {
    return absl::InvalidArgumentError(absl::StrCat("the module has no symbol ", name));
  }
  if (value < symbol->min || value > symbol->max) {
    return absl::InvalidArgumentError(absl::StrCat("symbol ", name, " = ", value, " is not within ",
                                                   symbol->min, "..", symbol->max));
  }
  return absl::OkStatus();
}

}  // namespace

// What the ops of one call see.
struct Interpreter::Frame {
  const Func* func = nullptr;  // null in the load block
  std::map<std::string, int64_t> symbols;
  std::vector<std::pair<std::string, int64_t>> indices;  // innermost last
  std::map<const Value*, TensorPtr> values;

  // The value of an index name or of a number; that of "" is 0.
  absl::StatusOr<int64_t> IndexValue(const std::string& name) const {
    if (name.empty()) return 0;
    if (const std::optional<int64_t> number = ConstantIndex(name)) return *number;
    for (auto it = indices.rbegin(); it != indices.rend(); ++it) {
      if (it->first == name) return it->second;
    }
    return absl::InvalidArgumentError(absl::StrCat("no index is called '", name, "' here"));
  }
  int64_t ObservedIndex() const {
    if (indices.empty()) return 0;
    return func != nullptr && !func->index ? 0 : indices.front().second;
  }
};

absl::StatusOr<Interpreter> Interpreter::Create(const Module* module, Environment environment) {
  for (const auto& [name, value] : environment.symbols) {
    RETURN_IF_ERROR(CheckSymbol(*module, name, value));
  }
  Interpreter interpreter(module, std::move(environment));
  Frame frame;
  frame.symbols = interpreter.environment_.symbols;
  for (const auto& global : module->globals()) {
    if (global->kind != Global::Kind::kState) continue;
    absl::StatusOr<Type> type = interpreter.Concrete(global->type, frame);
    if (!type.ok()) return Prefixed(absl::StrCat("@", global->name), type.status());
    for (int64_t i = 0; i < CountOf(global->index); ++i) {
      interpreter.globals_[{global.get(), i}] = std::make_shared<Tensor>(*type);
    }
  }
  return interpreter;
}

void Interpreter::ResetStates() {
  for (auto& [key, tensor] : globals_) {
    if (key.first->kind == Global::Kind::kState) tensor = std::make_shared<Tensor>(tensor->type());
  }
}

absl::StatusOr<Tensor> Interpreter::Read(absl::string_view global, int64_t index) const {
  const auto it = globals_.find({module_->FindGlobal(global), index});
  if (it == globals_.end()) {
    return absl::NotFoundError(absl::StrCat("@", global, " has no value at index ", index));
  }
  return *it->second;
}

absl::Status Interpreter::RunLoad() {
  Frame frame;
  frame.symbols = environment_.symbols;
  TensorPtr none;
  absl::Status s = RunBlock(module_->load, &frame, &none);
  return s.ok() ? s : Prefixed("load", s);
}

absl::StatusOr<Tensor> Interpreter::Call(absl::string_view func, std::vector<Tensor> arguments,
                                         int64_t index) {
  const Func* callee = module_->FindFunc(func);
  if (callee == nullptr) return absl::NotFoundError(absl::StrCat("there is no function @", func));
  std::vector<TensorPtr> shared;
  for (Tensor& argument : arguments) {
    shared.push_back(std::make_shared<Tensor>(std::move(argument)));
  }
  ASSIGN_OR_RETURN(TensorPtr result, CallFunc(*callee, index, std::move(shared)));
  return *result;
}

absl::StatusOr<Interpreter::TensorPtr> Interpreter::CallFunc(const Func& func, int64_t index,
                                                             std::vector<TensorPtr> arguments) {
  const std::string label = absl::StrCat("@", func.name);
  if (index < 0 || index >= CountOf(func.index)) {
    return absl::OutOfRangeError(
        absl::StrCat(label, ": index ", index, " is not within 0..", CountOf(func.index) - 1));
  }
  Frame frame;
  frame.func = &func;
  if (func.index) frame.indices.emplace_back(func.index->name, index);
  if (absl::Status s = Bind(func, arguments, &frame); !s.ok()) return Prefixed(label, s);
  TensorPtr result;
  if (absl::Status s = RunBlock(func.body, &frame, &result); !s.ok()) return Prefixed(label, s);
  if (result == nullptr) {
    return absl::InvalidArgumentError(absl::StrCat(label, ": returns nothing"));
  }
  return result;
}

// Finds the values of the parameters' symbols and checks the arguments against them.
absl::Status Interpreter::Bind(const Func& func, const std::vector<TensorPtr>& arguments,
                               Frame* frame) const {
  if (arguments.size() != func.params().size()) {
    return absl::InvalidArgumentError(
        absl::StrCat("takes ", func.params().size(), " arguments, got ", arguments.size()));
  }
  frame->symbols = environment_.symbols;
  for (size_t i = 0; i < arguments.size(); ++i) {
    const Value& param = *func.params()[i];
    const Type& given = arguments[i]->type();
    bool same = given.dtype == param.type.dtype && given.axes.size() == param.type.axes.size();
    for (size_t j = 0; same && j < given.axes.size(); ++j) {
      const Axis& wanted = param.type.axes[j];
      const int64_t extent = given.axes[j].extent.value;
      same = given.axes[j].name == wanted.name &&
             (!wanted.extent.is_constant() || wanted.extent.value == extent);
      if (!same || wanted.extent.is_constant()) continue;
      const auto [it, is_new] = frame->symbols.emplace(wanted.extent.symbol, extent);
      if (it->second != extent) {
        return absl::InvalidArgumentError(absl::StrCat("argument ", i, " (%", param.name,
                                                       "): ", wanted.extent.symbol, " is ", extent,
                                                       " here and ", it->second, " elsewhere"));
      }
      RETURN_IF_ERROR(CheckSymbol(*module_, wanted.extent.symbol, extent));
    }
    if (!same) {
      return absl::InvalidArgumentError(absl::StrCat("argument ", i, " (%", param.name,
                                                     ") must be ", ToString(param.type), ", is ",
                                                     ToString(given)));
    }
    frame->values[&param] = arguments[i];
  }
  return absl::OkStatus();
}

absl::Status Interpreter::RunBlock(const Block& block, Frame* frame, TensorPtr* result) {
  for (const auto& op : block.ops()) {
    if (IsTerminator(op->opcode())) {
      absl::StatusOr<TensorPtr> value = ReadOperand(op->operand(0), *frame);
      if (!value.ok()) return Prefixed(op->name(), value.status());
      *result = *std::move(value);
      return absl::OkStatus();
    }
    absl::StatusOr<TensorPtr> value = RunOp(*op, frame);
    if (!value.ok()) return Prefixed(ResultName(*op), value.status());
    if (*value == nullptr) continue;  // a loop of the load block
    if (op->defined_global != nullptr) {
      absl::StatusOr<int64_t> index = frame->IndexValue(op->defined_index);
      if (!index.ok()) return Prefixed(ResultName(*op), index.status());
      globals_[{op->defined_global, *index}] = *value;
    } else {
      frame->values[op->result()] = *value;
    }
    if (observer_) observer_(frame->func, frame->ObservedIndex(), *op, **value);
  }
  return absl::OkStatus();
}

absl::StatusOr<Interpreter::TensorPtr> Interpreter::RunOp(const Op& op, Frame* frame) {
  if (op.opcode() == Opcode::kFor) return RunLoop(op, frame);
  std::vector<TensorPtr> operands;
  for (const Operand& operand : op.operands()) {
    ASSIGN_OR_RETURN(TensorPtr value, ReadOperand(operand, *frame));
    operands.push_back(std::move(value));
  }
  if (op.opcode() == Opcode::kCall) {
    ASSIGN_OR_RETURN(int64_t index, frame->IndexValue(op.callee_index));
    return CallFunc(*op.callee, index, std::move(operands));
  }
  ASSIGN_OR_RETURN(Type type, Concrete(op.result_type(), *frame));
  KernelArgs args{op, {}, std::move(type)};
  for (const TensorPtr& operand : operands) args.in.push_back(operand.get());
  ASSIGN_OR_RETURN(Tensor result, KernelOf(op.opcode())(args));
  auto shared = std::make_shared<const Tensor>(std::move(result));
  if (Appends(op)) {
    const Operand& state = op.operand(AppendedOperand(op));
    ASSIGN_OR_RETURN(int64_t index, frame->IndexValue(state.index));
    globals_[{state.global, index}] = shared;
  }
  return shared;
}

absl::StatusOr<Interpreter::TensorPtr> Interpreter::RunLoop(const Op& op, Frame* frame) {
  TensorPtr carried;
  if (op.operand_count() > 0) {
    ASSIGN_OR_RETURN(carried, ReadOperand(op.operand(0), *frame));
  }
  for (int64_t i = op.attrs.begin; i < op.attrs.end; ++i) {
    if (op.carried != nullptr) frame->values[op.carried.get()] = carried;
    frame->indices.emplace_back(op.loop_index, i);
    absl::Status s = RunBlock(*op.body, frame, &carried);
    frame->indices.pop_back();
    if (!s.ok()) return Prefixed(absl::StrCat(op.loop_index, " = ", i), s);
  }
  return carried;
}

absl::StatusOr<Interpreter::TensorPtr> Interpreter::ReadOperand(const Operand& operand,
                                                                const Frame& frame) {
  if (operand.value != nullptr) {
    if (const auto it = frame.values.find(operand.value); it != frame.values.end()) {
      return it->second;
    }
    return absl::FailedPreconditionError(
        absl::StrCat("%", operand.value->name, " has not been computed"));
  }
  const Global& global = *operand.global;
  ASSIGN_OR_RETURN(int64_t index, frame.IndexValue(operand.index));
  if (index >= CountOf(global.index)) {
    return absl::OutOfRangeError(absl::StrCat("@", global.name, " has no index ", index));
  }
  if (const auto it = globals_.find({&global, index}); it != globals_.end()) return it->second;
  return ReadFromEnvironment(global, index);
}

absl::StatusOr<Interpreter::TensorPtr> Interpreter::ReadFromEnvironment(const Global& global,
                                                                        int64_t index) {
  const std::string label = IndexedName(global, index);
  const bool is_weight = global.kind == Global::Kind::kWeight;
  const auto& read = is_weight ? environment_.weights : environment_.loaded;
  if (!read && is_weight) {
    return absl::FailedPreconditionError(absl::StrCat(label, ": the environment has no weights"));
  }
  if (!read) {
    return absl::FailedPreconditionError(
        absl::StrCat(label, " is computed by the load block, which has not run"));
  }
  absl::StatusOr<Tensor> tensor = read(global, index);
  if (!tensor.ok()) return Prefixed(label, tensor.status());
  if (tensor->type() != Type{global.type.dtype, global.type.axes, {}}) {
    return absl::InvalidArgumentError(
        absl::StrCat(label, " must be ", ToString(global.type), ", is ", ToString(tensor->type())));
  }
  auto shared = std::make_shared<const Tensor>(*std::move(tensor));
  globals_[{&global, index}] = shared;
  return shared;
}

// The type with numbers for its symbols, row-major.
absl::StatusOr<Type> Interpreter::Concrete(const Type& type, const Frame& frame) const {
  Type concrete{type.dtype, type.axes, {}};
  int64_t elements = 1;  // at most kMaxElements, says the verifier
  for (Axis& axis : concrete.axes) {
    if (!axis.extent.is_constant()) {
      const auto it = frame.symbols.find(axis.extent.symbol);
      if (it == frame.symbols.end()) {
        return absl::InvalidArgumentError(
            absl::StrCat("symbol ", axis.extent.symbol, " has no value"));
      }
      axis.extent = Extent::Constant(it->second);
    }
    if (axis.extent.value < 1) {
      return absl::InvalidArgumentError(absl::StrCat("axis ", ToString(axis), " is empty"));
    }
    elements *= axis.extent.value;
  }
  if (elements > kMostElements) {
    return absl::ResourceExhaustedError(absl::StrCat(
        ToString(concrete), " has ", elements, " elements, the interpreter holds ", kMostElements));
  }
  return concrete;
}

}  // namespace lluda::ir
