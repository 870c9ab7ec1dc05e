#include "engine/model.h"

#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "codegen/compile.h"
#include "codegen/target.h"
#include "passes/default_pipeline.h"
#include "passes/pipeline.h"
#include "runtime/cpu_count.h"

namespace lluda::engine {
namespace {

constexpr int kMaxThreads = 1024;

// Seconds since the last call, or since construction.
class Stopwatch {
 public:
  double Lap() {
    const auto now = std::chrono::steady_clock::now();
    return std::chrono::duration<double>(now - std::exchange(start_, now)).count();
  }

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

}  // namespace

Model::~Model() = default;

absl::StatusOr<std::unique_ptr<Model>> Model::Load(const LoadOptions& options) {
  if (options.threads < 0 || options.threads > kMaxThreads) {
    return absl::InvalidArgumentError(
        absl::StrCat("threads must be 0 to ", kMaxThreads, ", is ", options.threads));
  }
  Stopwatch total;
  std::unique_ptr<Model> model(new Model());
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
  Stopwatch watch;
  absl::StatusOr<codegen::Target> target = codegen::Target::Named(options.isa);
  if (!target.ok()) return target.status();
  absl::StatusOr<ModelFiles> files = OpenModelFiles(options.folder, Weights::kRequired);
  if (!files.ok()) return files.status();
  files_ = *std::move(files);
  absl::StatusOr<std::unique_ptr<ir::Module>> module =
      options.ir ? ParseModuleFor(files_, *options.ir) : ImportModule(files_, options.module);
  if (!module.ok()) return module.status();
  // The cache is as long as the module says, rounded up to whole blocks where it was imported.
  context_ = options.ir
                 ? std::min((*module)->FindSymbol("C")->max, files_.config.max_position_embeddings)
                 : *ContextOf(files_.config, options.module);
  max_step_ = std::min((*module)->FindSymbol("T")->max, context_);
  weights_ = std::make_unique<CheckpointWeights>(&*files_.checkpoint);
  weights_->Prefetch();
  stats_.import_seconds = watch.Lap();

  absl::StatusOr<std::vector<std::string>> names = passes::RemainingPasses(**module);
  if (!names.ok()) return names.status();
  absl::StatusOr<passes::Pipeline> pipeline = passes::Pipeline::Create(*names, {});
  if (!pipeline.ok()) return pipeline.status();
  if (auto reports = pipeline->Run(module->get()); !reports.ok()) return reports.status();
  stats_.passes_seconds = watch.Lap();

  const int threads = options.threads == 0 ? runtime::UsablePhysicalCores() : options.threads;
  codegen::CompileOptions compile;
  compile.threads = threads;
  compile.perf = options.perf;
  compile.gdb = options.gdb;
  absl::StatusOr<codegen::CompiledModule> compiled = codegen::Compile(**module, *target, compile);
  if (!compiled.ok()) return compiled.status();
  stats_.kernels = static_cast<int64_t>(compiled->program.kernels.size());
  stats_.packed_bytes = compiled->program.loaded_bytes;
  for (const runtime::Weight& weight : compiled->program.weights) {
    stats_.weight_bytes += weight.bytes;
  }
  stats_.compile_seconds = watch.Lap();

  library_ = std::move(compiled->library);
  pool_ = std::make_unique<runtime::ThreadPool>(threads);
  absl::StatusOr<std::unique_ptr<runtime::Executable>> executable =
      runtime::Executable::Create(std::move(compiled->program), pool_.get());
  if (!executable.ok()) return executable.status();
  executable_ = *std::move(executable);
  if (absl::Status loaded = executable_->Load(weights_.get(), options.progress); !loaded.ok()) {
    return loaded;
  }
  stats_.weights_seconds = watch.Lap();
  return absl::OkStatus();
}

runtime::SamplerOptions Model::DefaultSampler() const {
  const frontends::GenerationConfig& config = generation_config_;
  runtime::SamplerOptions sampler;
  sampler.temperature = config.do_sample ? static_cast<float>(config.temperature) : 0.0f;
  sampler.top_k = config.top_k;
  sampler.top_p = static_cast<float>(config.top_p);
  sampler.min_p = static_cast<float>(config.min_p);
  sampler.repetition_penalty = static_cast<float>(config.repetition_penalty);
  return sampler;
}

std::vector<int32_t> Model::StopTokens() const {
  return {generation_config_.eos_token_ids.begin(), generation_config_.eos_token_ids.end()};
}

int64_t PeakMemoryBytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_maxrss * int64_t{1024};
}

}  // namespace lluda::engine
