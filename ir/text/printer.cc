#include "ir/text/printer.h"

#include <algorithm>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace lluda::ir {
namespace {

std::string IndexDeclaration(const std::optional<Index>& index) {
  return index ? absl::StrCat("[", index->name, " < ", index->count, "]") : "";
}

std::string Indexed(absl::string_view name, absl::string_view index) {
  return index.empty() ? absl::StrCat("@", name) : absl::StrCat("@", name, "[", index, "]");
}

std::string Joined(const std::vector<Axis>& axes) {
  return absl::StrJoin(
      axes, " ", [](std::string* out, const Axis& axis) { absl::StrAppend(out, ToString(axis)); });
}

std::string Range(const Attrs& attrs) { return absl::StrCat(attrs.begin, "..", attrs.end); }

// The clause with a space before each part.
std::string ClauseText(const Op& op) {
  const Attrs& attrs = op.attrs;
  const std::string names = absl::StrJoin(attrs.axes, " ");
  const std::string arrow =
      attrs.result_axes.empty() ? "" : absl::StrCat(" -> ", Joined(attrs.result_axes));
  switch (Info(op.opcode()).clause) {
    case Clause::kNone:
    case Clause::kLoop:
      return "";
    case Clause::kOver:
      return absl::StrCat(" over ", names, arrow);
    case Clause::kTo:
      return absl::StrCat(" to ", names);
    case Clause::kArrow:
      return absl::StrCat(names.empty() ? "" : " ", names, arrow);
    case Clause::kRange:
      return absl::StrCat(" ", names, " ", Range(attrs), " as ", Joined(attrs.result_axes));
    case Clause::kPackArrow: {
      if (attrs.axes.empty()) return "";
      const std::string joined =
          absl::StrJoin(attrs.axes.begin(), std::prev(attrs.axes.end()), " ");
      return absl::StrCat(joined.empty() ? "" : " ", joined, arrow, " over ", attrs.axes.back());
    }
  }
  return "";
}

std::string AttrsText(const Attrs& attrs) {
  std::vector<std::string> parts;
  for (int i = 0; i < static_cast<int>(AttrKey::kCount); ++i) {
    const AttrKey key = static_cast<AttrKey>(i);
    if (attrs.IsSet(key)) {
      parts.push_back(absl::StrCat(AttrKeyName(key), " = ", AttrValueText(attrs, key)));
    }
  }
  return parts.empty() ? "" : absl::StrCat(" {", absl::StrJoin(parts, ", "), "}");
}

class Printer {
 public:
  explicit Printer(PrintStyle style) : style_(style) {}

  void PrintModule(const Module& module);
  void PrintFunc(const Func& func, int indent);
  void PrintOp(const Op& op, int indent);
  std::string Take() { return std::move(out_); }

 private:
  template <typename... Parts>
  void Put(const Parts&... parts) {
    absl::StrAppend(&out_, parts...);
  }
  void Indent(int indent) { out_.append(2 * indent, ' '); }
  void PrintGlobal(const Global& global);
  void PrintStatements(const Block& block, int indent);
  void PrintLoop(const Op& op, int indent);
  void PrintComputation(const Op& op);
  std::string Name(const Value* value);
  std::string Name(const Operand& operand);

