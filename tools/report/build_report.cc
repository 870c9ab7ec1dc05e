#include "tools/report/build_report.h"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "base/step_interface.h"
#include "codegen/llvm/target.h"
#include "ir/text/parser.h"
#include "ir/text/printer.h"
#include "tools/inspect/explain_run.h"
#include "tools/inspect/optimised_model.h"
#include "tools/inspect/pass_history.h"
#include "tools/ir/keep_entry.h"
#include "tools/measure/machine.h"

namespace lluda::tools {
namespace {

// What is run unless the options say otherwise, as far as the context has room for it.
constexpr int64_t kTokens = 512;
constexpr int64_t kDepth = 128;

// An option's number, or the usual one. InvalidArgument if what is asked for does not fit.
absl::StatusOr<int64_t> FittingTokens(const char* flag, std::optional<int64_t> wanted,
                                      int64_t usual, int64_t most) {
  if (wanted.value_or(0) > most) {
    return absl::InvalidArgumentError(absl::StrCat(
        flag, ": ", *wanted, " tokens are more than the ", most, " there is room for"));
  }
  return wanted.value_or(std::min(usual, most));
}

// Of the step a token and a prompt, which have different limits.
absl::StatusOr<std::vector<ExplainedRun>> RunsOf(const ReportOptions& options, int64_t context) {
  if (!IsStep(options.entry)) {
    return std::vector<ExplainedRun>{{0, 0, options.entry, options.tokens}};
  }
  ASSIGN_OR_RETURN(int64_t depth, FittingTokens("--depth", options.depth, kDepth, context - 1));
  ASSIGN_OR_RETURN(int64_t tokens, FittingTokens("--tokens", options.tokens, kTokens, context));
  return std::vector<ExplainedRun>{{depth, 1}, {0, tokens}};
}

std::string IsaOf(const OptimisedModel& model) {
  if (model.bundle() != nullptr) return model.bundle()->isa();
  if (model.device == engine::Device::kCuda) return model.gpu->name;
  if (model.device == engine::Device::kSimulatedGpu) return "gpu-sim";
  return std::string(codegen::IsaName(model.target.isa));
}

ReportHeader HeaderOf(const OptimisedModel& model, const ReportOptions& options) {
  ReportHeader header;
  header.model = model.source->name();
  header.entry = options.entry;
  header.ir_file = options.ir_file;
  header.is_bundle = model.bundle() != nullptr;
  header.cpu = CpuName();
  header.isa = IsaOf(model);
  header.context = model.context;
  header.max_step = model.max_step;
  header.lluda_version = model.lluda_version;
  header.llvm_version = model.llvm_version;
  return header;
}

void AddProgram(const ir::Module& module, const runtime::Program& program, Report* report) {
  const std::string& name = report->header.entry;
  const runtime::Entry& entry = program.entry(name.empty() ? step_interface::kStep : name);
  for (const runtime::Call& call : entry.calls) {
    report->calls.push_back({ToString(call.site), program.kernels[call.kernel].name});
  }
  report->buffers = FrameBuffers(module, entry);
  report->memory = TotalsOf(program);
}

// Shows the pipeline all of each module, or what one entry uses of it.
class PipelineViewer {
 public:
  PipelineViewer(std::string entry, ReportPipeline* pipeline)
      : entry_(std::move(entry)), pipeline_(pipeline) {}

  void See(int number, absl::string_view pass, const ir::Module& module,
           const passes::Provenance& provenance) {
    if (entry_.empty()) return pipeline_->See(number, pass, module, provenance);
    if (!status_.ok()) return;
    auto copy = ir::ParseModule(ir::PrintModule(module), module.file);
    status_ = copy.ok() ? KeepEntry(entry_, copy->get()) : copy.status();
    if (status_.ok()) pipeline_->See(number, pass, **copy, provenance);
  }
  // The first error.
  const absl::Status& status() const { return status_; }

 private:
  std::string entry_;
  ReportPipeline* pipeline_;
  absl::Status status_;
};

}  // namespace

absl::StatusOr<Report> BuildReport(engine::LoadOptions options, const ReportOptions& wanted,
                                   const ModelLoader& load) {
  RETURN_IF_ERROR(CheckDepth(wanted.entry, wanted.depth));
  Report report;
  PipelineViewer viewer(wanted.entry, &report.pipeline);
  absl::StatusOr<OptimisedModel> optimised = OpenOptimised(
      options, wanted.measure ? engine::Weights::kRequired : engine::Weights::kOptional,
      [&](int number, absl::string_view pass, const ir::Module& after,
          const passes::Provenance& provenance) { viewer.See(number, pass, after, provenance); });
  if (!optimised.ok()) return optimised.status();
  RETURN_IF_ERROR(viewer.status());
  if (!wanted.entry.empty()) {
    RETURN_IF_ERROR(CheckEntry(wanted.entry, *optimised->module));
    KeepMissesOf(*optimised->module->FindFunc(wanted.entry), &optimised->history);
  }
  report.pipeline.Finish(optimised->history);
  report.header = HeaderOf(*optimised, wanted);
  const ir::Module& module = *optimised->module;
  if (!wanted.measure) {
    ASSIGN_OR_RETURN(NativeProgram native, NativeProgramOf(*optimised));
    AddProgram(module, native.program, &report);
    return report;
  }
  ASSIGN_OR_RETURN(std::vector<ExplainedRun> runs, RunsOf(wanted, report.header.context));
  options.optimised = &*optimised;
  options.need_tokenizer = false;
  ASSIGN_OR_RETURN(std::unique_ptr<engine::Model> model, load(options));
  report.header.threads = model->threads();
  if (!model->executable()->uses_host_memory()) report.header.isa = model->identity().isa;
  ASSIGN_OR_RETURN(report.runs, ExplainRuns(*optimised, runs, model.get()));
  AddProgram(module, model->executable()->program(), &report);
  return report;
}

}  // namespace lluda::tools
