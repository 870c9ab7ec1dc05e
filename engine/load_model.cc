// Model::Load: through all stages, from a folder to an executable.
#include <utility>

#include "absl/status/status.h"
#include "bundle/reader.h"
#include "codegen/compile.h"
#include "codegen/target.h"
#include "engine/machine.h"
#include "engine/model.h"
#include "engine/optimised_module.h"
#include "engine/stopwatch.h"

namespace lluda::engine {

struct Model::CompiledSource : Model::Source {
  std::unique_ptr<ModelFiles> files;
  std::unique_ptr<CheckpointWeights> weights;
  std::unique_ptr<codegen::KernelLibrary> library;
};

absl::StatusOr<std::unique_ptr<Model>> Model::Load(const LoadOptions& options) {
  if (bundle::Bundle::Looks(options.folder)) return OpenBundle(options);
  if (auto threads = ThreadsOf(options); !threads.ok()) return threads.status();
  Stopwatch total;
  std::unique_ptr<Model> model(new Model());
  model->folder_ = options.folder;
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
  TellOfThreads(options, *model->pool_);
  model->stats_.total_seconds = total.Lap();
  return model;
}

absl::Status Model::LoadTexts(const LoadOptions& options) {
  absl::StatusOr<frontends::GenerationConfig> generation =
      frontends::LoadGenerationConfig(options.folder);
  if (!generation.ok()) return generation.status();
  generation_config_ = *std::move(generation);
  absl::StatusOr<tokenizer::Tokenizer> tokenizer = tokenizer::Tokenizer::Load(options.folder);
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
  absl::StatusOr<OptimisedModule> optimised = ImportAndOptimise(options, &stats_);
  if (!optimised.ok()) return optimised.status();
  context_ = optimised->context;
  max_step_ = optimised->max_step;
  if (absl::Status fits = CheckCompileMemory(options); !fits.ok()) return fits;

  Stopwatch watch;
  auto source = std::make_unique<CompiledSource>();
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

  source->files = std::move(optimised->files);
  source->weights = std::move(optimised->weights);
  source->library = std::move(compiled->library);
  pool_ = std::make_unique<runtime::ThreadPool>(compile.threads);
  const absl::Status fits = CheckMemory(options, compiled->program, pool_->threads(), context_);
  if (!fits.ok()) return fits;
  absl::StatusOr<std::unique_ptr<runtime::Executable>> executable =
      runtime::Executable::Create(std::move(compiled->program), pool_.get());
  if (!executable.ok()) return executable.status();
  executable_ = *std::move(executable);
  absl::Status loaded = executable_->Load(source->weights.get(), options.progress);
  source_ = std::move(source);
  if (!loaded.ok()) return loaded;
  stats_.weights_seconds = watch.Lap();
  return absl::OkStatus();
}

}  // namespace lluda::engine
