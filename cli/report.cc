// lluda report: one HTML page with what every pass did, how long every kernel takes, and where
// everything lies in memory.
#include <algorithm>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "benchmarks/machine.h"
#include "bundle/layout.h"
#include "cli/commands.h"
#include "cli/explain_run.h"
#include "cli/import_flags.h"
#include "cli/model_flags.h"
#include "cli/output.h"
#include "cli/pass_history.h"
#include "cli/report_json.h"
#include "cli/report_page.h"
#include "codegen/compile.h"
#include "codegen/target.h"

namespace lluda::cli {
namespace {

// What is run unless the flags say otherwise, as far as the context has room for it.
constexpr int64_t kTokens = 512;
constexpr int64_t kDepth = 128;

// A flag's number, or the usual one. InvalidArgument if what is asked for does not fit.
absl::StatusOr<int64_t> FittingTokens(const char* flag, std::optional<int64_t> wanted,
                                      int64_t usual, int64_t most) {
  if (wanted.value_or(0) > most) {
    return absl::InvalidArgumentError(absl::StrCat(
        flag, ": ", *wanted, " tokens are more than the ", most, " there is room for"));
  }
  return wanted.value_or(std::min(usual, most));
}

// A token and a prompt, which have different limits.
absl::StatusOr<std::vector<ExplainedRun>> RunsOf(const ReportFlags& flags, int64_t context) {
  absl::StatusOr<int64_t> depth = FittingTokens("--depth", flags.depth, kDepth, context - 1);
  if (!depth.ok()) return depth.status();
  absl::StatusOr<int64_t> tokens = FittingTokens("--tokens", flags.tokens, kTokens, context);
  if (!tokens.ok()) return tokens.status();
  return std::vector<ExplainedRun>{{*depth, 1}, {0, *tokens}};
}

// Tokens that a sequence may have; the cache's capacity, symbol C, may be rounded up from it.
absl::StatusOr<int64_t> ContextOf(const ImportedModel& imported, const ModelFlags& flags) {
  if (!flags.ir_file.empty()) {
    return std::min(imported.module->FindSymbol("C")->max,
                    imported.files.config.max_position_embeddings);
  }
  absl::StatusOr<engine::ModuleOptions> options = ModuleOptionsOf(flags);
  if (!options.ok()) return options.status();
  return engine::ContextOf(imported.files.config, *options);
}

std::string ModelName(const std::string& folder) {
  const std::filesystem::path path = std::filesystem::path(folder).lexically_normal();
  return path.has_filename() ? path.filename().string() : path.parent_path().filename().string();
}

void AddProgram(const ir::Module& module, const runtime::Program& program, Report* report) {
  for (const runtime::Call& call : program.step) {
    report->calls.push_back({call.name, program.kernels[call.kernel].name});
  }
  report->buffers = FrameBuffers(module, program);
  report->memory = TotalsOf(program);
}

}  // namespace

absl::StatusOr<int> RunReport(const ReportFlags& flags) {
  absl::StatusOr<ImportedModel> imported = ImportModel(
      flags.model, flags.measure ? engine::Weights::kRequired : engine::Weights::kOptional);
  if (!imported.ok()) return imported.status();
  absl::StatusOr<codegen::Target> target = codegen::Target::Named(flags.model.isa);
  if (!target.ok()) return target.status();
  ir::Module* module = imported->module.get();
  absl::StatusOr<int64_t> context = ContextOf(*imported, flags.model);
  if (!context.ok()) return context.status();
  Report report;
  absl::StatusOr<PassHistory> history =
      RunPasses(module, [&](int number, absl::string_view pass, const ir::Module& after,
                            const passes::Provenance& provenance) {
        report.pipeline.See(number, pass, after, provenance);
      });
  if (!history.ok()) return history.status();
  report.pipeline.Finish(*history);

  ReportHeader& header = report.header;
  header.model = ModelName(imported->files.folder);
  header.ir_file = flags.model.ir_file;
  header.cpu = benchmarks::CpuName();
  header.isa = std::string(codegen::IsaName(target->isa));
  header.context = *context;
  header.max_step = std::min(module->FindSymbol("T")->max, *context);
  header.lluda_version = bundle::kLludaVersion;
  header.llvm_version = codegen::LlvmVersion();

  if (flags.measure) {
    absl::StatusOr<std::vector<ExplainedRun>> runs = RunsOf(flags, header.context);
    if (!runs.ok()) return runs.status();
    absl::StatusOr<std::unique_ptr<engine::Model>> model = LoadModel(flags.model, false);
    if (!model.ok()) return model.status();
    header.threads = (*model)->threads();
    absl::StatusOr<std::vector<ExplainReport>> measured =
        ExplainRuns(*module, *history, *target, *runs, model->get());
    if (!measured.ok()) return measured.status();
    report.runs = *std::move(measured);
    AddProgram(*module, (*model)->executable()->program(), &report);
  } else {
    absl::StatusOr<codegen::CompiledModule> compiled = codegen::Compile(*module, *target, {});
    if (!compiled.ok()) return compiled.status();
    AddProgram(*module, compiled->program, &report);
  }
  absl::Status written = WriteFile(flags.output, ReportPage(ReportJson(report)));
  if (!written.ok()) return written;
  return 0;
}

}  // namespace lluda::cli