  PrintStyle style_;
  absl::flat_hash_map<const Value*, size_t> numbers_;  // kStructural only
  std::string out_;
};

std::string Printer::Name(const Value* value) {
  if (style_ == PrintStyle::kReadable) return absl::StrCat("%", value->name);
  return absl::StrCat("%", numbers_.try_emplace(value, numbers_.size()).first->second);
}

std::string Printer::Name(const Operand& operand) {
  if (operand.value != nullptr) return Name(operand.value);
  if (operand.global != nullptr) return Indexed(operand.global->name, operand.index);
  return "<nothing>";
}

void Printer::PrintComputation(const Op& op) {
  Put(op.name());
  if (op.opcode() == Opcode::kCall) {
    Put(" ", op.callee == nullptr ? "<nothing>" : Indexed(op.callee->name, op.callee_index));
  }
  const int at = AtOperand(op);
  const int before = at < 0 ? op.operand_count() : std::min(at, op.operand_count());
  for (int i = 0; i < before; ++i) Put(" ", Name(op.operand(i)));
  Put(ClauseText(op));
  if (before < op.operand_count()) Put(" at");
  for (int i = before; i < op.operand_count(); ++i) Put(" ", Name(op.operand(i)));
  Put(AttrsText(op.attrs));
}

void Printer::PrintLoop(const Op& op, int indent) {
  Put("for ", op.loop_index, " in ", Range(op.attrs));
  if (op.operand_count() > 0) {
    // The initial value first: it was defined first.
    const std::string initial = Name(op.operand(0));
    Put(" carry ", op.carried == nullptr ? "<nothing>" : Name(op.carried.get()), " = ", initial);
  }
  Put(" {\n");
  if (op.body != nullptr) PrintStatements(*op.body, indent + 1);
  Indent(indent);
  Put("}");
}

void Printer::PrintOp(const Op& op, int indent) {
  std::string target;
  if (op.defined_global != nullptr) {
    target = Indexed(op.defined_global->name, op.defined_index);
  } else if (op.result() != nullptr) {
    target = Name(op.result());
  }
  if (!target.empty()) Put(target, " = ");
  if (op.opcode() == Opcode::kFor) {
    PrintLoop(op, indent);
  } else {
    PrintComputation(op);
  }
  if (!target.empty()) Put(" : ", ToString(op.result_type()));
  if (op.frame_offset) Put(" in ", *op.frame_offset);
  if (!op.by.empty() && style_ == PrintStyle::kReadable) Put(" by ", op.by);
}

void Printer::PrintStatements(const Block& block, int indent) {
  for (const auto& op : block.ops()) {
    Indent(indent);
    PrintOp(*op, indent);
    Put("\n");
  }
}

void Printer::PrintFunc(const Func& func, int indent) {
  Indent(indent);
  Put("func @", func.name, IndexDeclaration(func.index), "(");
  absl::string_view separator = "";
  for (const auto& param : func.params()) {
    Put(separator, Name(param.get()), ": ", ToString(param->type));
    separator = ", ";
  }
  Put(") -> ", ToString(func.result_type), " {\n");
  PrintStatements(func.body, indent + 1);
  Indent(indent);
  Put("}\n");
}

void Printer::PrintGlobal(const Global& global) {
  if (global.kind == Global::Kind::kLoaded) return;
  Put(global.kind == Global::Kind::kWeight ? "  weight @" : "  state @", global.name,
      IndexDeclaration(global.index), " : ", ToString(global.type));
  if (!global.source.empty()) Put(" from \"", absl::Utf8SafeCEscape(global.source), "\"");
  Put("\n");
}

void Printer::PrintModule(const Module& module) {
  Put("lluda 1\nmodule @", module.name, " {\n");
  if (!module.passes.empty() && style_ == PrintStyle::kReadable) {
    Put("  passes ", absl::StrJoin(module.passes, ", "), "\n");
  }
  for (const Symbol& symbol : module.symbols) {
    Put("  symbol ", symbol.name, " in ", symbol.min, "..", symbol.max, "\n");
  }
  for (const auto& global : module.globals()) PrintGlobal(*global);
  if (!module.load.empty()) {
    Put("  load {\n");
    PrintStatements(module.load, 2);
    Put("  }\n");
  }
  for (const auto& func : module.funcs()) PrintFunc(*func, 1);
  Put("}\n");
}

}  // namespace

std::string PrintModule(const Module& module, PrintStyle style) {
  Printer printer(style);
  printer.PrintModule(module);
  return printer.Take();
}

std::string PrintFunc(const Func& func, PrintStyle style) {
  Printer printer(style);
  printer.PrintFunc(func, 0);
  return printer.Take();
}

std::string PrintOp(const Op& op) {
  Printer printer(PrintStyle::kReadable);
  printer.PrintOp(op, 0);
  return printer.Take();
}

}  // namespace lluda::ir
