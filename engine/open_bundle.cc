// Model::OpenBundle: everything is ready in the file.
#include <algorithm>
#include <utility>

#include "absl/status/status.h"
#include "base/status_macros.h"
#include "base/stopwatch.h"
#include "bundle/reader.h"
#include "engine/bundle_options.h"
#include "engine/machine.h"
#include "engine/model.h"
#include "engine/source/bundle_numbers.h"
#include "engine/source/bundle_source.h"
#include "runtime/cpu_device.h"

namespace lluda::engine {
struct Model::BundleBacking : Model::Backing {
  bundle::Code code;
};

absl::StatusOr<std::unique_ptr<Model>> Model::OpenBundle(const LoadOptions& options) {
  ASSIGN_OR_RETURN(std::shared_ptr<ModelSource> source, SourceOf(options, &OpenBundleSource));
  return LoadCompiled(std::move(source), options);
}

absl::StatusOr<std::unique_ptr<Model>> Model::LoadCompiled(std::shared_ptr<ModelSource> source,
                                                           const LoadOptions& options) {
  base::Stopwatch total;
  std::unique_ptr<Model> model(new Model());
  model->source_ = std::move(source);
  RETURN_IF_ERROR(model->LoadBundle(options));
  NoteThreads(*model->pool_, &model->notes_);
  model->stats_.total_seconds = total.Lap();
  return model;
}

absl::Status Model::LoadBundle(const LoadOptions& options) {
  ASSIGN_OR_RETURN(int threads, ThreadsOf(options));
  auto backing = std::make_unique<BundleBacking>();
  const bundle::Bundle& bundle = *source_->bundle();
  RETURN_IF_ERROR(CheckBundleOptions(bundle, options));
  if (options.check_weights) {
    RETURN_IF_ERROR(bundle.Verify());
  }
  ASSIGN_OR_RETURN(bundle::Runnable runnable, bundle.Prepare());
  backing->code = std::move(runnable.code);
  if (bundle.has_tokenizer() || options.need_tokenizer) {
    ASSIGN_OR_RETURN(tokenizer_, source_->ReadTokenizer());
  }
  generation_config_ = bundle.model().generation;
  ASSIGN_OR_RETURN(const ModuleOptions numbers, NumbersOf(bundle));
  result_ = numbers.result;
  context_ = ContextOfBundle(bundle, options.module);
  max_step_ = std::min({options.module.max_step, bundle.model().max_step, context_});
  identity_ = {bundle.isa(), bundle.ir_sha256(), bundle.code_sha256(), bundle.weights_sha256()};
  stats_.kernels = static_cast<int64_t>(runnable.program.kernels.size());
  stats_.packed_bytes = runnable.program.loaded_bytes;
  stats_.weight_bytes = bundle.model().source_weight_bytes;

  pool_ = std::make_unique<runtime::ThreadPool>(threads);
  RETURN_IF_ERROR(
      CheckMemory(source_->path(), options, runnable.program, pool_->threads(), context_));
  ASSIGN_OR_RETURN(executable_, runtime::Executable::CreateLoaded(
                                    std::move(runnable.program), bundle.weights().data(),
                                    std::make_unique<runtime::CpuDevice>(pool_.get())));
  backing_ = std::move(backing);
  return absl::OkStatus();
}

}  // namespace lluda::engine
