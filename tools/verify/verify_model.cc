#include "tools/verify/verify_model.h"

#include <algorithm>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/json/json_writer.h"
#include "base/status_macros.h"
#include "base/step_interface.h"
#include "codegen/cpu/cpu_compile.h"
#include "codegen/llvm/target.h"
#include "engine/gpu_model.h"
#include "engine/source/checkpoint_weights.h"
#include "frontends/checkpoint/read_weight.h"
#include "ir/type/layout.h"
#include "passes/default_pipeline.h"
#include "passes/registry.h"
#include "runtime/machine/cpu_count.h"
#include "tools/inspect/entry_arguments.h"
#include "tools/inspect/optimised_model.h"
#include "tools/ir/keep_entry.h"
#include "tools/validate/reference.h"
#include "tools/verify/verify_bundle.h"
#include "tools/verify/verify_dump.h"
#include "tools/verify/verify_kernels.h"
#include "tools/verify/verify_passes.h"
#include "tools/verify/verify_reference.h"

namespace lluda::tools {
namespace {

// Of a model with more weights than this, two layers are verified: one that computes all rows, as all
// but the last do, and the last.
constexpr int64_t kWholeModelBytes = int64_t{256} << 20;
constexpr int64_t kLayersOfLargeModels = 2;

// How many layers are verified.
int64_t VerifiedLayers(const VerifyOptions& options, const ir::Module& module) {
  int64_t bytes = 0;
  for (const auto& global : module.globals()) {
    if (global->kind != ir::Global::Kind::kWeight) continue;
    bytes += (global->index ? global->index->count : 1) * ir::ByteSize(global->type, nullptr);
  }
  const int64_t layers = LayersOf(module);
  return std::min(
      options.layers.value_or(bytes <= kWholeModelBytes ? layers : kLayersOfLargeModels), layers);
}

using ReadWeight =
    std::function<absl::StatusOr<ir::Tensor>(const ir::Global& weight, int64_t index)>;

ReadWeight WeightsOf(const engine::ModelFiles& files) {
  return [&files](const ir::Global& weight, int64_t index) -> absl::StatusOr<ir::Tensor> {
    return frontends::ReadWeight(*files.checkpoint, weight, index);
  };
}

// The module as imported, all of its layers, against the reference.
absl::StatusOr<std::optional<Finding>> VerifyImport(const VerifyOptions& options,
                                                    engine::ModuleOptions numbers,
                                                    const engine::ModelFiles& files) {
  ASSIGN_OR_RETURN(std::vector<ReferencePrompt> prompts, LoadReference(options.reference));
  numbers.record_activations = true;
  ASSIGN_OR_RETURN(std::unique_ptr<ir::Module> module, engine::ImportModule(files, numbers));
  auto found = VerifyReference(*module, WeightsOf(files), prompts, numbers);
  if (found.ok()) return found;
  return absl::Status(found.status().code(),
                      absl::StrCat(options.reference, ": ", found.status().message()));
}

// The dump, before any more passes, against the imported module; both are cut down to `layers`.
absl::StatusOr<DumpVerdict> HoldAgainstImport(const engine::ModelFiles& files, int64_t layers,
                                              const VerifyRun& run, ir::Module* dump) {
  ASSIGN_OR_RETURN(std::unique_ptr<ir::Module> import, ImportLike(files, *dump));
  KeepLayers(layers, dump);
  KeepLayers(layers, import.get());
  return VerifyDump(*dump, *import, run);
}

absl::StatusOr<std::optional<Finding>> VerifyPassesLeft(const VerifyRun& run, engine::Device device,
                                                        ir::Module* module, int64_t* count) {
  passes::PassOptions options;
  if (device != engine::Device::kCpu) options.device = machine::DeviceKind::kGpu;
  ASSIGN_OR_RETURN(std::vector<std::string> names, passes::RemainingPasses(*module));
  std::vector<std::unique_ptr<passes::Pass>> passes;
  for (const std::string& name : names) {
    ASSIGN_OR_RETURN(std::unique_ptr<passes::Pass> pass, passes::CreatePass(name, options));
    passes.push_back(std::move(pass));
  }
  *count = static_cast<int64_t>(passes.size());
  return VerifyPasses(std::move(passes), run, module);
}

std::string Extent(const VerifyReport& report) {
  const std::string layers =
      absl::StrCat(report.layers, report.layers == 1 ? " layer" : " layers", ", ");
  if (IsStep(report.entry)) {
    return absl::StrCat(report.kernels, " kernels, ", layers, report.tokens,
                        " tokens and one more");
  }
  return absl::StrCat(report.kernels, " kernels of @", report.entry, ", ", layers,
                      report.tokens == 0 ? "once" : absl::StrCat(report.tokens, " rows of sound"));
}

// Tokens of the prompt, or rows of sound; 0 of an entry that takes no number of them.
int64_t TokensOf(const ir::Module& module, const VerifyOptions& options) {
  const bool counts = IsStep(options.entry) || TakesRows(*module.FindFunc(options.entry));
  return counts ? options.tokens.value_or(kVerifiedTokens) : 0;
}

// InvalidArgument for an entry that is not there, or takes no tokens of those that are asked for.
absl::Status CheckEntryOf(const ir::Module& module, const VerifyOptions& options) {
  if (options.entry.empty()) return absl::OkStatus();
  RETURN_IF_ERROR(CheckEntry(options.entry, module));
  if (IsStep(options.entry)) return absl::OkStatus();
  return EntrySymbols(module, *module.FindFunc(options.entry), options.tokens).status();
}

// What is run of the module.
absl::Status SetRun(const ir::Module& module, const VerifyOptions& options, int64_t vocabulary,
                    VerifyRun* run) {
  if (!IsStep(options.entry)) {
    return RunEntry(module, options.entry, TokensOf(module, options), run);
  }
  run->steps = StepTokens(TokensOf(module, options), vocabulary);
  return absl::OkStatus();
}

absl::Status CheckGpuEntry(const VerifyOptions& options) {
  if (IsStep(options.entry)) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("--entry: a GPU runs the step, and not ", options.entry));
}

void AddFinding(const Finding& finding, base::JsonWriter* json) {
  json->BeginObject();
  json->Key("culprit").String(finding.culprit);
  json->Key("func").String(finding.func);
  json->Key("index").Int(finding.index);
  json->Key("statement").String(finding.statement);
  json->Key("step").Int(finding.step);
  if (finding.difference.empty()) {
    json->Key("nmse").Number(finding.nmse);
    json->Key("bound").Number(finding.bound);
  } else {
    json->Key("difference").String(finding.difference);
  }
  if (!finding.note.empty()) json->Key("note").String(finding.note);
  json->EndObject();
}

}  // namespace

