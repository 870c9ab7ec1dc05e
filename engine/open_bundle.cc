// Model::OpenBundle: everything is ready in the file.
#include <algorithm>
#include <utility>

#include "absl/status/status.h"
#include "bundle/reader.h"
#include "engine/bundle_options.h"
#include "engine/machine.h"
#include "engine/model.h"
#include "engine/stopwatch.h"

namespace lluda::engine {
struct Model::BundleSource : Model::Source {
  std::unique_ptr<bundle::Bundle> bundle;
  bundle::Code code;
};

absl::StatusOr<std::unique_ptr<Model>> Model::OpenBundle(const LoadOptions& options) {
  Stopwatch total;
  std::unique_ptr<Model> model(new Model());
  model->folder_ = options.folder;
  if (absl::Status status = model->LoadBundle(options); !status.ok()) return status;
  TellOfThreads(options, *model->pool_);
  model->stats_.total_seconds = total.Lap();
  return model;
}

absl::Status Model::LoadBundle(const LoadOptions& options) {
  absl::StatusOr<int> threads = ThreadsOf(options);
  if (!threads.ok()) return threads.status();
  absl::StatusOr<std::unique_ptr<bundle::Bundle>> opened = bundle::Bundle::Open(options.folder);
  if (!opened.ok()) return opened.status();
  auto source = std::make_unique<BundleSource>();
  source->bundle = *std::move(opened);
  const bundle::Bundle& bundle = *source->bundle;
  if (absl::Status status = CheckBundleOptions(bundle, options); !status.ok()) return status;
  if (options.check_weights) {
    if (absl::Status status = bundle.Verify(); !status.ok()) return status;
  }
  absl::StatusOr<bundle::Runnable> runnable = bundle.Prepare();
  if (!runnable.ok()) return runnable.status();
  source->code = std::move(runnable->code);
  if (bundle.has_tokenizer() || options.need_tokenizer) {
    absl::StatusOr<tokenizer::Tokenizer> tokenizer = bundle.Tokenizer();
    if (!tokenizer.ok()) return tokenizer.status();
    tokenizer_ = *std::move(tokenizer);
  }
  generation_config_ = bundle.model().generation;
  context_ = options.module.context == 0 ? bundle.model().context : options.module.context;
  max_step_ = std::min({options.module.max_step, bundle.model().max_step, context_});
  stats_.kernels = static_cast<int64_t>(runnable->program.kernels.size());
  stats_.packed_bytes = runnable->program.loaded_bytes;
  stats_.weight_bytes = bundle.model().source_weight_bytes;

  pool_ = std::make_unique<runtime::ThreadPool>(*threads);
  const absl::Status fits = CheckMemory(options, runnable->program, pool_->threads(), context_);
  if (!fits.ok()) return fits;
  absl::StatusOr<std::unique_ptr<runtime::Executable>> executable =
      runtime::Executable::CreateLoaded(std::move(runnable->program), bundle.weights().data(),
                                        pool_.get());
  if (!executable.ok()) return executable.status();
  executable_ = *std::move(executable);
  source_ = std::move(source);
  return absl::OkStatus();
}

}  // namespace lluda::engine
