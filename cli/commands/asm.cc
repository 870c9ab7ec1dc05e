// lluda asm: the kernel of a statement, as assembly or LLVM IR, below the statement itself. Of a
// bundle it is the machine code in the file.
#include <algorithm>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "base/status_macros.h"
#include "base/step_interface.h"
#include "cli/commands/commands.h"
#include "cli/flags/model_flags.h"
#include "cli/terminal/output.h"
#include "codegen/cpu/interleaved_values.h"
#include "codegen/cpu/kernel_text.h"
#include "codegen/llvm/disassembly.h"
#include "ir/text/printer.h"
#include "ir/text/suggest.h"
#include "ir/view.h"
#include "tools/inspect/optimised_model.h"
#include "tools/inspect/statement_name.h"

namespace lluda::cli {
namespace {

// A statement of the module and the kernels that compute it: one, or one per part of a pack.
struct Statement {
  std::string name;  // "attn.qkv"
  std::vector<std::string> kernels;
  int64_t calls = 0;  // of the first kernel, in the load list or in a run of an entry
};

// In the order in which they first run.
std::vector<Statement> StatementsOf(const runtime::Program& program) {
  std::vector<Statement> statements;
  std::map<std::string, size_t> known;
  std::set<std::string> rounds;  // sites of calls that were seen, so that a pack's parts count once
  std::vector<const std::vector<runtime::Call>*> lists = {&program.load};
  for (const runtime::Entry& entry : program.entries) lists.push_back(&entry.calls);
  for (const auto* list : lists) {
    for (const runtime::Call& call : *list) {
      const std::string base = StatementOf(call.site);
      const auto [it, added] = known.try_emplace(base, statements.size());
      if (added) statements.push_back({base, {}, 0});
      Statement& statement = statements[it->second];
      statement.calls += rounds.insert(ToString(call.site)).second ? 1 : 0;
      if (statement.calls == 1) statement.kernels.push_back(program.kernels[call.kernel].name);
    }
  }
  return statements;
}

// Kernel number `part` of a statement, as text.
using KernelText = std::function<absl::StatusOr<std::string>(const ir::Op& op, size_t part,
                                                             const std::string& kernel)>;

// As it is compiled for the model's target.
KernelText CompiledText(const tools::OptimisedModel& model, codegen::KernelForm form) {
  return [&model, form](const ir::Op& op, size_t part, const std::string& kernel) {
    const codegen::KernelSpec spec = op.opcode() == ir::Opcode::kPack
                                         ? codegen::PackParts(op)[part].spec
                                         : codegen::InterleavedSpecOf(op, model.target);
    std::vector<std::string> symbols;
    for (const ir::Symbol& symbol : model.module->symbols) symbols.push_back(symbol.name);
    return codegen::KernelText(spec, model.target, symbols, kernel, form);
  };
}

// As it lies in a bundle.
KernelText BundledText(const tools::OptimisedModel& model, const tools::NativeProgram& native) {
  codegen::MachineCode code{native.code.bytes(), model.bundle()->code_start(), {}};
  for (const runtime::Kernel& kernel : native.program.kernels) {
    const auto* entry = reinterpret_cast<const char*>(kernel.fn);
    code.functions[static_cast<uint64_t>(entry - code.bytes.data())] = kernel.name;
  }
  return [code = std::move(code)](const ir::Op&, size_t, const std::string& kernel) {
    return codegen::Disassembly(code, kernel);
  };
}

// The statement and the views it reads through, each line behind `comment`.
std::string Heading(const ir::Op& op, const std::string& comment) {
  std::vector<std::string> lines;
  for (const ir::Operand& operand : op.operands()) {
    const ir::Op* def = operand.value != nullptr ? operand.value->def() : nullptr;
    for (; def != nullptr && ir::IsView(*def); def = def->operand(0).value->def()) {
      lines.push_back(ir::PrintOp(*def));
      if (def->operand(0).value == nullptr) break;
    }
  }
  std::reverse(lines.begin(), lines.end());
  lines.push_back(ir::PrintOp(op));
  return absl::StrCat(comment, " ", absl::StrJoin(lines, absl::StrCat("\n", comment, " ")), "\n");
}

std::string ListText(const std::vector<Statement>& statements) {
  size_t width = 0;
  for (const Statement& statement : statements) width = std::max(width, statement.name.size());
  std::string text;
  for (const Statement& statement : statements) {
    std::vector<std::string> kernels;
    for (const std::string& kernel : statement.kernels) {
      if (kernels.empty() || kernels.back() != kernel) kernels.push_back(kernel);
    }
    absl::StrAppendFormat(&text, "%-*s  %s\n", static_cast<int>(width), statement.name,
                          absl::StrJoin(kernels, " "));
  }
  return text;
}

absl::Status NoStatement(const AsmFlags& flags, const tools::OptimisedModel& model,
                         const std::vector<Statement>& statements) {
  const std::string wanted = tools::StatementNamed(flags.op);
  if (model.bundle() != nullptr && wanted.substr(0, wanted.find('.')) == step_interface::kLoad) {
    return absl::InvalidArgumentError(
        absl::StrCat(flags.model.model,
                     ": the load block ran when the bundle was compiled; its "
                     "kernels are not in it"));
  }
  std::vector<absl::string_view> names;
  for (const Statement& statement : statements) names.push_back(statement.name);
  const std::string near = ir::Nearest(wanted, names);
  return absl::InvalidArgumentError(
      absl::StrCat("--op: no kernel computes '", flags.op, "'",
                   near.empty() ? "" : absl::StrCat("; did you mean '", near, "'?"),
                   " (--list prints all statements; views and calls have no kernel)"));
}

}  // namespace

absl::StatusOr<int> RunAsm(const AsmFlags& flags) {
  if (flags.op.empty() && !flags.list) {
    return absl::InvalidArgumentError("asm: name a statement with --op, or print all with --list");
  }
  ASSIGN_OR_RETURN(engine::LoadOptions options, LoadOptionsOf(flags.model));
  ASSIGN_OR_RETURN(tools::OptimisedModel model,
                   tools::OpenOptimised(options, engine::Weights::kOptional));
  const bool llvm = flags.emit == "llvm";
  if (llvm && model.bundle() != nullptr) {
    return absl::InvalidArgumentError(
        absl::StrCat(flags.model.model, ": a bundle holds machine code and no LLVM IR"));
  }
  // Compiled as for a run, so that kernels have the names that profilers show.
  ASSIGN_OR_RETURN(tools::NativeProgram native, tools::NativeProgramOf(model));
  const std::vector<Statement> statements = StatementsOf(native.program);
  if (flags.list) {
    RETURN_IF_ERROR(WriteStdout(ListText(statements)));
    return 0;
  }

  const KernelText kernel_text =
      model.bundle() != nullptr
          ? BundledText(model, native)
          : CompiledText(model, llvm ? codegen::KernelForm::kLlvm : codegen::KernelForm::kAssembly);
  const std::map<std::string, const ir::Op*> ops = tools::StatementsByName(*model.module);
  const std::string comment = llvm ? ";" : "#";
  const std::string wanted = tools::StatementNamed(flags.op);
  std::string heading, text;
  std::set<std::string> printed;
  for (const Statement& statement : statements) {
    const ir::Op& op = *ops.at(statement.name);
    for (size_t i = 0; i < statement.kernels.size(); ++i) {
      const std::string& kernel = statement.kernels[i];
      if (statement.name != wanted && kernel != wanted) continue;
      if (i == 0 || kernel == wanted) {
        absl::StrAppend(&heading, comment, " ", statement.name, ", ", statement.calls,
                        statement.calls == 1 ? " call" : " calls", "\n", Heading(op, comment));
      }
      if (!printed.insert(kernel).second) continue;
      ASSIGN_OR_RETURN(std::string code, kernel_text(op, i, kernel));
      absl::StrAppend(&text, code);
    }
  }
  if (text.empty()) return NoStatement(flags, model, statements);
  RETURN_IF_ERROR(WriteStdout(heading + text));
  return 0;
}

}  // namespace lluda::cli