absl::StatusOr<VerifyReport> VerifyModel(const engine::LoadOptions& load,
                                         engine::OpenedModule opened,
                                         const VerifyOptions& options) {
  ASSIGN_OR_RETURN(codegen::Target target, engine::CpuTargetOf(load.device, load.isa));
  // Before anything that takes long: it says why there is no GPU.
  std::optional<engine::GpuModel> gpu;
  if (load.device != engine::Device::kCpu) {
    RETURN_IF_ERROR(CheckGpuEntry(options));
    ASSIGN_OR_RETURN(gpu, engine::GpuModel::Open(load.device, load.isa));
  }
  ASSIGN_OR_RETURN(const engine::ModelFiles* files, load.source->Files(engine::Weights::kRequired));
  ir::Module* module = opened.module.get();
  VerifyRun run;
  run.weights = WeightsOf(*files);
  RETURN_IF_ERROR(CheckEntryOf(*module, options));
  RETURN_IF_ERROR(SetRun(*module, options, files->decoder.vocab_size, &run));
  VerifyReport report;
  report.entry = options.entry;
  report.tokens = TokensOf(*module, options);
  report.layers = VerifiedLayers(options, *module);
  if (!options.reference.empty()) {
    ASSIGN_OR_RETURN(report.finding, VerifyImport(options, load.module, *files));
    if (report.finding) return report;
    report.import_verified = true;
  }
  if (load.ir && !options.dump_is_right) {
    ASSIGN_OR_RETURN(DumpVerdict verdict, HoldAgainstImport(*files, report.layers, run, module));
    report.finding = std::move(verdict.finding);
    report.remark = std::move(verdict.remark);
    if (report.finding) return report;
    report.dump_verified = true;
  }
  if (!options.entry.empty()) {
    RETURN_IF_ERROR(KeepEntry(options.entry, module));
    report.layers = VerifiedLayers(options, *module);
  }
  KeepLayers(report.layers, module);
  ASSIGN_OR_RETURN(report.finding, VerifyPassesLeft(run, load.device, module, &report.passes));
  if (report.finding) return report;

  const int threads = runtime::UsablePhysicalCores();
  engine::CheckpointWeights weights(&*files->checkpoint);
  weights.CheckQuantised(*module);
  if (gpu) {
    ASSIGN_OR_RETURN(codegen::CompiledModule compiled,
                     gpu->Compile(*module, target, threads, /*cache=*/nullptr));
    report.kernels = static_cast<int64_t>(compiled.program.kernels.size());
    runtime::ThreadPool pool(threads);
    const std::unique_ptr<runtime::Device> device = gpu->MakeDevice(&pool);
    ASSIGN_OR_RETURN(report.finding,
                     VerifyKernels(*module, compiled.program, device.get(), {&weights}, run));
    return report;
  }
  codegen::CompileOptions compile;
  compile.threads = threads;
  ASSIGN_OR_RETURN(codegen::CompiledModule compiled, codegen::Compile(*module, target, compile));
  report.kernels = static_cast<int64_t>(compiled.program.kernels.size());
  ASSIGN_OR_RETURN(report.finding,
                   VerifyKernels(*module, compiled.program, target, {&weights}, run));
  return report;
}

