// lluda verify: the import against transformers or a dump against the import, every pass against
// the interpreter, then every kernel; names what goes wrong first and writes it down as a module of
// its own. Of a bundle, its kernels alone.
#include <algorithm>
#include <functional>
#include <iostream>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/status_macros.h"
#include "cli/commands/commands.h"
#include "cli/flags/model_flags.h"
#include "cli/terminal/output.h"
#include "codegen/cpu/cpu_compile.h"
#include "codegen/llvm/target.h"
#include "engine/source/checkpoint_weights.h"
#include "ir/type/layout.h"
#include "passes/default_pipeline.h"
#include "passes/registry.h"
#include "runtime/machine/cpu_count.h"
#include "tools/verify/verify_bundle.h"
#include "tools/verify/verify_dump.h"
#include "tools/verify/verify_kernels.h"
#include "tools/verify/verify_passes.h"
#include "tools/verify/verify_reference.h"

namespace lluda::cli {
namespace {

// Of a model with more weights than this, one layer is verified: the others run the same code.
constexpr int64_t kWholeModelBytes = int64_t{256} << 20;

// How many layers are verified.
int64_t VerifiedLayers(const VerifyFlags& flags, const ir::Module& module) {
  int64_t bytes = 0;
  for (const auto& global : module.globals()) {
    if (global->kind != ir::Global::Kind::kWeight) continue;
    bytes += (global->index ? global->index->count : 1) * ir::ByteSize(global->type, nullptr);
  }
  const int64_t layers = tools::LayersOf(module);
  return std::min(flags.layers.value_or(bytes <= kWholeModelBytes ? layers : 1), layers);
}

using ReadWeight =
    std::function<absl::StatusOr<ir::Tensor>(const ir::Global& weight, int64_t index)>;

ReadWeight WeightsOf(const engine::ModelFiles& files) {
  return [&files](const ir::Global& weight, int64_t index) -> absl::StatusOr<ir::Tensor> {
    ASSIGN_OR_RETURN(auto tensor, files.checkpoint->Get(ir::SourceName(weight, index)));
    return ir::Tensor::FromBytes(weight.type, tensor->span());
  };
}

tools::VerifyRun RunOf(const VerifyFlags& flags, const engine::ModelFiles& files) {
  tools::VerifyRun run;
  run.weights = WeightsOf(files);
  run.steps = tools::StepTokens(flags.tokens, files.decoder.vocab_size);
  return run;
}

// The module as imported, all of its layers, against the reference.
absl::StatusOr<std::optional<tools::Finding>> VerifyImport(const VerifyFlags& flags,
                                                           engine::ModuleOptions options,
                                                           const engine::ModelFiles& files) {
  ASSIGN_OR_RETURN(std::vector<tools::ReferencePrompt> prompts,
                   tools::LoadReference(flags.reference));
  options.record_activations = true;
  ASSIGN_OR_RETURN(std::unique_ptr<ir::Module> module, engine::ImportModule(files, options));
  auto found = tools::VerifyReference(*module, WeightsOf(files), prompts, options);
  if (found.ok()) return found;
  return absl::Status(found.status().code(),
                      absl::StrCat(flags.reference, ": ", found.status().message()));
}

// The dump, before any more passes, against the imported module, as many layers of it.
absl::StatusOr<tools::DumpVerdict> VerifyDumpOf(const VerifyFlags& flags,
                                                const engine::ModelFiles& files, ir::Module* dump) {
  ASSIGN_OR_RETURN(std::unique_ptr<ir::Module> import, tools::ImportLike(files, *dump));
  const int64_t layers = VerifiedLayers(flags, *dump);
  tools::KeepLayers(layers, dump);
  tools::KeepLayers(layers, import.get());
  return tools::VerifyDump(*dump, *import, RunOf(flags, files));
}

// 1, with the fault and where it was written to on stdout.
absl::StatusOr<int> Report(const VerifyFlags& flags, const tools::Finding& finding) {
  std::string text = absl::StrCat(tools::FindingText(finding), "\n");
  if (!finding.repro.empty()) {
    RETURN_IF_ERROR(WriteFile(flags.repro_file, finding.repro));
    absl::StrAppend(&text, "wrote ", flags.repro_file, "\n");
  }
  RETURN_IF_ERROR(WriteStdout(text));
  return 1;
}

std::string Extent(const VerifyFlags& flags, int64_t kernels, int64_t layers) {
  return absl::StrCat(kernels, " kernels, ", layers, layers == 1 ? " layer" : " layers", ", ",
                      flags.tokens, " tokens and one more");
}

absl::StatusOr<int> RunVerifyBundle(const VerifyFlags& flags, const engine::LoadOptions& options) {
  if (!flags.reference.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat(flags.model.model,
                     ": a bundle has no imported module to hold against "
                     "--reference; validate compares what it computes"));
  }
  ASSIGN_OR_RETURN(tools::OptimisedModel model,
                   tools::OpenOptimised(options, engine::Weights::kOptional));
  const int64_t layers = VerifiedLayers(flags, *model.module);
  ASSIGN_OR_RETURN(tools::BundleVerdict verdict, tools::VerifyBundle(&model, layers, flags.tokens));
  if (verdict.finding) return Report(flags, *verdict.finding);
  RETURN_IF_ERROR(WriteStdout(
      absl::StrCat("ok: ", Extent(flags, verdict.kernels, layers),
                   "; passes and packed weights were not verified: a bundle has nothing to hold "
                   "them against\n")));
  return 0;
}

}  // namespace

