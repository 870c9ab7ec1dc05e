#include "tools/verify/verify_run.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>
#include <numeric>
#include <optional>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/types/span.h"
#include "base/status_macros.h"
#include "base/step_interface.h"
#include "ir/type/encoding.h"
#include "passes/framework/rewrite.h"
#include "tools/inspect/entry_arguments.h"

namespace lluda::tools {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

ir::Tensor Ints(const char* axis, std::vector<int64_t> values) {
  const auto count = static_cast<int64_t>(values.size());
  return ir::Tensor::OfInts({ir::DType::kI32, {{axis, ir::Extent::Constant(count)}}, {}},
                            std::move(values));
}

// Is the statement about a copy that is cut, by its number: `call @mlp_2[5]`, `append @act_out[5]`?
bool IsOfCutCopy(const ir::Op& op, int64_t count, const std::string& index) {
  const auto is_cut = [&](const std::optional<ir::Index>& declared, const std::string& number) {
    return declared && declared->name == index && ir::ConstantIndex(number).value_or(0) >= count;
  };
  if (op.callee != nullptr) return is_cut(op.callee->index, op.callee_index);
  const int state = ir::AppendedOperand(op);
  return state >= 0 && is_cut(op.operand(state).global->index, op.operand(state).index);
}

// Which layers are kept, and what they are called then.
struct Kept {
  int64_t count;
  std::string index;  // of the layers
  bool renumber;      // the last one, where it computes rows: it becomes the last that is kept
};

void KeepLayersIn(const Kept& kept, ir::Block* block) {
  const std::string last = absl::StrCat(kept.count - 1);
  bool is_renumbered = false;
  for (auto it = block->ops().begin(); it != block->ops().end();) {
    ir::Op* op = (it++)->get();
    if (IsOfCutCopy(*op, kept.count, kept.index)) {
      if (CallsForRows(*op)) {
        if (kept.renumber) op->callee_index = last;
        is_renumbered |= kept.renumber;
        continue;
      }
      // A layer's function returns what the next one begins with, and nobody reads what is recorded.
      ir::ReplaceAllUses(op->result(), op->operand(0));
      block->Erase(op);
      continue;
    }
    if (op->opcode() != ir::Opcode::kFor) continue;
    if (op->loop_index == kept.index && op->carried != nullptr) {
      op->attrs.end = std::min(op->attrs.end, op->attrs.begin + kept.count);
    } else if (op->loop_index == kept.index) {
      // Loops of the load block may define a part of the layers each.
      op->attrs.end = std::min(op->attrs.end, kept.count);
      if (op->attrs.begin >= op->attrs.end) {
        block->Erase(op);
        continue;
      }
    }
    KeepLayersIn(kept, op->body.get());
  }
  if (!is_renumbered) return;
  // The loops leave it to the call behind them.
  for (auto it = block->ops().begin(); it != block->ops().end();) {
    ir::Op* op = (it++)->get();
    if (op->opcode() != ir::Opcode::kFor || op->loop_index != kept.index) continue;
    op->attrs.end = std::min(op->attrs.end, kept.count - 1);
    if (op->attrs.begin < op->attrs.end) continue;
    ir::ReplaceAllUses(op->result(), op->operand(0));
    block->Erase(op);
  }
}

}  // namespace

std::string FindingText(const Finding& finding) {
  const std::string difference =
      finding.difference.empty()
          ? absl::StrFormat("NMSE %.1e, at most %.1e", finding.nmse, finding.bound)
          : finding.difference;
  const std::string place =
      PlaceText({finding.step, finding.func, finding.index, finding.statement, 0});
  return absl::StrCat(finding.culprit, ": ", place, ": ", difference,
                      finding.note.empty() ? "" : "\n", finding.note);
}

std::string PlaceText(const ValueKey& key) {
  const auto& [step, func, index, statement, before] = key;
  if (step < 0) return absl::StrFormat("load[%d] %s", index, statement);
  return absl::StrFormat("@%s[%d] %%%s in step %d", func, index, statement, step);
}

namespace {

int64_t PagesOf(int64_t positions) {
  return (positions + step_interface::kPagePositions - 1) / step_interface::kPagePositions;
}

}  // namespace

std::map<std::string, int64_t> StateSymbols(const ir::Module& module, const VerifyRun& run) {
  int64_t tokens = 0;
  for (const std::vector<int64_t>& step : run.steps) tokens += static_cast<int64_t>(step.size());
  std::map<std::string, int64_t> symbols;
  for (const auto& global : module.globals()) {
    if (global->kind != ir::Global::Kind::kState) continue;
    for (const ir::Axis& axis : global->type.axes) {
      if (axis.extent.is_constant()) continue;
      const int64_t least = std::max<int64_t>(module.FindSymbol(axis.extent.symbol)->min, 1);
      int64_t* value = &symbols[axis.extent.symbol];
      *value = least;
      if (axis.name == step_interface::kPositionAxis) {
        *value = std::max<int64_t>((tokens + least - 1) / least, 1) * least;
      } else if (axis.name == step_interface::kPageAxis) {
        *value = std::max(PagesOf(tokens), least);
      }
    }
  }
  return symbols;
}

