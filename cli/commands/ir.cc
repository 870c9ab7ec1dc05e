// lluda ir: a model's module as text, at any point of the pipeline, and what the passes did to it.
// Needs config.json; weights only for their dtypes, and not even for those if the config names one.
#include <unistd.h>

#include <filesystem>
#include <memory>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "base/status_macros.h"
#include "bundle/reader.h"
#include "cli/commands/commands.h"
#include "cli/flags/model_flags.h"
#include "cli/terminal/output.h"
#include "codegen/cpu/cpu_compile.h"
#include "codegen/llvm/target.h"
#include "ir/text/diff.h"
#include "ir/text/printer.h"
#include "passes/default_pipeline.h"
#include "passes/pipeline.h"
#include "tools/inspect/ir_plan.h"
#include "tools/inspect/optimised_model.h"

namespace lluda::cli {
namespace {

// A pass of the pipeline, as a user names it: its number from 1, or its name.
struct PassChoice {
  size_t number = 0;  // 0: by name
  std::string name;

  bool Fits(size_t i, const std::vector<std::string>& names) const {
    return number > 0 ? i == number : names[i - 1] == name;
  }
};

absl::StatusOr<PassChoice> ChoosePass(const char* flag, const std::string& text,
                                      const std::vector<std::string>& names) {
  PassChoice choice;
  choice.name = text;
  size_t number = 0;
  if (absl::SimpleAtoi(text, &number) && number >= 1) choice.number = number;
  for (size_t i = 1; i <= names.size(); ++i) {
    if (choice.Fits(i, names)) return choice;
  }
  return absl::InvalidArgumentError(
      absl::StrCat(flag, ": '", text, "' is none of the passes: ", absl::StrJoin(names, ", ")));
}

// How many of the passes to run so that `after` is the last one.
absl::StatusOr<size_t> CountUpTo(const std::vector<std::string>& names, const std::string& after) {
  ASSIGN_OR_RETURN(PassChoice choice, ChoosePass("--after", after, names));
  size_t count = names.size();
  while (!choice.Fits(count, names)) --count;
  return count;
}

absl::Status Dump(const std::string& folder, int number, absl::string_view pass,
                  const ir::Module& module) {
  const std::string name =
      absl::StrFormat("%02d-%s.lluda", number, pass.empty() ? absl::string_view("input") : pass);
  return WriteFile((std::filesystem::path(folder) / name).string(), ir::PrintModule(module));
}

bool IsWanted(const IrFlags& flags, absl::string_view section) {
  absl::string_view wanted = flags.func;
  absl::ConsumePrefix(&wanted, "@");
  absl::ConsumePrefix(&section, "@");
  return wanted.empty() || section == wanted;
}

// A module's text, or the wanted section of it.
absl::StatusOr<std::string> Wanted(const IrFlags& flags, std::string text) {
  if (flags.func.empty()) return text;
  std::vector<std::string> names;
  for (const ir::Section& section : ir::SectionsOf(text)) {
    if (IsWanted(flags, section.name)) {
      return absl::StrCat(absl::StrJoin(section.lines, "\n"), "\n");
    }
    if (section.name != "declarations") names.emplace_back(absl::StripPrefix(section.name, "@"));
  }
  return absl::InvalidArgumentError(absl::StrCat("--func: the module has no '", flags.func,
                                                 "', but ", absl::StrJoin(names, ", ")));
}

absl::StatusOr<int> PrintBundlePlan(const IrFlags& flags, const engine::LoadOptions& options) {
  ASSIGN_OR_RETURN(tools::OptimisedModel model,
                   tools::OpenOptimised(options, engine::Weights::kOptional));
  ASSIGN_OR_RETURN(tools::NativeProgram native, tools::NativeProgramOf(model));
  ASSIGN_OR_RETURN(std::string text, tools::PlanText(*model.module, native.program, flags.func));
  RETURN_IF_ERROR(WriteStdout(text));
  return 0;
}

// Of a bundle only the module that was compiled is there.
absl::StatusOr<int> PrintBundle(const IrFlags& flags, const engine::LoadOptions& options) {
  if (flags.before || !flags.after.empty() || !flags.all_folder.empty() || flags.diff ||
      flags.passes != IrFlags().passes || !flags.model.ir_file.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat(flags.model.model, ": a bundle has the module after all passes only"));
  }
  if (flags.plan) return PrintBundlePlan(flags, options);
  const bundle::Bundle& bundle = *options.source->bundle();
  const int64_t context = bundle.model().context;
  if (flags.model.context.value_or(context) != context) {
    return absl::InvalidArgumentError(absl::StrCat(flags.model.model,
                                                   ": is compiled for a context of ", context,
                                                   " tokens, not ", *flags.model.context));
  }
  ASSIGN_OR_RETURN(absl::string_view module, bundle.Ir());
  ASSIGN_OR_RETURN(std::string text, Wanted(flags, std::string(module)));
  RETURN_IF_ERROR(WriteStdout(text));
  return 0;
}

// Compiled for this machine, to see the calls.
absl::StatusOr<std::string> CompiledPlan(const ir::Module& module, absl::string_view func) {
  ASSIGN_OR_RETURN(codegen::CompiledModule compiled,
                   codegen::Compile(module, codegen::Target::Host(), {}));
  return tools::PlanText(module, compiled.program, func);
}

// Writes what the chosen passes changed, as they run.
class Differ {
 public:
  Differ(const IrFlags& flags, const std::vector<std::string>& names, PassChoice choice)
      : flags_(flags), names_(names), choice_(std::move(choice)) {
    color_ = flags.color == "always" || (flags.color == "auto" && isatty(STDOUT_FILENO) == 1);
  }

