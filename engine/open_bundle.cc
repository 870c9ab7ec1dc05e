// Model::OpenBundle: everything is ready in the file.
#include <algorithm>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "bundle/reader.h"
#include "engine/model.h"
#include "engine/stopwatch.h"

namespace lluda::engine {
namespace {

// Whether a bundle is what the options ask for.
absl::Status CheckOptions(const bundle::Bundle& bundle, const LoadOptions& options) {
  const auto refuse = [&](absl::string_view reason) {
    return absl::InvalidArgumentError(absl::StrCat(bundle.path(), ": ", reason));
  };
  // bf16 is what is meant where nothing is asked for.
  const absl::string_view precision = PrecisionName(options.module.precision);
  if (options.module.precision != Precision::kBF16 && precision != bundle.model().precision) {
    return refuse(
        absl::StrCat("is compiled for precision ", bundle.model().precision, ", not ", precision));
  }
  const absl::string_view kv_cache = KvCacheName(options.module.kv_cache, options.module.precision);
  if (options.module.kv_cache != KvCache::kPrecision && kv_cache != bundle.model().kv_cache) {
    return refuse(absl::StrCat("is compiled for a KV cache of ", bundle.model().kv_cache, ", not ",
                               kv_cache));
  }
  if (options.isa != "host" && options.isa != bundle.isa()) {
    return refuse(absl::StrCat("is compiled for ", bundle.isa(), ", not ", options.isa));
  }
  if (options.module.context < 0 || options.module.context > bundle.model().context) {
    return refuse(absl::StrCat("is compiled for a context of ", bundle.model().context,
                               " tokens, not ", options.module.context));
  }
  if (options.module.record_activations) return refuse("a bundle records no activations");
  if (options.ir) return refuse("a bundle runs the module it was compiled from, no other");
  if (options.perf || options.gdb) {
    return refuse("perf and GDB are told of kernels that are compiled now, not of a bundle's");
  }
  return absl::OkStatus();
}

}  // namespace

struct Model::BundleSource : Model::Source {
  std::unique_ptr<bundle::Bundle> bundle;
  bundle::Code code;
};

absl::StatusOr<std::unique_ptr<Model>> Model::OpenBundle(const LoadOptions& options) {
  Stopwatch total;
  std::unique_ptr<Model> model(new Model());
  model->folder_ = options.folder;
  if (absl::Status status = model->LoadBundle(options); !status.ok()) return status;
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
  if (absl::Status status = CheckOptions(bundle, options); !status.ok()) return status;
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
  absl::StatusOr<std::unique_ptr<runtime::Executable>> executable =
      runtime::Executable::CreateLoaded(std::move(runnable->program), bundle.weights().data(),
                                        pool_.get());
  if (!executable.ok()) return executable.status();
  executable_ = *std::move(executable);
  source_ = std::move(source);
  return absl::OkStatus();
}

}  // namespace lluda::engine