absl::StatusOr<VerifyReport> VerifyBundledModel(const engine::LoadOptions& load,
                                                const VerifyOptions& options) {
  if (!options.reference.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat(load.source->path(),
                     ": a bundle has no imported module to hold against "
                     "--reference; validate compares what it computes"));
  }
  ASSIGN_OR_RETURN(OptimisedModel model, OpenOptimised(load, engine::Weights::kOptional));
  RETURN_IF_ERROR(CheckEntryOf(*model.module, options));
  VerifyReport report;
  report.is_bundle = true;
  report.entry = options.entry;
  report.tokens = TokensOf(*model.module, options);
  report.layers = VerifiedLayers(options, *model.module);
  ASSIGN_OR_RETURN(BundleVerdict verdict,
                   VerifyBundle(&model, report.layers, report.tokens,
                                options.entry.empty() ? step_interface::kStep : options.entry));
  report.kernels = verdict.kernels;
  report.finding = std::move(verdict.finding);
  return report;
}

std::string VerifyText(const VerifyReport& report, const std::string& repro_file) {
  if (report.finding) {
    return absl::StrCat(FindingText(*report.finding), "\n",
                        repro_file.empty() ? "" : absl::StrCat("wrote ", repro_file, "\n"));
  }
  if (report.is_bundle) {
    return absl::StrCat("ok: ", Extent(report),
                        "; passes and packed weights were not verified: a bundle has nothing to "
                        "hold them against\n");
  }
  return absl::StrCat("ok: ", report.import_verified ? "the import, " : "",
                      report.dump_verified ? "the dump, " : "", report.passes, " passes and ",
                      Extent(report), "\n");
}

std::string VerifyJson(const VerifyReport& report, const std::string& repro_file) {
  base::JsonWriter json;
  json.BeginDocument("lluda.verify/1");
  json.Key("ok").Bool(!report.finding);
  json.Key("bundle").Bool(report.is_bundle);
  json.Key("import_verified").Bool(report.import_verified);
  json.Key("dump_verified").Bool(report.dump_verified);
  if (!report.entry.empty()) json.Key("entry").String(report.entry);
  json.Key("passes").Int(report.passes);
  json.Key("kernels").Int(report.kernels);
  json.Key("layers").Int(report.layers);
  json.Key("tokens").Int(report.tokens);
  if (!report.remark.empty()) json.Key("remark").String(report.remark);
  if (report.finding) AddFinding(*report.finding, &json.Key("finding"));
  if (!repro_file.empty()) json.Key("repro").String(repro_file);
  return json.EndDocument();
}

}  // namespace lluda::tools
