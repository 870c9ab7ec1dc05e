// Model::Load: through all stages, from a folder to an executable.
#include <utility>

#include "absl/status/status.h"
#include "base/stopwatch.h"
#include "codegen/cpu/cpu_compile.h"
#include "codegen/llvm/target.h"
#include "engine/machine.h"
#include "engine/model.h"
#include "engine/open_model_source.h"
#include "engine/open_module.h"
#include "engine/source/checkpoint_weights.h"
#include "runtime/cpu_device.h"

namespace lluda::engine {

struct Model::CompiledBacking : Model::Backing {
  std::unique_ptr<CheckpointWeights> weights;
  std::unique_ptr<codegen::KernelLibrary> library;
};

absl::StatusOr<std::unique_ptr<Model>> Model::Load(const LoadOptions& options) {
  std::shared_ptr<ModelSource> source = options.source;
  if (source == nullptr) {
    absl::StatusOr<std::shared_ptr<ModelSource>> opened = OpenModelSource(options.folder);
    if (!opened.ok()) return opened.status();
    source = *std::move(opened);
  }
  if (source->bundle() != nullptr) return LoadCompiled(std::move(source), options);
  if (auto threads = ThreadsOf(options); !threads.ok()) return threads.status();
  base::Stopwatch total;
  std::unique_ptr<Model> model(new Model());
  model->source_ = std::move(source);
  // The tokenizer is read while LLVM compiles.
  absl::Status program, texts;
  runtime::ThreadPool pair(2);
  pair.ParallelFor(2, 1, [&](int64_t begin, int64_t end, int) {
    for (int64_t item = begin; item < end; ++item) {
      if (item == 0) program = model->LoadProgram(options);
      if (item == 1) texts = model->LoadTexts(options);
    }
  });
  if (!program.ok()) return program;
  if (!texts.ok()) return texts;
  for (const std::string& note : model->generation_config_.notes) model->notes_.push_back(note);
  TellOfThreads(options, *model->pool_);
  model->stats_.total_seconds = total.Lap();
  return model;
}

absl::Status Model::LoadTexts(const LoadOptions& options) {
  absl::StatusOr<frontends::GenerationConfig> generation = source_->ReadGenerationConfig();
  if (!generation.ok()) return generation.status();
  generation_config_ = *std::move(generation);
  absl::StatusOr<tokenizer::Tokenizer> tokenizer = source_->ReadTokenizer();
  if (tokenizer.ok()) {
    tokenizer_ = *std::move(tokenizer);
  } else if (options.need_tokenizer || !absl::IsNotFound(tokenizer.status())) {
    return tokenizer.status();
  }
  return absl::OkStatus();
}

absl::Status Model::LoadProgram(const LoadOptions& options) {
  absl::StatusOr<codegen::Target> target = codegen::Target::Named(options.isa);
  if (!target.ok()) return target.status();
  base::Stopwatch watch;
  absl::StatusOr<const ModelFiles*> files = source_->Files(Weights::kRequired);
  if (!files.ok()) return files.status();
  auto backing = std::make_unique<CompiledBacking>();
  backing->weights = std::make_unique<CheckpointWeights>(&*(*files)->checkpoint);
  OpenedModule made;
  const OpenedModule* optimised = options.optimised;
  if (optimised == nullptr) {
    absl::StatusOr<OpenedModule> opened = OpenModule(source_.get(), options, Weights::kRequired);
    if (!opened.ok()) return opened.status();
    made = *std::move(opened);
    optimised = &made;
  }
  backing->weights->Prefetch();
  stats_.import_seconds = watch.Lap();
  if (options.optimised == nullptr) {
    if (absl::Status run = RunRemainingPasses(made.module.get()); !run.ok()) return run;
  }
  stats_.passes_seconds = watch.Lap();
  context_ = optimised->context;
  max_step_ = optimised->max_step;
  if (absl::Status fits = CheckCompileMemory(options); !fits.ok()) return fits;

  codegen::CompileOptions compile;
  compile.threads = *ThreadsOf(options);
  compile.perf = options.perf;
  compile.gdb = options.gdb;
  compile.cache = options.code_cache;
  absl::StatusOr<codegen::CompiledModule> compiled =
      codegen::Compile(*optimised->module, *target, compile);
  if (!compiled.ok()) return compiled.status();
  stats_.kernels = static_cast<int64_t>(compiled->program.kernels.size());
  stats_.cached_kernels = compiled->cached_kernels;
  stats_.packed_bytes = compiled->program.loaded_bytes;
  for (const runtime::Weight& weight : compiled->program.weights) {
    stats_.weight_bytes += weight.bytes;
  }
  stats_.compile_seconds = watch.Lap();

  notes_ = (*files)->notes;
  backing->library = std::move(compiled->library);
  pool_ = std::make_unique<runtime::ThreadPool>(compile.threads);
  const absl::Status fits = CheckMemory(options, compiled->program, pool_->threads(), context_);
  if (!fits.ok()) return fits;
  absl::StatusOr<std::unique_ptr<runtime::Executable>> executable = runtime::Executable::Create(
      std::move(compiled->program), std::make_unique<runtime::CpuDevice>(pool_.get()));
  if (!executable.ok()) return executable.status();
  executable_ = *std::move(executable);
  absl::Status loaded = executable_->Load(backing->weights.get(), options.progress);
  backing_ = std::move(backing);
  if (!loaded.ok()) return loaded;
  stats_.weights_seconds = watch.Lap();
  return absl::OkStatus();
}

}  // namespace lluda::engine
