#include "engine/bundle_options.h"

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace lluda::engine {
namespace {

absl::Status Refuse(const bundle::Bundle& bundle, absl::string_view reason) {
  return absl::InvalidArgumentError(absl::StrCat(bundle.path(), ": ", reason));
}

}  // namespace

absl::Status CheckNumbers(const bundle::Bundle& bundle, absl::string_view precision,
                          absl::string_view kv_cache, absl::string_view result) {
  const bundle::ModelInfo& model = bundle.model();
  if (!precision.empty() && precision != model.precision) {
    return Refuse(bundle,
                  absl::StrCat("is compiled for precision ", model.precision, ", not ", precision));
  }
  if (!kv_cache.empty() && kv_cache != model.kv_cache) {
    return Refuse(
        bundle, absl::StrCat("is compiled for a KV cache of ", model.kv_cache, ", not ", kv_cache));
  }
  if (!result.empty() && result != model.result) {
    return Refuse(bundle, absl::StrCat("is compiled to give ", model.result, ", not ", result));
  }
  return absl::OkStatus();
}

absl::Status WeightsAreSettled(const bundle::Bundle& bundle) {
  return Refuse(bundle,
                "is compiled with the weights and activations that it has; compile quantises them");
}

absl::Status CheckBundleOptions(const bundle::Bundle& bundle, const LoadOptions& options) {
  // bf16, the cache that the precision has, and logits are what is meant where nothing is asked for.
  const ModuleOptions& module = options.module;
  const bool asks_precision = module.precision != Precision::kBF16;
  const bool asks_kv_cache = module.kv_cache != KvCache::kPrecision;
  const bool asks_result = module.result != StepResult::kLogits;
  RETURN_IF_ERROR(CheckNumbers(
      bundle, asks_precision ? PrecisionName(module.precision) : absl::string_view(),
      asks_kv_cache ? KvCacheName(module.kv_cache, module.precision) : absl::string_view(),
      asks_result ? StepResultName(module.result) : absl::string_view()));
  if (module.weights || module.activations != Activations::kExact) {
    return WeightsAreSettled(bundle);
  }
  if (options.device != Device::kCpu) return Refuse(bundle, "its code is for a CPU alone");
  if (options.isa != "host" && options.isa != bundle.isa()) {
    return Refuse(bundle, absl::StrCat("is compiled for ", bundle.isa(), ", not ", options.isa));
  }
  if (module.context < 0 || module.context > bundle.model().context) {
    return Refuse(bundle, absl::StrCat("is compiled for a context of ", bundle.model().context,
                                       " tokens, not ", module.context));
  }
  if (module.record_activations) return Refuse(bundle, "a bundle records no activations");
  if (options.ir) return Refuse(bundle, "a bundle runs the module it was compiled from, no other");
  if (options.perf || options.gdb) {
    return Refuse(bundle,
                  "perf and GDB are told of kernels that are compiled now, not of a bundle's");
  }
  return absl::OkStatus();
}

absl::StatusOr<ModuleOptions> NumbersOf(const bundle::Bundle& bundle) {
  ModuleOptions options;
  absl::StatusOr<Precision> precision = ParsePrecision(bundle.model().precision);
  if (!precision.ok()) return Refuse(bundle, precision.status().message());
  absl::StatusOr<KvCache> kv_cache = ParseKvCache(bundle.model().kv_cache, *precision);
  if (!kv_cache.ok()) return Refuse(bundle, kv_cache.status().message());
  absl::StatusOr<StepResult> result = ParseStepResult(bundle.model().result);
  if (!result.ok()) return Refuse(bundle, result.status().message());
  options.precision = *precision;
  options.result = *result;
  options.kv_cache = *kv_cache;
  return options;
}

int64_t ContextOfBundle(const bundle::Bundle& bundle, const ModuleOptions& options) {
  return options.context == 0 ? bundle.model().context : options.context;
}

}  // namespace lluda::engine
