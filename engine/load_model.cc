// Model::Load: through all stages, from a folder to an executable.
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/sha256.h"
#include "base/status_macros.h"
#include "base/stopwatch.h"
#include "codegen/cpu/cpu_compile.h"
#include "codegen/cpu/fingerprint.h"
#include "codegen/llvm/target.h"
#include "engine/bundle_program.h"
#include "engine/gpu_model.h"
#include "engine/machine.h"
#include "engine/model.h"
#include "engine/open_module.h"
#include "engine/source/checkpoint_weights.h"
#include "engine/source/open_model_source.h"
#include "ir/text/printer.h"
#include "runtime/cpu_device.h"

namespace lluda::engine {

struct Model::CompiledBacking : Model::Backing {
  std::unique_ptr<CheckpointWeights> weights;
  std::unique_ptr<codegen::KernelLibrary> library;
};

namespace {

// Side by side, where the system gives a second thread.
template <typename F, typename G>
void RunBoth(const F& first, const G& second) {
  runtime::ThreadPool pair(2);
  pair.ParallelFor(2, 1, [&](int64_t begin, int64_t end, int) {
    for (int64_t item = begin; item < end; ++item) item == 0 ? first() : second();
  });
}

}  // namespace

absl::StatusOr<std::unique_ptr<Model>> Model::Load(const LoadOptions& options) {
  ASSIGN_OR_RETURN(std::shared_ptr<ModelSource> source, SourceOf(options, &OpenModelSource));
  if (source->bundle() != nullptr) return LoadCompiled(std::move(source), options, &ProgramForGpu);
  RETURN_IF_ERROR(ThreadsOf(options));
  base::Stopwatch total;
  std::unique_ptr<Model> model(new Model());
  model->source_ = std::move(source);
  // The tokenizer is read while LLVM compiles.
  absl::Status program, texts;
  RunBoth([&] { program = model->LoadProgram(options); },
          [&] { texts = model->LoadTexts(options); });
  if (!program.ok()) return program;
  if (!texts.ok()) return texts;
  for (const std::string& note : model->generation_config_.notes) model->notes_.push_back(note);
  NoteThreads(*model->pool_, &model->notes_);
  model->stats_.total_seconds = total.Lap();
  return model;
}

absl::Status Model::LoadTexts(const LoadOptions& options) {
  ASSIGN_OR_RETURN(generation_config_, source_->ReadGenerationConfig());
  absl::StatusOr<tokenizer::Tokenizer> tokenizer = source_->ReadTokenizer();
  if (tokenizer.ok()) {
    tokenizer_ = *std::move(tokenizer);
  } else if (options.need_tokenizer || !absl::IsNotFound(tokenizer.status())) {
    return tokenizer.status();
  }
  return absl::OkStatus();
}

absl::Status Model::MakeModule(const LoadOptions& options, CheckpointWeights* weights,
                               OpenedModule* made) {
  base::Stopwatch watch;
  if (options.optimised == nullptr) {
    ASSIGN_OR_RETURN(*made, OpenModule(source_.get(), options, Weights::kRequired));
  }
  weights->Prefetch();
  stats_.import_seconds = watch.Lap();
  if (options.optimised == nullptr) {
    RETURN_IF_ERROR(RunRemainingPasses(made->module.get(), options.device));
  }
  stats_.passes_seconds = watch.Lap();
  return absl::OkStatus();
}

absl::Status Model::LoadProgram(const LoadOptions& options) {
  if (options.device != Device::kCpu && options.module.partial_head) {
    return absl::InvalidArgumentError("only a CPU reads a head in part");
  }
  if (options.device != Device::kCpu && options.module.activations == Activations::kInt8) {
    return absl::InvalidArgumentError("only a CPU multiplies activations of int8");
  }
  ASSIGN_OR_RETURN(codegen::Target target, CpuTargetOf(options.device, options.isa));
  ASSIGN_OR_RETURN(const ModelFiles* files, source_->Files(Weights::kRequired));
  auto backing = std::make_unique<CompiledBacking>();
  backing->weights = std::make_unique<CheckpointWeights>(&*files->checkpoint);
  OpenedModule made;
  std::optional<GpuModel> gpu;
  absl::Status gpu_opened, module_made;
  const auto make = [&] { module_made = MakeModule(options, backing->weights.get(), &made); };
  const auto open = [&] {
    absl::StatusOr<GpuModel> opened = GpuModel::Open(options.device, options.isa);
    gpu_opened = opened.status();
    if (opened.ok()) gpu = *std::move(opened);
  };
  if (options.device == Device::kCpu) {
    make();
  } else {
    // A GPU takes as long to start as a module to be made. That there is none is said first.
    RunBoth(open, make);
  }
  RETURN_IF_ERROR(gpu_opened);
  RETURN_IF_ERROR(module_made);
  const OpenedModule* optimised = options.optimised == nullptr ? &made : options.optimised;
  backing->weights->CheckQuantised(*optimised->module);
  base::Stopwatch watch;
  result_ = options.module.result;
  if (!options.ir) stats_.activations = std::string(ActivationsName(options.module.activations));
  context_ = optimised->context;
  max_step_ = optimised->max_step;
  RETURN_IF_ERROR(CheckCompileMemory(source_->path(), options));

  codegen::CompileOptions compile;
  compile.threads = *ThreadsOf(options);
  compile.perf = options.perf;
  compile.gdb = options.gdb;
  compile.cache = options.code_cache;
  ASSIGN_OR_RETURN(codegen::CompiledModule compiled,
                   gpu ? gpu->Compile(*optimised->module, target, compile.threads, compile.cache)
                       : codegen::Compile(*optimised->module, target, compile));
  stats_.kernels = static_cast<int64_t>(compiled.program.kernels.size());
  stats_.cached_kernels = compiled.cached_kernels;
  stats_.packed_bytes = compiled.program.loaded_bytes;
  for (const runtime::Weight& weight : compiled.program.weights) {
    stats_.weight_bytes += weight.bytes;
  }
  identity_.isa = gpu ? gpu->name() : std::string(codegen::IsaName(target.isa));
  if (options.identify) {
    identity_.module = base::HexOf(base::Sha256(ir::PrintModule(*optimised->module)));
    identity_.code = absl::StrCat(kCodegenFingerprint, " by LLVM ", codegen::LlvmVersion());
  }
  stats_.compile_seconds = watch.Lap();

  notes_ = NotesOf(*files, context_);
  backing->library = std::move(compiled.library);
  pool_ = std::make_unique<runtime::ThreadPool>(compile.threads);
  backing->weights->UseThreads(pool_.get());
  if (gpu) {
    RETURN_IF_ERROR(gpu->CheckMemory(source_->path(), compiled.program, context_));
  }
  if (options.device != Device::kCuda) {
    RETURN_IF_ERROR(
        CheckMemory(source_->path(), options, compiled.program, pool_->threads(), context_));
  }
  std::unique_ptr<runtime::Device> device;
  if (gpu) device = gpu->MakeDevice(pool_.get());
  if (!gpu) device = std::make_unique<runtime::CpuDevice>(pool_.get());
  ASSIGN_OR_RETURN(executable_,
                   runtime::Executable::Create(std::move(compiled.program), std::move(device)));
  absl::Status loaded = executable_->Load(backing->weights.get(), options.progress);
  backing_ = std::move(backing);
  if (!loaded.ok()) return loaded;
  stats_.weights_seconds = watch.Lap();
  return absl::OkStatus();
}

}  // namespace lluda::engine