  absl::Status See(int number, absl::string_view pass, const ir::Module& module) {
    const std::string before = std::exchange(text_, ir::PrintModule(module));
    const bool chosen =
        number > 0 && (flags_.diff->empty() || choice_.Fits(static_cast<size_t>(number), names_));
    if (!chosen) return absl::OkStatus();
    std::vector<ir::SectionDiff> diff;
    for (ir::SectionDiff& section : ir::Diff(before, text_)) {
      if (IsWanted(flags_, section.name)) diff.push_back(std::move(section));
    }
    if (diff.empty()) return absl::OkStatus();
    const std::string title = absl::StrCat("=== ", number, " ", pass);
    return WriteStdout(absl::StrCat(color_ ? absl::StrCat("\033[1m", title, "\033[0m") : title,
                                    "\n", ir::DiffText(diff, color_)));
  }

 private:
  const IrFlags& flags_;
  const std::vector<std::string>& names_;
  PassChoice choice_;
  bool color_ = false;
  std::string text_;
};

}  // namespace

absl::StatusOr<int> RunIr(const IrFlags& flags) {
  ASSIGN_OR_RETURN(engine::LoadOptions load, LoadOptionsOf(flags.model));
  if (load.source->bundle() != nullptr) return PrintBundle(flags, load);
  ASSIGN_OR_RETURN(engine::OpenedModule imported, OpenImported(load, engine::Weights::kOptional));
  ir::Module* module = imported.module.get();
  ASSIGN_OR_RETURN(std::vector<std::string> names, passes::PassesOf(flags.passes, *module));
  if (flags.before) names.clear();
  if (!flags.after.empty()) {
    ASSIGN_OR_RETURN(size_t count, CountUpTo(names, flags.after));
    names.resize(count);
  }
  passes::PipelineOptions options;
  PassChoice choice;
  if (flags.diff && !flags.diff->empty()) {
    ASSIGN_OR_RETURN(choice, ChoosePass("--diff", *flags.diff, names));
  }
  Differ differ(flags, names, choice);
  if (flags.diff) {
    options.dump = [&](int number, absl::string_view pass, const ir::Module& after) {
      return differ.See(number, pass, after);
    };
  }
  if (!flags.all_folder.empty()) {
    std::error_code error;
    std::filesystem::create_directories(flags.all_folder, error);
    if (error) {
      return absl::UnavailableError(absl::StrCat(flags.all_folder, ": ", error.message()));
    }
    options.dump = [&](int number, absl::string_view pass, const ir::Module& after) {
      return Dump(flags.all_folder, number, pass, after);
    };
  }
  ASSIGN_OR_RETURN(passes::Pipeline pipeline, passes::Pipeline::Create(names, options));
  RETURN_IF_ERROR(pipeline.Run(module));
  if (!flags.all_folder.empty() || flags.diff) return 0;
  ASSIGN_OR_RETURN(std::string text, flags.plan ? CompiledPlan(*module, flags.func)
                                                : Wanted(flags, ir::PrintModule(*module)));
  RETURN_IF_ERROR(WriteStdout(text));
  return 0;
}

}  // namespace lluda::cli
