// Model::OpenBundle: everything is ready in the file.
#include <algorithm>
#include <memory>
#include <utility>

#include "absl/status/status.h"
#include "base/status_macros.h"
#include "base/stopwatch.h"
#include "bundle/reader.h"
#include "engine/bundle_options.h"
#include "engine/bundle_program.h"
#include "engine/machine.h"
#include "engine/model.h"
#include "engine/source/bundle_numbers.h"
#include "engine/source/bundle_source.h"
#include "runtime/cpu_device.h"

namespace lluda::engine {
struct Model::BundleBacking : Model::Backing {
  bundle::Code code;  // of a CPU
};

namespace {

absl::StatusOr<BundleProgram> ProgramForCpu(const bundle::Bundle& bundle,
                                            const LoadOptions& options, int64_t context,
                                            runtime::ThreadPool* pool) {
  ASSIGN_OR_RETURN(bundle::Runnable runnable, bundle.Prepare());
  RETURN_IF_ERROR(CheckMemory(bundle.path(), options, runnable.program, pool->threads(), context));
  return BundleProgram{std::move(runnable.program), std::make_unique<runtime::CpuDevice>(pool),
                       std::move(runnable.code)};
}

}  // namespace

absl::StatusOr<std::unique_ptr<Model>> Model::OpenBundle(const LoadOptions& options) {
  ASSIGN_OR_RETURN(std::shared_ptr<ModelSource> source, SourceOf(options, &OpenBundleSource));
  return LoadCompiled(std::move(source), options, nullptr);
}

absl::StatusOr<std::unique_ptr<Model>> Model::LoadCompiled(std::shared_ptr<ModelSource> source,
                                                           const LoadOptions& options,
                                                           BundleLoader for_gpu) {
  base::Stopwatch total;
  std::unique_ptr<Model> model(new Model());
  model->source_ = std::move(source);
  RETURN_IF_ERROR(model->LoadBundle(options, for_gpu));
  NoteThreads(*model->pool_, &model->notes_);
  model->stats_.total_seconds = total.Lap();
  return model;
}

absl::Status Model::LoadBundle(const LoadOptions& options, BundleLoader for_gpu) {
  ASSIGN_OR_RETURN(int threads, ThreadsOf(options));
  auto backing = std::make_unique<BundleBacking>();
  const bundle::Bundle& bundle = *source_->bundle();
  RETURN_IF_ERROR(CheckBundleOptions(bundle, options));
  if (options.check_weights) {
    RETURN_IF_ERROR(bundle.Verify());
  }
  pool_ = std::make_unique<runtime::ThreadPool>(threads);
  context_ = ContextOfBundle(bundle, options.module);
  const BundleLoader load = bundle.is_for_gpu() ? for_gpu : &ProgramForCpu;
  if (load == nullptr) return RefuseBundle(bundle, "this program runs no code of a GPU");
  ASSIGN_OR_RETURN(BundleProgram ready, load(bundle, options, context_, pool_.get()));
  backing->code = std::move(ready.code);
  if (bundle.has_tokenizer() || options.need_tokenizer) {
    ASSIGN_OR_RETURN(tokenizer_, source_->ReadTokenizer());
  }
  generation_config_ = bundle.model().generation;
  ASSIGN_OR_RETURN(const ModuleOptions numbers, NumbersOf(bundle));
  result_ = numbers.result;
  max_step_ = std::min({options.module.max_step, bundle.model().max_step, context_});
  identity_ = {bundle.isa(), bundle.ir_sha256(), bundle.code_sha256(), bundle.weights_sha256()};
  stats_.kernels = static_cast<int64_t>(ready.program.kernels.size());
  stats_.packed_bytes = ready.program.loaded_bytes;
  stats_.weight_bytes = bundle.model().source_weight_bytes;
  ASSIGN_OR_RETURN(executable_,
                   runtime::Executable::CreateLoaded(
                       std::move(ready.program), bundle.weights().data(), std::move(ready.device)));
  backing_ = std::move(backing);
  return absl::OkStatus();
}

}  // namespace lluda::engine
