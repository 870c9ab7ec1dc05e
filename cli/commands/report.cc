// lluda report: one HTML page with what every pass did, how long every kernel takes, and where
// everything lies in memory.
#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "base/step_interface.h"
#include "cli/commands/commands.h"
#include "cli/flags/model_flags.h"
#include "cli/terminal/output.h"
#include "codegen/llvm/target.h"
#include "tools/inspect/explain_run.h"
#include "tools/inspect/optimised_model.h"
#include "tools/inspect/report_json.h"
#include "tools/inspect/report_page.h"
#include "tools/measure/machine.h"

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
absl::StatusOr<std::vector<tools::ExplainedRun>> RunsOf(const ReportFlags& flags, int64_t context) {
  ASSIGN_OR_RETURN(int64_t depth, FittingTokens("--depth", flags.depth, kDepth, context - 1));
  ASSIGN_OR_RETURN(int64_t tokens, FittingTokens("--tokens", flags.tokens, kTokens, context));
  return std::vector<tools::ExplainedRun>{{depth, 1}, {0, tokens}};
}

void AddProgram(const ir::Module& module, const runtime::Program& program, tools::Report* report) {
  for (const runtime::Call& call : program.entry(step_interface::kStep).calls) {
    report->calls.push_back({ToString(call.site), program.kernels[call.kernel].name});
  }
  report->buffers = tools::FrameBuffers(module, program);
  report->memory = tools::TotalsOf(program);
}

}  // namespace

absl::StatusOr<int> RunReport(const ReportFlags& flags) {
  tools::Report report;
  ASSIGN_OR_RETURN(engine::LoadOptions options, LoadOptionsOf(flags.model));
  absl::StatusOr<tools::OptimisedModel> optimised = tools::OpenOptimised(
      options, flags.measure ? engine::Weights::kRequired : engine::Weights::kOptional,
      [&](int number, absl::string_view pass, const ir::Module& after,
          const passes::Provenance& provenance) {
        report.pipeline.See(number, pass, after, provenance);
      });
  if (!optimised.ok()) return optimised.status();
  report.pipeline.Finish(optimised->history);
  const ir::Module& module = *optimised->module;

  tools::ReportHeader& header = report.header;
  header.model = optimised->source->name();
  header.ir_file = flags.model.ir_file;
  header.is_bundle = optimised->bundle() != nullptr;
  header.cpu = tools::CpuName();
  header.isa = std::string(codegen::IsaName(optimised->target.isa));
  header.context = optimised->context;
  header.max_step = optimised->max_step;
  header.lluda_version = optimised->lluda_version;
  header.llvm_version = optimised->llvm_version;

  if (flags.measure) {
    ASSIGN_OR_RETURN(std::vector<tools::ExplainedRun> runs, RunsOf(flags, header.context));
    options.optimised = &*optimised;
    options.need_tokenizer = false;
    ASSIGN_OR_RETURN(std::unique_ptr<engine::Model> model,
                     LoadModel(std::move(options), flags.model.use_cache));
    header.threads = model->threads();
    ASSIGN_OR_RETURN(report.runs, tools::ExplainRuns(module, optimised->history, optimised->target,
                                                     runs, model.get()));
    AddProgram(module, model->executable()->program(), &report);
  } else {
    ASSIGN_OR_RETURN(tools::NativeProgram native, tools::NativeProgramOf(*optimised));
    AddProgram(module, native.program, &report);
  }
  RETURN_IF_ERROR(WriteFile(flags.output, tools::ReportPage(tools::ReportJson(report))));
  return 0;
}

}  // namespace lluda::cli