namespace {

// keep, from and media of so many tokens: every token has its embedding, and the only row is zeros.
void AddNoMedia(const ir::Func& step, int64_t tokens, std::vector<ir::Tensor>* arguments) {
  const ir::Axis axis = {step_interface::kTokenAxis, ir::Extent::Constant(tokens)};
  ir::Tensor keep(ir::Type{ir::DType::kF32, {axis}, {}});
  for (int64_t i = 0; i < tokens; ++i) keep.Store(i, 1);
  ir::Type rows = step.params()[std::size(step_interface::kInputsWithMedia) - 1]->type;
  rows.axes[0].extent = ir::Extent::Constant(1);
  arguments->push_back(std::move(keep));
  arguments->push_back(
      Ints(step_interface::kTokenAxis, std::vector<int64_t>(static_cast<size_t>(tokens), 0)));
  arguments->push_back(ir::Tensor(rows));
}

// page and table: the pages of the only sequence follow one another.
void AddPages(const std::vector<int64_t>& positions, std::vector<ir::Tensor>* arguments) {
  std::vector<int64_t> pages;
  for (const int64_t position : positions)
    pages.push_back(position / step_interface::kPagePositions);
  const ir::Axis slot = {step_interface::kSlotAxis, ir::Extent::Constant(1)};
  const ir::Axis place = {step_interface::kPlaceAxis,
                          ir::Extent::Constant(PagesOf(positions.back() + 1))};
  ir::Tensor table(ir::Type{ir::DType::kI32, {slot, place}, {}});
  std::iota(table.mutable_ints().begin(), table.mutable_ints().end(), 0);
  arguments->push_back(Ints(step_interface::kTokenAxis, std::move(pages)));
  arguments->push_back(std::move(table));
}

}  // namespace

absl::Status RunEntry(const ir::Module& module, const std::string& entry, int64_t rows,
                      VerifyRun* run) {
  const ir::Func& func = *module.FindFunc(entry);
  std::optional<int64_t> taken;
  if (TakesRows(func)) taken = rows;
  ASSIGN_OR_RETURN(SymbolValues symbols, EntrySymbols(module, func, taken));
  ASSIGN_OR_RETURN(run->arguments, EntryArguments(func, symbols));
  run->entry = entry;
  run->steps.clear();
  return absl::OkStatus();
}

size_t TimesOf(const VerifyRun& run) {
  return run.entry == step_interface::kStep ? run.steps.size() : 1;
}

std::vector<ir::Tensor> ArgumentsOf(const ir::Module& module, const VerifyRun& run, size_t step) {
  if (run.entry != step_interface::kStep) return run.arguments;
  int64_t before = 0;
  for (size_t i = 0; i < step; ++i) before += static_cast<int64_t>(run.steps[i].size());
  const std::vector<int64_t>& tokens = run.steps[step];
  std::vector<int64_t> positions(tokens.size());
  std::iota(positions.begin(), positions.end(), before);
  const auto count = static_cast<int64_t>(tokens.size());
  std::vector<ir::Tensor> arguments = {
      Ints(step_interface::kTokenAxis, tokens), Ints(step_interface::kTokenAxis, positions),
      Ints(step_interface::kTokenAxis, std::vector<int64_t>(tokens.size(), 0)),
      Ints(step_interface::kRowAxis, {count - 1})};
  const ir::Func* func = module.FindFunc(step_interface::kStep);
  if (func == nullptr) return arguments;
  const bool takes_pages =
      !func->params().empty() && func->params().back()->name == step_interface::kPageTable;
  const size_t inputs =
      func->params().size() - (takes_pages ? std::size(step_interface::kPageInputs) : 0);
  if (inputs == std::size(step_interface::kInputsWithMedia)) AddNoMedia(*func, count, &arguments);
  if (takes_pages) AddPages(positions, &arguments);
  return arguments;
}

std::vector<std::vector<int64_t>> StepTokens(int64_t tokens, int64_t vocabulary) {
  const auto token = [&](int64_t i) { return (i * 7919 + 13) % vocabulary; };
  std::vector<std::vector<int64_t>> steps(1);
  for (int64_t i = 0; i < tokens; ++i) steps[0].push_back(token(i));
  steps.push_back({token(tokens)});
  return steps;
}

absl::StatusOr<std::vector<ir::Tensor>> Interpret(const ir::Module& module, const VerifyRun& run,
                                                  const SeeValue& see) {
  ASSIGN_OR_RETURN(
      ir::Interpreter interpreter,
      ir::Interpreter::Create(&module, {StateSymbols(module, run), run.weights, run.loaded}));
  absl::Status seen;
  int step = -1;
  std::map<ValueKey, int64_t> times;
  if (see) {
    interpreter.SetObserver(
        [&](const ir::Func* func, int64_t index, const ir::Op& op, const ir::Tensor& result) {
          if (!seen.ok() || op.opcode() == ir::Opcode::kCall || op.opcode() == ir::Opcode::kFor) {
            return;
          }
          ValueKey key{step, func == nullptr ? step_interface::kLoad : func->name, index,
                       passes::StatementName(op), 0};
          const int64_t before = times[key]++;
          std::get<4>(key) = before;
          seen = see(key, op, result);
        });
  }
  if (!run.loaded) {
    RETURN_IF_ERROR(interpreter.RunLoad());
  }
  std::vector<ir::Tensor> results;
  for (step = 0; step < static_cast<int>(TimesOf(run)) && seen.ok(); ++step) {
    ASSIGN_OR_RETURN(
        ir::Tensor result,
        interpreter.Call(run.entry, ArgumentsOf(module, run, static_cast<size_t>(step))));
    results.push_back(std::move(result));
  }
  if (!seen.ok()) return seen;
  return results;
}

