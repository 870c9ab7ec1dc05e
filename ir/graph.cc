#include "ir/graph.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "glog/logging.h"

namespace lluda::ir {

Op::~Op() {
  body.reset();  // its ops use the carried value
  SetOperands({});
}

void Op::AddUse(int i) {
  if (operands_[i].value != nullptr) operands_[i].value->uses_.push_back({this, i});
}

void Op::DropUse(int i) {
  Value* value = operands_[i].value;
  if (value == nullptr) return;
  auto& uses = value->uses_;
  // From the back: blocks are destroyed last op first, so the use that goes is the newest one.
  const auto it = std::find_if(uses.rbegin(), uses.rend(),
                               [&](const Use& u) { return u.op == this && u.operand == i; });
  CHECK(it != uses.rend()) << "use list of %" << value->name << " lost a use by " << name();
  uses.erase(std::next(it).base());
}

void Op::SetOperand(int i, Operand operand) {
  DropUse(i);
  operands_[i] = std::move(operand);
  AddUse(i);
}

void Op::SetOperands(std::vector<Operand> operands) {
  for (int i = operand_count() - 1; i >= 0; --i) DropUse(i);
  operands_ = std::move(operands);
  for (int i = 0; i < operand_count(); ++i) AddUse(i);
}

const Type& Op::result_type() const {
  CHECK(result_ != nullptr || defined_global != nullptr) << name() << " has no result";
  return result_ != nullptr ? result_->type : defined_global->type;
}

Value* Op::SetResult(std::string name, Type type) {
  CHECK(result_ == nullptr) << "second result of " << this->name();
  result_ = std::make_unique<Value>(std::move(name), std::move(type), this);
  return result_.get();
}

void Block::DropOperands() {
  for (auto op = ops_.rbegin(); op != ops_.rend(); ++op) {
    if ((*op)->body) (*op)->body->DropOperands();
    (*op)->SetOperands({});
  }
}

void Block::Clear() {
  DropOperands();
  while (!ops_.empty()) ops_.pop_back();
}

Op* Block::terminator() const {
  return !ops_.empty() && IsTerminator(ops_.back()->opcode()) ? ops_.back().get() : nullptr;
}

Op* Block::Append(Opcode opcode) {
  ops_.push_back(std::make_unique<Op>(opcode, this));
  return ops_.back().get();
}

Block::List::iterator Block::Find(const Op* op) {
  const auto it =
      std::find_if(ops_.begin(), ops_.end(), [&](const auto& owned) { return owned.get() == op; });
  CHECK(it != ops_.end()) << op->name() << " is not in this block";
  return it;
}

Op* Block::InsertBefore(const Op* position, Opcode opcode) {
  return ops_.insert(Find(position), std::make_unique<Op>(opcode, this))->get();
}

void Block::Erase(Op* op) {
  CHECK(op->result() == nullptr || op->result()->uses().empty())
      << "erasing %" << op->result()->name << ", which is still used";
  ops_.erase(Find(op));
}

void Block::MoveBefore(Op* op, const Op* position) { ops_.splice(Find(position), ops_, Find(op)); }

Func::Func(Module* module, std::string name)
    : name(std::move(name)), body(module, this, nullptr), module_(module) {}

Value* Func::AddParam(std::string param_name, Type type) {
  params_.push_back(std::make_unique<Value>(std::move(param_name), std::move(type), nullptr));
  return params_.back().get();
}

std::string Func::UniqueName(absl::string_view hint) const {
  const auto taken = [&](absl::string_view candidate) {
    for (const auto& param : params_) {
      if (param->name == candidate) return true;
    }
    bool found = false;
    ForEachOp(body, [&](const Op* op) {
      found |= op->result() != nullptr && op->result()->name == candidate;
      found |= op->carried != nullptr && op->carried->name == candidate;
    });
    return found;
  };
  std::string candidate(hint);
  for (int i = 1; taken(candidate); ++i) candidate = absl::StrCat(hint, "_", i);
  return candidate;
}

Module::~Module() {
  for (const auto& func : funcs_) func->body.DropOperands();
  load.DropOperands();
}

const Symbol* Module::FindSymbol(absl::string_view symbol_name) const {
  for (const Symbol& symbol : symbols) {
    if (symbol.name == symbol_name) return &symbol;
  }
  return nullptr;
}

Global* Module::AddGlobal(Global global) {
  globals_.push_back(std::make_unique<Global>(std::move(global)));
  return globals_.back().get();
}

Global* Module::FindGlobal(absl::string_view global_name) const {
  for (const auto& global : globals_) {
    if (global->name == global_name) return global.get();
  }
  return nullptr;
}

void Module::EraseGlobal(Global* global) {
  CHECK(!IsUsed(global)) << "erasing @" << global->name << ", which is still used";
  globals_.erase(std::find_if(globals_.begin(), globals_.end(),
                              [&](const auto& owned) { return owned.get() == global; }));
}

Func* Module::AddFunc(std::string func_name) {
  funcs_.push_back(std::make_unique<Func>(this, std::move(func_name)));
  return funcs_.back().get();
}

Func* Module::FindFunc(absl::string_view func_name) const {
  for (const auto& func : funcs_) {
    if (func->name == func_name) return func.get();
  }
  return nullptr;
}

void Module::EraseFunc(Func* func) {
  funcs_.erase(std::find_if(funcs_.begin(), funcs_.end(),
                            [&](const auto& owned) { return owned.get() == func; }));
}

std::string Module::UniqueGlobalName(absl::string_view hint) const {
  std::string candidate(hint);
  for (int i = 1; FindGlobal(candidate) != nullptr; ++i) candidate = absl::StrCat(hint, "_", i);
  return candidate;
}

bool Module::IsUsed(const Global* global) const {
  bool used = false;
  ForEachOp(*this, [&](const Op* op) {
    used |= op->defined_global == global;
    for (const Operand& operand : op->operands()) used |= operand.global == global;
  });
  return used;
}

int AtOperand(const Op& op) {
  const int appended = op.attrs.epilogue.OperandOf(EpilogueStep::kAppend);
  return appended >= 0 ? appended + 1 : Info(op.opcode()).at;
}

int AppendedOperand(const Op& op) {
  if (op.opcode() == Opcode::kAppend) return 0;
  return op.attrs.epilogue.OperandOf(EpilogueStep::kAppend);
}

std::string ResultName(const Op& op) {
  if (op.result() != nullptr) return absl::StrCat("%", op.result()->name);
  if (op.defined_global != nullptr) return absl::StrCat("@", op.defined_global->name);
  return std::string(op.name());
}

std::string PlaceOf(const Op& op) {
  const Func* func = op.parent()->func();
  const std::string file =
      op.line == 0 ? "" : absl::StrCat(op.parent()->module()->file, ":", op.line, ": ");
  return absl::StrCat(file, func == nullptr ? "load" : absl::StrCat("@", func->name), ": ",
                      ResultName(op));
}

void ReplaceAllUses(Value* from, Operand to) {
  CHECK(to.value != from) << "replacing %" << from->name << " by itself";
  while (!from->uses().empty()) {
    const Use use = from->uses().back();
    use.op->SetOperand(use.operand, to);
  }
}

std::optional<int64_t> ConstantIndex(absl::string_view index) {
  int64_t number;
  if (index.empty() || !absl::ascii_isdigit(static_cast<unsigned char>(index[0])) ||
      !absl::SimpleAtoi(index, &number)) {
    return std::nullopt;
  }
  return number;
}

std::optional<SourceIndex> FindSourceIndex(const Global& weight) {
  if (!weight.index) return std::nullopt;
  const std::string& source = weight.source;
  const std::string plain = absl::StrCat("{", weight.index->name, "}");
  if (absl::StrContains(source, plain)) return SourceIndex{plain, {}};
  const std::string opening = absl::StrCat("{", weight.index->name, ":");
  const size_t begin = source.find(opening);
  const size_t end = begin == std::string::npos ? begin : source.find('}', begin);
  if (end == std::string::npos) return std::nullopt;
  SourceIndex found{source.substr(begin, end + 1 - begin), {}};
  const size_t list = begin + opening.size();
  for (const absl::string_view word :
       absl::StrSplit(absl::string_view(source).substr(list, end - list), ' ', absl::SkipEmpty())) {
    const std::optional<int64_t> number = ConstantIndex(word);
    if (!number) return std::nullopt;
    found.numbers.push_back(*number);
  }
  if (found.numbers.empty()) return std::nullopt;
  return found;
}

std::string SourceName(const Global& weight, int64_t index) {
  const std::optional<SourceIndex> place = FindSourceIndex(weight);
  if (!place) return weight.source;
  const auto row = static_cast<size_t>(index);
  const int64_t number = row < place->numbers.size() ? place->numbers[row] : index;
  return absl::StrReplaceAll(weight.source, {{place->text, absl::StrCat(number)}});
}

namespace {

// What stands for an element of the first axis in the source; "" for a weight without axes.
std::string StackedPlace(const Global& weight) {
  return weight.type.axes.empty() ? "" : absl::StrCat("{", weight.type.axes[0].name, "}");
}

}  // namespace

bool IsStacked(const Global& weight) {
  const std::string place = StackedPlace(weight);
  return weight.kind == Global::Kind::kWeight && weight.type.axes.size() > 1 &&
         !(weight.index && weight.index->name == weight.type.axes[0].name) &&
         absl::StrContains(weight.source, place);
}

std::vector<std::string> SourceNames(const Global& weight, int64_t index) {
  const std::string name = SourceName(weight, index);
  if (!IsStacked(weight)) return {name};
  std::vector<std::string> names;
  for (int64_t i = 0; i < weight.type.axes[0].extent.value; ++i) {
    names.push_back(absl::StrReplaceAll(name, {{StackedPlace(weight), absl::StrCat(i)}}));
  }
  return names;
}

}  // namespace lluda::ir
