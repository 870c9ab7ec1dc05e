// lluda asm: the kernel of a statement, as assembly or LLVM IR, below the statement itself.
#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "cli/call_name.h"
#include "cli/commands.h"
#include "cli/import_flags.h"
#include "cli/output.h"
#include "codegen/blocks.h"
#include "codegen/compile.h"
#include "codegen/kernel_text.h"
#include "ir/printer.h"
#include "ir/suggest.h"
#include "ir/view.h"
#include "runtime/cpu_count.h"

namespace lluda::cli {
namespace {

// A statement of the module and the kernels that compute it: one, or one per part of a pack.
struct Statement {
  std::string name;  // "attn.qkv"
  std::vector<std::string> kernels;
  int64_t calls = 0;  // of the first kernel, in the load list or in a step
};

// In the order in which they first run.
std::vector<Statement> StatementsOf(const runtime::Program& program) {
  std::vector<Statement> statements;
  std::map<std::string, size_t> known;
  std::set<std::string> rounds;  // names of calls that were seen, so that a pack's parts count once
  for (const auto* list : {&program.load, &program.step}) {
    for (const runtime::Call& call : *list) {
      const std::string base = ParseCallName(call.name).Base();
      const auto [it, added] = known.try_emplace(base, statements.size());
      if (added) statements.push_back({base, {}, 0});
      Statement& statement = statements[it->second];
      statement.calls += rounds.insert(call.name).second ? 1 : 0;
      if (statement.calls == 1) statement.kernels.push_back(program.kernels[call.kernel].name);
    }
  }
  return statements;
}

const ir::Op* FindOp(const ir::Module& module, const std::string& statement) {
  const CallName name = ParseCallName(statement);
  const ir::Func* func = module.FindFunc(name.func);
  const ir::Op* found = nullptr;
  ir::ForEachOp(func == nullptr ? module.load : func->body, [&](const ir::Op* op) {
    const bool is_value = op->result() != nullptr && op->result()->name == name.statement;
    const bool is_global =
        op->defined_global != nullptr && op->defined_global->name == name.statement;
    if (is_value || is_global) found = op;
  });
  return found;
}

std::vector<codegen::KernelSpec> SpecsOf(const ir::Op& op, const codegen::Target& target) {
  std::vector<codegen::KernelSpec> specs;
  if (op.opcode() != ir::Opcode::kPack) return {codegen::BlockedSpecOf(op, target)};
  for (codegen::PackPart& part : codegen::PackParts(op)) specs.push_back(std::move(part.spec));
  return specs;
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

absl::Status NoStatement(const std::string& op, const std::vector<Statement>& statements) {
  std::vector<absl::string_view> names;
  for (const Statement& statement : statements) names.push_back(statement.name);
  const std::string near = ir::Nearest(NormalCallName(op), names);
  return absl::InvalidArgumentError(
      absl::StrCat("--op: no kernel computes '", op, "'",
                   near.empty() ? "" : absl::StrCat("; did you mean '", near, "'?"),
                   " (--list prints all statements; views and calls have no kernel)"));
}

}  // namespace

absl::StatusOr<int> RunAsm(const AsmFlags& flags) {
  if (flags.op.empty() && !flags.list) {
    return absl::InvalidArgumentError("asm: name a statement with --op, or print all with --list");
  }
  absl::StatusOr<codegen::Target> target = codegen::Target::Named(flags.model.isa);
  if (!target.ok()) return target.status();
  absl::StatusOr<ImportedModel> model = ImportModel(flags.model, engine::Weights::kOptional);
  if (!model.ok()) return model.status();
  const ir::Module& module = *model->module;
  if (absl::Status s = RunRemainingPasses(model->module.get()); !s.ok()) return s;
  // Compiled as for a run, so that kernels have the names that profilers show.
  codegen::CompileOptions options;
  options.threads = runtime::UsablePhysicalCores();
  absl::StatusOr<codegen::CompiledModule> compiled = codegen::Compile(module, *target, options);
  if (!compiled.ok()) return compiled.status();
  const std::vector<Statement> statements = StatementsOf(compiled->program);
  if (flags.list) {
    if (absl::Status status = WriteStdout(ListText(statements)); !status.ok()) return status;
    return 0;
  }

  const bool llvm = flags.emit == "llvm";
  const std::string comment = llvm ? ";" : "#";
  const std::string wanted = NormalCallName(flags.op);
  std::string heading, text;
  std::set<std::string> printed;
  for (const Statement& statement : statements) {
    const ir::Op* op = FindOp(module, statement.name);
    if (op == nullptr) return absl::InternalError(absl::StrCat("no statement ", statement.name));
    const std::vector<codegen::KernelSpec> specs = SpecsOf(*op, *target);
    for (size_t i = 0; i < specs.size(); ++i) {
      const std::string& kernel = statement.kernels[i];
      if (statement.name != wanted && kernel != wanted) continue;
      if (i == 0 || kernel == wanted) {
        absl::StrAppend(&heading, comment, " ", statement.name, ", ", statement.calls,
                        statement.calls == 1 ? " call" : " calls", "\n", Heading(*op, comment));
      }
      if (!printed.insert(kernel).second) continue;
      std::vector<std::string> symbols;
      for (const ir::Symbol& symbol : module.symbols) symbols.push_back(symbol.name);
      absl::StatusOr<std::string> code =
          codegen::KernelText(specs[i], *target, symbols, kernel,
                              llvm ? codegen::KernelForm::kLlvm : codegen::KernelForm::kAssembly);
      if (!code.ok()) return code.status();
      absl::StrAppend(&text, *code);
    }
  }
  if (text.empty()) return NoStatement(flags.op, statements);
  if (absl::Status status = WriteStdout(heading + text); !status.ok()) return status;
  return 0;
}

}  // namespace lluda::cli
