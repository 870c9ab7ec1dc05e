#include "engine/source/bundle_numbers.h"

#include "absl/strings/str_cat.h"

namespace lluda::engine {

absl::Status RefuseBundle(const bundle::Bundle& bundle, absl::string_view reason) {
  return absl::InvalidArgumentError(absl::StrCat(bundle.path(), ": ", reason));
}

absl::Status CheckNumbers(const bundle::Bundle& bundle, absl::string_view precision,
                          absl::string_view kv_cache, absl::string_view result) {
  const bundle::ModelInfo& model = bundle.model();
  if (!precision.empty() && precision != model.precision) {
    return RefuseBundle(
        bundle, absl::StrCat("is compiled for precision ", model.precision, ", not ", precision));
  }
  if (!kv_cache.empty() && kv_cache != model.kv_cache) {
    return RefuseBundle(
        bundle, absl::StrCat("is compiled for a KV cache of ", model.kv_cache, ", not ", kv_cache));
  }
  if (!result.empty() && result != model.result) {
    return RefuseBundle(bundle,
                        absl::StrCat("is compiled to give ", model.result, ", not ", result));
  }
  return absl::OkStatus();
}

absl::Status WeightsAreSettled(const bundle::Bundle& bundle) {
  return RefuseBundle(
      bundle, "is compiled with the weights and activations that it has; compile quantises them");
}

absl::StatusOr<ModuleOptions> NumbersOf(const bundle::Bundle& bundle) {
  ModuleOptions options;
  absl::StatusOr<Precision> precision = ParsePrecision(bundle.model().precision);
  if (!precision.ok()) return RefuseBundle(bundle, precision.status().message());
  absl::StatusOr<KvCache> kv_cache = ParseKvCache(bundle.model().kv_cache, *precision);
  if (!kv_cache.ok()) return RefuseBundle(bundle, kv_cache.status().message());
  absl::StatusOr<StepResult> result = ParseStepResult(bundle.model().result);
  if (!result.ok()) return RefuseBundle(bundle, result.status().message());
  options.precision = *precision;
  options.result = *result;
  options.kv_cache = *kv_cache;
  options.chosen = bundle.model().chosen;
  return options;
}

int64_t ContextOfBundle(const bundle::Bundle& bundle, const ModuleOptions& options) {
  return options.context == 0 ? bundle.model().context : options.context;
}

}  // namespace lluda::engine