absl::StatusOr<ir::Tensor> InterpretLast(const ir::Module& module, const VerifyRun& run) {
  ASSIGN_OR_RETURN(std::vector<ir::Tensor> results, Interpret(module, run, nullptr));
  if (results.empty()) return absl::InvalidArgumentError("a run without steps");
  return std::move(results.back());
}

double ErrorOf(const ir::Tensor& a, const ir::Tensor& b) {
  if (a.size() != b.size()) return kInfinity;
  if (a.is_blocks() && b.is_blocks()) return ErrorOf(a.Decoded(), b.Decoded());
  if (a.is_blocks() != b.is_blocks() || a.is_float() != b.is_float()) return kInfinity;
  if (!a.is_float()) return a.ints() == b.ints() ? 0 : kInfinity;
  const bool a_is_coarser = ir::ElementBits(a.type().dtype) < ir::ElementBits(b.type().dtype);
  const ir::DType dtype = a_is_coarser ? a.type().dtype : b.type().dtype;
  double error = 0, norm = 0;
  for (int64_t i = 0; i < a.size(); ++i) {
    const float x = ir::RoundTo(dtype, a.floats()[i]), y = ir::RoundTo(dtype, b.floats()[i]);
    if (x == y || (std::isnan(x) && std::isnan(y))) {
      norm += std::isfinite(y) ? double{y} * y : 0;
      continue;
    }
    error += (double{x} - y) * (double{x} - y);
    norm += double{y} * y;
  }
  if (error == 0) return 0;
  const double nmse = error / norm;
  return std::isfinite(nmse) ? nmse : kInfinity;
}

int64_t LayersOf(const ir::Module& module) {
  int64_t layers = 0;
  for (const auto& func : module.funcs()) {
    if (func->index) layers = std::max(layers, func->index->count);
  }
  return std::max<int64_t>(layers, 1);
}

namespace {

// What layers are counted by: text and sound have one each.
std::set<std::string> LayerIndices(const ir::Module& module) {
  std::set<std::string> indices;
  for (const auto& global : module.globals()) {
    if (global->index) indices.insert(global->index->name);
  }
  for (const auto& func : module.funcs()) {
    if (func->index) indices.insert(func->index->name);
  }
  return indices;
}

// Leaves as many of the numbers that the source lists as there are copies.
void CutNumbers(const ir::SourceIndex& place, ir::Global* weight) {
  const auto copies = static_cast<size_t>(weight->index->count);
  if (place.numbers.size() <= copies) return;
  const auto kept = absl::MakeConstSpan(place.numbers).subspan(0, copies);
  const std::string text =
      absl::StrCat("{", weight->index->name, ": ", absl::StrJoin(kept, " "), "}");
  weight->source = absl::StrReplaceAll(weight->source, {{place.text, text}});
}

}  // namespace

void KeepLayers(int64_t count, ir::Module* module) {
  const std::set<std::string> indices = LayerIndices(*module);
  const auto cut = [&](std::optional<ir::Index>* declared) {
    if (*declared) (*declared)->count = std::min((*declared)->count, count);
  };
  for (const auto& global : module->globals()) {
    const std::optional<ir::SourceIndex> place = ir::FindSourceIndex(*global);
    cut(&global->index);
    if (place) CutNumbers(*place, global.get());
  }
  for (const auto& func : module->funcs()) cut(&func->index);
  for (const std::string& index : indices) {
    const Kept kept = {count, index, /*renumber=*/true};
    KeepLayersIn(kept, &module->load);
    for (const auto& func : module->funcs()) KeepLayersIn(kept, &func->body);
  }
}

void KeepRounds(int64_t count, ir::Module* module) {
  for (const std::string& index : LayerIndices(*module)) {
    for (const auto& func : module->funcs()) {
      KeepLayersIn({count, index, /*renumber=*/false}, &func->body);
    }
  }
}

bool CallsForRows(const ir::Op& op) {
  if (op.callee == nullptr || !op.callee->index) return false;
  const std::vector<ir::Axis>& axes = op.callee->result_type.axes;
  return std::any_of(axes.begin(), axes.end(), [](const ir::Axis& axis) {
    return axis.name == step_interface::kTokenAxis && !axis.extent.is_constant() &&
           (axis.extent.symbol == step_interface::kRowCount ||
            axis.extent.symbol == step_interface::kTopRowCount);
  });
}

}  // namespace lluda::tools
