#include "tools/inspect/kernel_listing.h"

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "base/json/json_writer.h"
#include "base/status_macros.h"
#include "base/step_interface.h"
#include "codegen/bound_spec.h"
#include "codegen/compile.h"
#include "codegen/cpu/cpu_backend.h"
#include "codegen/llvm/disassembly.h"
#include "ir/text/printer.h"
#include "ir/text/suggest.h"
#include "ir/view.h"
#include "tools/inspect/pass_history.h"
#include "tools/inspect/statement_name.h"

namespace lluda::tools {
namespace {

using codegen::KernelForm;

// In the order of CodeForm: its name, and what a line begins with that is no code.
constexpr struct {
  absl::string_view name, comment;
} kForms[] = {{"asm", "# "}, {"llvm", "; "}, {"ptx", "// "}};

// Kernel number `part` of a statement, as text.
using CodeOf = std::function<absl::StatusOr<std::string>(const ir::Op& op, size_t part,
                                                         const std::string& kernel)>;

// As it is compiled for the model's target.
CodeOf CompiledCode(const OptimisedModel& model, KernelForm form) {
  struct Specs {
    explicit Specs(const OptimisedModel& model)
        : backend(model.target, codegen::SymbolNames(*model.module),
                  codegen::KernelModules::kPerKernel),
          binder(*model.module, backend) {}
    codegen::CpuBackend backend;
    codegen::SpecBinder binder;
  };
  const auto specs = std::make_shared<const Specs>(model);
  return [specs, &model, form](const ir::Op& op, size_t part, const std::string& kernel) {
    const codegen::KernelSpec spec = op.opcode() == ir::Opcode::kPack
                                         ? codegen::PackParts(op)[part].spec
                                         : specs->binder.Bind(op).spec;
    return codegen::KernelText(spec, model.target, codegen::SymbolNames(*model.module), kernel,
                               form);
  };
}

// As it lies in a bundle.
CodeOf BundledCode(const OptimisedModel& model, const NativeProgram& native) {
  codegen::MachineCode code{native.code.bytes(), model.bundle()->code_start(), {}};
  for (const runtime::Kernel& kernel : native.program.kernels) {
    const auto* entry = reinterpret_cast<const char*>(kernel.fn);
    code.functions[static_cast<uint64_t>(entry - code.bytes.data())] = kernel.name;
  }
  return [code = std::move(code)](const ir::Op&, size_t, const std::string& kernel) {
    return codegen::Disassembly(code, kernel);
  };
}

// The statement and the views it reads through.
std::vector<std::string> LinesOf(const ir::Op& op) {
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
  return lines;
}

// Where a statement is looked for.
struct Listed {
  const OptimisedModel* model;
  const runtime::Program* program;
  absl::string_view entry;  // "": all
};

absl::Status NoStatement(const Listed& listed, absl::string_view name,
                         const std::vector<ComputedStatement>& statements) {
  const auto& [model, program, entry] = listed;
  const std::string wanted = StatementNamed(name);
  if (model->bundle() != nullptr && entry.empty() &&
      wanted.substr(0, wanted.find('.')) == step_interface::kLoad) {
    return absl::InvalidArgumentError(
        absl::StrCat(model->source->path(),
                     ": the load block ran when the bundle was compiled; its "
                     "kernels are not in it"));
  }
  std::vector<absl::string_view> names;
  for (const ComputedStatement& statement : statements) names.push_back(statement.name);
  const std::string near = ir::Nearest(wanted, names);
  return absl::InvalidArgumentError(absl::StrCat(
      "--op: no kernel ", entry.empty() ? "" : absl::StrCat("of @", entry, " "), "computes '", name,
      "'", near.empty() ? "" : absl::StrCat("; did you mean '", near, "'?"),
      " (--list prints all statements; views and calls have no kernel)"));
}

absl::Status List(const Listed& listed, absl::string_view name, const CodeOf& code_of,
                  KernelListing* listing) {
  const std::map<std::string, const ir::Op*> ops = StatementsByName(*listed.model->module);
  const std::vector<ComputedStatement> statements =
      ComputedStatements(*listed.program, listed.entry);
  const std::string wanted = StatementNamed(name);
  std::set<std::string> seen;
  for (const ComputedStatement& statement : statements) {
    const ir::Op& op = *ops.at(statement.name);
    for (size_t i = 0; i < statement.kernels.size(); ++i) {
      const std::string& kernel = statement.kernels[i];
      if (statement.name != wanted && kernel != wanted) continue;
      if (i == 0 || kernel == wanted) {
        listing->statements.push_back({statement.name, statement.calls, LinesOf(op)});
      }
      if (!seen.insert(kernel).second) continue;
      ASSIGN_OR_RETURN(std::string code, code_of(op, i, kernel));
      listing->kernels.push_back({kernel, std::move(code)});
    }
  }
  return listing->kernels.empty() ? NoStatement(listed, name, statements) : absl::OkStatus();
}

}  // namespace

std::vector<ComputedStatement> ComputedStatements(const runtime::Program& program,
                                                  absl::string_view entry) {
  std::vector<ComputedStatement> statements;
  std::map<std::string, size_t> known;
  std::set<std::string> rounds;  // sites of calls that were seen, so that a pack's parts count once
  std::vector<const std::vector<runtime::Call>*> lists;
  if (entry.empty()) lists.push_back(&program.load);
  for (const runtime::Entry& each : program.entries) {
    if (entry.empty() || each.name == entry) lists.push_back(&each.calls);
  }
  for (const auto* list : lists) {
    for (const runtime::Call& call : *list) {
      const std::string base = StatementOf(call.site);
      const auto [it, added] = known.try_emplace(base, statements.size());
      if (added) statements.push_back({base, {}, 0});
      ComputedStatement& statement = statements[it->second];
      statement.calls += rounds.insert(ToString(call.site)).second ? 1 : 0;
      if (statement.calls == 1) statement.kernels.push_back(program.kernels[call.kernel].name);
    }
  }
  return statements;
}

std::string ComputedStatementsText(const std::vector<ComputedStatement>& statements) {
  size_t width = 0;
  for (const ComputedStatement& statement : statements) {
    width = std::max(width, statement.name.size());
  }
  std::string text;
  for (const ComputedStatement& statement : statements) {
    std::vector<std::string> kernels;
    for (const std::string& kernel : statement.kernels) {
      if (kernels.empty() || kernels.back() != kernel) kernels.push_back(kernel);
    }
    absl::StrAppendFormat(&text, "%-*s  %s\n", static_cast<int>(width), statement.name,
                          absl::StrJoin(kernels, " "));
  }
  return text;
}

std::string ComputedStatementsJson(const std::vector<ComputedStatement>& statements) {
  base::JsonWriter json;
  json.BeginDocument("lluda.asm_list/1").Key("statements").BeginArray();
  for (const ComputedStatement& statement : statements) {
    json.BeginObject();
    json.Key("name").String(statement.name);
    json.Key("calls").Int(statement.calls);
    json.Key("kernels").Strings(statement.kernels);
    json.EndObject();
  }
  return json.EndArray().EndDocument();
}

absl::StatusOr<KernelListing> ListKernels(const OptimisedModel& model, const NativeProgram& native,
                                          absl::string_view name, KernelForm form,
                                          absl::string_view entry) {
  const bool is_bundle = model.bundle() != nullptr;
  if (is_bundle && form == KernelForm::kLlvm) {
    return absl::InvalidArgumentError(
        absl::StrCat(model.source->path(), ": a bundle holds machine code and no LLVM IR"));
  }
  KernelListing listing;
  listing.form = form == KernelForm::kLlvm ? CodeForm::kLlvm : CodeForm::kAssembly;
  const CodeOf code_of = is_bundle ? BundledCode(model, native) : CompiledCode(model, form);
  RETURN_IF_ERROR(List({&model, &native.program, entry}, name, code_of, &listing));
  return listing;
}

absl::StatusOr<KernelListing> ListGpuKernels(const OptimisedModel& model, const NativeProgram& gpu,
                                             absl::string_view name) {
  std::map<std::string, std::string> code;
  for (const runtime::Kernel& kernel : gpu.program.kernels) {
    std::string& text = code[kernel.name];
    text = gpu.ptx.at(kernel.name);
    if (kernel.many_symbol >= 0) text += gpu.ptx.at(gpu.program.kernels[kernel.many].name);
  }
  KernelListing listing;
  listing.form = CodeForm::kPtx;
  const CodeOf code_of = [&code](const ir::Op&, size_t, const std::string& kernel) {
    return code.at(kernel);
  };
  RETURN_IF_ERROR(List({&model, &gpu.program, ""}, name, code_of, &listing));
  return listing;
}

std::string KernelListingText(const KernelListing& listing) {
  const absl::string_view comment = kForms[static_cast<int>(listing.form)].comment;
  std::string text;
  for (const ListedStatement& statement : listing.statements) {
    absl::StrAppend(&text, comment, statement.name, ", ", statement.calls,
                    statement.calls == 1 ? " call" : " calls", "\n");
    for (const std::string& line : statement.lines) absl::StrAppend(&text, comment, line, "\n");
  }
  for (const ListedKernel& kernel : listing.kernels) absl::StrAppend(&text, kernel.code);
  return text;
}

std::string KernelListingJson(const KernelListing& listing) {
  base::JsonWriter json;
  json.BeginDocument("lluda.asm/1");
  json.Key("emit").String(kForms[static_cast<int>(listing.form)].name);
  json.Key("statements").BeginArray();
  for (const ListedStatement& statement : listing.statements) {
    json.BeginObject();
    json.Key("name").String(statement.name);
    json.Key("calls").Int(statement.calls);
    json.Key("lines").Strings(statement.lines);
    json.EndObject();
  }
  json.EndArray().Key("kernels").BeginArray();
  for (const ListedKernel& kernel : listing.kernels) {
    json.BeginObject();
    json.Key("name").String(kernel.name);
    json.Key("code").String(kernel.code);
    json.EndObject();
  }
  return json.EndArray().EndDocument();
}

}  // namespace lluda::tools
