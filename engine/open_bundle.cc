// Model::OpenBundle: everything is ready in the file.
#include <algorithm>
#include <utility>

#include "absl/status/status.h"
#include "base/stopwatch.h"
#include "bundle/reader.h"
#include "engine/bundle_options.h"
#include "engine/bundle_source.h"
#include "engine/machine.h"
#include "engine/model.h"
#include "runtime/cpu_device.h"

namespace lluda::engine {
struct Model::BundleBacking : Model::Backing {
  bundle::Code code;
};

absl::StatusOr<std::unique_ptr<Model>> Model::OpenBundle(const LoadOptions& options) {
  if (options.source != nullptr) return LoadCompiled(options.source, options);
  absl::StatusOr<std::shared_ptr<ModelSource>> source = OpenBundleSource(options.folder);
  if (!source.ok()) return source.status();
  return LoadCompiled(*std::move(source), options);
}

absl::StatusOr<std::unique_ptr<Model>> Model::LoadCompiled(std::shared_ptr<ModelSource> source,
                                                           const LoadOptions& options) {
  base::Stopwatch total;
  std::unique_ptr<Model> model(new Model());
  model->source_ = std::move(source);
  if (absl::Status status = model->LoadBundle(options); !status.ok()) return status;
  TellOfThreads(options, *model->pool_);
  model->stats_.total_seconds = total.Lap();
  return model;
}

absl::Status Model::LoadBundle(const LoadOptions& options) {
  absl::StatusOr<int> threads = ThreadsOf(options);
  if (!threads.ok()) return threads.status();
  auto backing = std::make_unique<BundleBacking>();
  const bundle::Bundle& bundle = *source_->bundle();
  if (absl::Status status = CheckBundleOptions(bundle, options); !status.ok()) return status;
  if (options.check_weights) {
    if (absl::Status status = bundle.Verify(); !status.ok()) return status;
  }
  absl::StatusOr<bundle::Runnable> runnable = bundle.Prepare();
  if (!runnable.ok()) return runnable.status();
  backing->code = std::move(runnable->code);
  if (bundle.has_tokenizer() || options.need_tokenizer) {
    absl::StatusOr<tokenizer::Tokenizer> tokenizer = source_->ReadTokenizer();
    if (!tokenizer.ok()) return tokenizer.status();
    tokenizer_ = *std::move(tokenizer);
  }
  generation_config_ = bundle.model().generation;
  context_ = ContextOfBundle(bundle, options.module);
  max_step_ = std::min({options.module.max_step, bundle.model().max_step, context_});
  stats_.kernels = static_cast<int64_t>(runnable->program.kernels.size());
  stats_.packed_bytes = runnable->program.loaded_bytes;
  stats_.weight_bytes = bundle.model().source_weight_bytes;

  pool_ = std::make_unique<runtime::ThreadPool>(*threads);
  const absl::Status fits = CheckMemory(options, runnable->program, pool_->threads(), context_);
  if (!fits.ok()) return fits;
  absl::StatusOr<std::unique_ptr<runtime::Executable>> executable =
      runtime::Executable::CreateLoaded(std::move(runnable->program), bundle.weights().data(),
                                        std::make_unique<runtime::CpuDevice>(pool_.get()));
  if (!executable.ok()) return executable.status();
  executable_ = *std::move(executable);
  backing_ = std::move(backing);
  return absl::OkStatus();
}

}  // namespace lluda::engine