absl::StatusOr<int> RunVerify(const VerifyFlags& flags) {
  ASSIGN_OR_RETURN(engine::LoadOptions load, LoadOptionsOf(flags.model));
  if (load.source->bundle() != nullptr) return RunVerifyBundle(flags, load);
  ASSIGN_OR_RETURN(codegen::Target target, codegen::Target::Named(flags.model.isa));
  ASSIGN_OR_RETURN(engine::OpenedModule model, OpenImported(load, engine::Weights::kRequired));
  const engine::ModelFiles& files = **load.source->Files(engine::Weights::kRequired);
  if (!flags.reference.empty()) {
    ASSIGN_OR_RETURN(std::optional<tools::Finding> found, VerifyImport(flags, load.module, files));
    if (found) return Report(flags, *found);
  }
  const bool holds_dump = !flags.model.ir_file.empty() && !flags.as_is;
  if (holds_dump) {
    ASSIGN_OR_RETURN(tools::DumpVerdict verdict, VerifyDumpOf(flags, files, model.module.get()));
    if (verdict.finding) return Report(flags, *verdict.finding);
    if (!verdict.remark.empty()) std::cerr << "lluda: " << verdict.remark << "\n";
  }
  ir::Module* module = model.module.get();
  const int64_t layers = VerifiedLayers(flags, *module);
  tools::KeepLayers(layers, module);
  ASSIGN_OR_RETURN(std::vector<std::string> names, passes::RemainingPasses(*module));
  std::vector<std::unique_ptr<passes::Pass>> passes;
  for (const std::string& name : names) {
    ASSIGN_OR_RETURN(std::unique_ptr<passes::Pass> pass, passes::CreatePass(name, {}));
    passes.push_back(std::move(pass));
  }
  const tools::VerifyRun run = RunOf(flags, files);
  absl::StatusOr<std::optional<tools::Finding>> found =
      tools::VerifyPasses(std::move(passes), run, module);
  if (!found.ok()) return found.status();
  if (*found) return Report(flags, **found);

  codegen::CompileOptions options;
  options.threads = runtime::UsablePhysicalCores();
  ASSIGN_OR_RETURN(codegen::CompiledModule compiled, codegen::Compile(*module, target, options));
  engine::CheckpointWeights weights(&*files.checkpoint);
  found = tools::VerifyKernels(*module, compiled.program, target, {&weights}, run);
  if (!found.ok()) return found.status();
  if (*found) return Report(flags, **found);
  RETURN_IF_ERROR(WriteStdout(absl::StrCat(
      "ok: ", flags.reference.empty() ? "" : "the import, ", holds_dump ? "the dump, " : "",
      names.size(), " passes and ",
      Extent(flags, static_cast<int64_t>(compiled.program.kernels.size()), layers), "\n")));
  return 0;
}

}  // namespace lluda::cli
