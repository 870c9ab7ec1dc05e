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
    auto tensor = files.checkpoint->Get(ir::SourceName(weight, index));
    if (!tensor.ok()) return tensor.status();
    return ir::Tensor::FromBytes(weight.type, (*tensor)->span());
  };
}

tools::VerifyRun RunOf(const VerifyFlags& flags, const engine::ModelFiles& files) {
  tools::VerifyRun run;
  run.weights = WeightsOf(files);
  run.steps = tools::StepTokens(flags.tokens, files.config.vocab_size);
  return run;
}

// The module as imported, all of its layers, against the reference.
absl::StatusOr<std::optional<tools::Finding>> VerifyImport(const VerifyFlags& flags,
                                                           engine::ModuleOptions options,
                                                           const engine::ModelFiles& files) {
  absl::StatusOr<std::vector<tools::ReferencePrompt>> prompts =
      tools::LoadReference(flags.reference);
  if (!prompts.ok()) return prompts.status();
  options.record_activations = true;
  absl::StatusOr<std::unique_ptr<ir::Module>> module = engine::ImportModule(files, options);
  if (!module.ok()) return module.status();
  auto found = tools::VerifyReference(**module, WeightsOf(files), *prompts, options);
  if (found.ok()) return found;
  return absl::Status(found.status().code(),
                      absl::StrCat(flags.reference, ": ", found.status().message()));
}

// The dump, before any more passes, against the imported module, as many layers of it.
absl::StatusOr<tools::DumpVerdict> VerifyDumpOf(const VerifyFlags& flags,
                                                const engine::ModelFiles& files, ir::Module* dump) {
  absl::StatusOr<std::unique_ptr<ir::Module>> import = tools::ImportLike(files, *dump);
  if (!import.ok()) return import.status();
  const int64_t layers = VerifiedLayers(flags, *dump);
  tools::KeepLayers(layers, dump);
  tools::KeepLayers(layers, import->get());
  return tools::VerifyDump(*dump, **import, RunOf(flags, files));
}

// 1, with the fault and where it was written to on stdout.
absl::StatusOr<int> Report(const VerifyFlags& flags, const tools::Finding& finding) {
  std::string text = absl::StrCat(tools::FindingText(finding), "\n");
  if (!finding.repro.empty()) {
    if (absl::Status s = WriteFile(flags.repro_file, finding.repro); !s.ok()) return s;
    absl::StrAppend(&text, "wrote ", flags.repro_file, "\n");
  }
  if (absl::Status written = WriteStdout(text); !written.ok()) return written;
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
  absl::StatusOr<tools::OptimisedModel> model =
      tools::OpenOptimised(options, engine::Weights::kOptional);
  if (!model.ok()) return model.status();
  const int64_t layers = VerifiedLayers(flags, *model->module);
  absl::StatusOr<tools::BundleVerdict> verdict = tools::VerifyBundle(&*model, layers, flags.tokens);
  if (!verdict.ok()) return verdict.status();
  if (verdict->finding) return Report(flags, *verdict->finding);
  const absl::Status written = WriteStdout(
      absl::StrCat("ok: ", Extent(flags, verdict->kernels, layers),
                   "; passes and packed weights were not verified: a bundle has nothing to hold "
                   "them against\n"));
  if (!written.ok()) return written;
  return 0;
}

}  // namespace

absl::StatusOr<int> RunVerify(const VerifyFlags& flags) {
  absl::StatusOr<engine::LoadOptions> load = LoadOptionsOf(flags.model);
  if (!load.ok()) return load.status();
  if (load->source->bundle() != nullptr) return RunVerifyBundle(flags, *load);
  absl::StatusOr<codegen::Target> target = codegen::Target::Named(flags.model.isa);
  if (!target.ok()) return target.status();
  absl::StatusOr<engine::OpenedModule> model = OpenImported(*load, engine::Weights::kRequired);
  if (!model.ok()) return model.status();
  const engine::ModelFiles& files = **load->source->Files(engine::Weights::kRequired);
  if (!flags.reference.empty()) {
    absl::StatusOr<std::optional<tools::Finding>> found = VerifyImport(flags, load->module, files);
    if (!found.ok()) return found.status();
    if (*found) return Report(flags, **found);
  }
  const bool holds_dump = !flags.model.ir_file.empty() && !flags.as_is;
  if (holds_dump) {
    absl::StatusOr<tools::DumpVerdict> verdict = VerifyDumpOf(flags, files, model->module.get());
    if (!verdict.ok()) return verdict.status();
    if (verdict->finding) return Report(flags, *verdict->finding);
    if (!verdict->remark.empty()) std::cerr << "lluda: " << verdict->remark << "\n";
  }
  ir::Module* module = model->module.get();
  const int64_t layers = VerifiedLayers(flags, *module);
  tools::KeepLayers(layers, module);
  absl::StatusOr<std::vector<std::string>> names = passes::RemainingPasses(*module);
  if (!names.ok()) return names.status();
  std::vector<std::unique_ptr<passes::Pass>> passes;
  for (const std::string& name : *names) {
    absl::StatusOr<std::unique_ptr<passes::Pass>> pass = passes::CreatePass(name, {});
    if (!pass.ok()) return pass.status();
    passes.push_back(*std::move(pass));
  }
  const tools::VerifyRun run = RunOf(flags, files);
  absl::StatusOr<std::optional<tools::Finding>> found =
      tools::VerifyPasses(std::move(passes), run, module);
  if (!found.ok()) return found.status();
  if (*found) return Report(flags, **found);

  codegen::CompileOptions options;
  options.threads = runtime::UsablePhysicalCores();
  absl::StatusOr<codegen::CompiledModule> compiled = codegen::Compile(*module, *target, options);
  if (!compiled.ok()) return compiled.status();
  engine::CheckpointWeights weights(&*files.checkpoint);
  found = tools::VerifyKernels(*module, compiled->program, *target, {&weights}, run);
  if (!found.ok()) return found.status();
  if (*found) return Report(flags, **found);
  const absl::Status written = WriteStdout(absl::StrCat(
      "ok: ", flags.reference.empty() ? "" : "the import, ", holds_dump ? "the dump, " : "",
      names->size(), " passes and ",
      Extent(flags, static_cast<int64_t>(compiled->program.kernels.size()), layers), "\n"));
  if (!written.ok()) return written;
  return 0;
}

}  // namespace lluda::cli
