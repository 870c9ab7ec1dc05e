#include "tools/report/report_pipeline.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "ir/frame.h"
#include "ir/text/printer.h"
#include "ir/view.h"
#include "passes/framework/rewrite.h"
#include "tools/inspect/module_path.h"

namespace lluda::tools {
namespace {

std::string NameOf(const ir::Operand& operand) {
  if (operand.value != nullptr) return absl::StrCat("%", operand.value->name);
  return absl::StrCat("@", operand.global->name,
                      operand.index.empty() ? "" : absl::StrCat("[", operand.index, "]"));
}

std::string NameOf(const ir::Op& op) {
  if (op.result() != nullptr) return absl::StrCat("%", op.result()->name);
  return op.defined_global != nullptr ? absl::StrCat("@", op.defined_global->name) : "";
}

std::string FirstLine(const std::string& text) { return text.substr(0, text.find('\n')); }

// Appends the block's statements, and those of the loops in it.
void AddStatements(const ir::Block& block, const passes::Provenance& provenance,
                   std::optional<int> loop, std::vector<ReportStatement>* statements) {
  for (const auto& op : block.ops()) {
    ReportStatement& statement = statements->emplace_back();
    const int place = static_cast<int>(statements->size()) - 1;
    statement.name = NameOf(*op);
    statement.op = std::string(op->name());
    statement.text = FirstLine(ir::PrintOp(*op));
    for (const ir::Operand& operand : op->operands()) statement.reads.push_back(NameOf(operand));
    statement.loop = loop;
    if (op->carried != nullptr) statement.carried = absl::StrCat("%", op->carried->name);
    if (op->callee != nullptr) statement.callee = absl::StrCat("@", op->callee->name);
    if (!statement.name.empty()) {
      passes::Origin origin = provenance.Find(passes::FuncName(block), passes::StatementName(*op));
      statement.type = ir::ToString(op->result_type());
      statement.is_view = ir::IsView(*op);
      statement.from = std::move(origin.ops);
      statement.by = std::move(origin.passes);
      statement.module = ModulePath(*op);
    }
    if (op->body != nullptr) AddStatements(*op->body, provenance, place, statements);
  }
}

// A function of the module, or its load block, by its section's name; none for the declarations.
std::optional<ReportFunction> FunctionOf(const std::string& section, const ir::Module& module,
                                         const passes::Provenance& provenance) {
  ReportFunction function;
  function.name = section;
  if (section == "load") {
    AddStatements(module.load, provenance, std::nullopt, &function.statements);
    return function;
  }
  const ir::Func* func = module.FindFunc(section.substr(1));
  if (func == nullptr) return std::nullopt;
  if (func->index) function.copies = func->index->count;
  for (const auto& param : func->params()) {
    function.parameters.push_back({absl::StrCat("%", param->name), ir::ToString(param->type)});
  }
  AddStatements(func->body, provenance, std::nullopt, &function.statements);
  return function;
}

const char* KindName(ir::Global::Kind kind) {
  switch (kind) {
    case ir::Global::Kind::kWeight:
      return "weight";
    case ir::Global::Kind::kState:
      return "state";
    case ir::Global::Kind::kLoaded:
      break;
  }
  return "loaded";
}

std::vector<ReportGlobal> GlobalsOf(const ir::Module& module) {
  std::vector<ReportGlobal> globals;
  for (const auto& from : module.globals()) {
    ReportGlobal& global = globals.emplace_back();
    global.name = absl::StrCat("@", from->name);
    global.kind = KindName(from->kind);
    global.dtype = std::string(ir::DTypeName(from->type.dtype));
    global.shape = absl::StrJoin(from->type.axes, " ", [](std::string* text, const ir::Axis& axis) {
      absl::StrAppend(text, ir::ToString(axis));
    });
    global.layout = from->type.layout.is_panel() ? ir::ToString(from->type.layout) : "row-major";
    global.bytes = ir::MaxByteSize(from->type, module);
    global.copies = from->index ? from->index->count : 1;
    global.source = from->source;
  }
  return globals;
}

const ir::Section* Find(const std::vector<ir::Section>& sections, const std::string& name) {
  for (const ir::Section& section : sections) {
    if (section.name == name) return &section;
  }
  return nullptr;
}

}  // namespace

void ReportPipeline::See(int number, absl::string_view pass, const ir::Module& module,
                         const passes::Provenance& provenance) {
  const std::string before = std::exchange(text_, ir::PrintModule(module));
  const std::vector<ir::Section> old_sections = ir::SectionsOf(before);
  ReportStep step;
  step.number = number;
  step.pass = std::string(pass);
  if (!before.empty()) step.diff = ir::Diff(before, text_);
  for (const ir::Section& section : ir::SectionsOf(text_)) {
    const ir::Section* old = Find(old_sections, section.name);
    if (old != nullptr && old->lines == section.lines) {
      for (const size_t place : steps_.back().functions) {
        if (functions_[place].name == section.name) step.functions.push_back(place);
      }
      continue;
    }
    std::optional<ReportFunction> function = FunctionOf(section.name, module, provenance);
    if (!function) continue;
    step.functions.push_back(functions_.size());
    functions_.push_back(*std::move(function));
  }
  step.globals = globals_.size();
  globals_.push_back(GlobalsOf(module));
  steps_.push_back(std::move(step));
}

void ReportPipeline::Finish(const PassHistory& history) {
  std::vector<ReportStep> seen = std::move(steps_);
  steps_.clear();
  auto next = seen.begin();
  steps_.push_back(std::move(*next++));
  for (const passes::PassReport& report : history.reports) {
    if (next != seen.end() && next->number == report.number) {
      steps_.push_back(std::move(*next++));
    } else {
      ReportStep same = steps_.back();
      same.diff.clear();
      steps_.push_back(std::move(same));
    }
    ReportStep& step = steps_.back();
    step.number = report.number;
    step.pass = report.pass;
    step.seconds = report.seconds;
    step.misses = report.misses;
  }
}

}  // namespace lluda::tools
