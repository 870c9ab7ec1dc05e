// lluda ir: a model's module as text, at any point of the pipeline, and what the passes did to it.
// Needs config.json; weights only for their dtypes, and not even for those if the config names one.
#include <unistd.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/status_macros.h"
#include "bundle/reader.h"
#include "cli/commands/commands.h"
#include "cli/flags/model_flags.h"
#include "cli/terminal/output.h"
#include "engine/bundle_module.h"
#include "ir/text/printer.h"
#include "passes/default_pipeline.h"
#include "passes/pipeline.h"
#include "tools/inspect/optimised_model.h"
#include "tools/ir/dump_files.h"
#include "tools/ir/ir_plan.h"
#include "tools/ir/ir_report.h"
#include "tools/ir/keep_entry.h"

namespace lluda::cli {
namespace {

// A module's text, or the wanted section of it.
absl::StatusOr<int> PrintModuleText(const IrFlags& flags, absl::string_view text) {
  if (flags.func.empty() && !flags.json) return Print(text);
  ASSIGN_OR_RETURN(std::vector<ir::Section> sections, tools::SectionsNamed(text, flags.func));
  return Print(flags.json ? tools::SectionsJson(sections)
                          : absl::StrCat(absl::StrJoin(sections.front().lines, "\n"), "\n"));
}

absl::StatusOr<int> PrintPlan(const IrFlags& flags, const absl::StatusOr<tools::IrPlan>& plan) {
  if (!plan.ok()) return plan.status();
  return Print(flags.json ? tools::PlanJson(*plan) : tools::PlanText(*plan));
}

// Of a bundle only the module that was compiled is there.
absl::StatusOr<int> PrintBundle(const IrFlags& flags, const engine::LoadOptions& options) {
  if (flags.before || !flags.after.empty() || !flags.all_folder.empty() || flags.diff ||
      flags.passes != IrFlags().passes || !flags.model.ir_file.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat(flags.model.model, ": a bundle has the module after all passes only"));
  }
  if (flags.plan) {
    ASSIGN_OR_RETURN(tools::OptimisedModel model,
                     tools::OpenOptimised(options, engine::Weights::kOptional));
    ASSIGN_OR_RETURN(tools::NativeProgram native, tools::NativeProgramOf(model));
    if (!flags.entry.empty()) {
      RETURN_IF_ERROR(tools::KeepEntry(flags.entry, model.module.get()));
      std::vector<runtime::Entry>& entries = native.program.entries;
      entries.erase(
          std::remove_if(entries.begin(), entries.end(),
                         [&](const runtime::Entry& entry) { return entry.name != flags.entry; }),
          entries.end());
    }
    return PrintPlan(flags, tools::PlanOf(*model.module, native.program, flags.func));
  }
  const bundle::Bundle& bundle = *options.source->bundle();
  const int64_t context = bundle.model().context;
  if (flags.model.context.value_or(context) != context) {
    return absl::InvalidArgumentError(absl::StrCat(flags.model.model,
                                                   ": is compiled for a context of ", context,
                                                   " tokens, not ", *flags.model.context));
  }
  if (!flags.entry.empty()) {
    ASSIGN_OR_RETURN(const std::unique_ptr<ir::Module> module, engine::ModuleOfBundle(bundle));
    RETURN_IF_ERROR(tools::KeepEntry(flags.entry, module.get()));
    return PrintModuleText(flags, ir::PrintModule(*module));
  }
  ASSIGN_OR_RETURN(absl::string_view module, bundle.Ir());
  return PrintModuleText(flags, module);
}

// What a pass changed is written as soon as it has run; as JSON, when all have.
absl::StatusOr<int> PrintDiffs(const IrFlags& flags, const std::vector<std::string>& names,
                               passes::PipelineOptions options, ir::Module* module) {
  ASSIGN_OR_RETURN(tools::PassChoice choice, tools::ChoosePass("--diff", *flags.diff, names));
  tools::PassDiffer differ(choice, names, flags.func);
  const bool color =
      flags.color == "always" || (flags.color == "auto" && isatty(STDOUT_FILENO) == 1);
  std::vector<tools::PassDiff> diffs;
  options.dump = [&](int number, absl::string_view pass, const ir::Module& after) -> absl::Status {
    std::optional<tools::PassDiff> diff = differ.See(number, pass, after);
    if (!diff) return absl::OkStatus();
    if (!flags.json) return WriteStdout(tools::PassDiffText(*diff, color));
    diffs.push_back(*std::move(diff));
    return absl::OkStatus();
  };
  ASSIGN_OR_RETURN(passes::Pipeline pipeline, passes::Pipeline::Create(names, options));
  RETURN_IF_ERROR(pipeline.Run(module));
  return Print(flags.json ? tools::PassDiffsJson(diffs) : "");
}

}  // namespace

absl::StatusOr<int> Run(const IrFlags& flags) {
  ASSIGN_OR_RETURN(engine::LoadOptions load, LoadOptionsOf(flags.model));
  if (load.source->bundle() != nullptr) return PrintBundle(flags, load);
  ASSIGN_OR_RETURN(engine::OpenedModule imported, OpenImported(load, engine::Weights::kOptional));
  ir::Module* module = imported.module.get();
  if (!flags.entry.empty()) {
    RETURN_IF_ERROR(tools::KeepEntry(flags.entry, module));
  }
  ASSIGN_OR_RETURN(std::vector<std::string> names, passes::PassesOf(flags.passes, *module));
  passes::PipelineOptions for_device;
  if (load.device != engine::Device::kCpu) {
    for_device.passes.device = machine::DeviceKind::kGpu;
  }
  if (flags.diff) return PrintDiffs(flags, names, for_device, module);
  if (!flags.all_folder.empty()) {
    ASSIGN_OR_RETURN(const std::vector<tools::DumpFile> files,
                     tools::WriteDumps(flags.all_folder, names, for_device, module));
    return Print(flags.json ? tools::DumpFilesJson(files) : "");
  }
  if (flags.before) names.clear();
  if (!flags.after.empty()) {
    ASSIGN_OR_RETURN(size_t count, tools::CountUpTo("--after", flags.after, names));
    names.resize(count);
  }
  ASSIGN_OR_RETURN(passes::Pipeline pipeline, passes::Pipeline::Create(names, for_device));
  RETURN_IF_ERROR(pipeline.Run(module));
  if (flags.plan)
    return PrintPlan(flags, tools::CompiledPlanOf(*module, flags.func, for_device.passes.device));
  return PrintModuleText(flags, ir::PrintModule(*module));
}

}  // namespace lluda::cli
