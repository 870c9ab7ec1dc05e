#include "engine/bundle_options.h"

#include <optional>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "engine/source/bundle_numbers.h"
#include "media/log_mel.h"
#include "media/sound.h"

namespace lluda::engine {
namespace {

// The features that it was trained with are those that are made here.
absl::Status CheckSound(const bundle::Bundle& bundle) {
  const std::optional<bundle::SoundInfo>& sound = bundle.model().sound;
  if (!sound ||
      (sound->sample_rate == media::kSampleRate && sound->frame_samples == media::kFrameSamples &&
       sound->frame_step == media::kFrameStep)) {
    return absl::OkStatus();
  }
  return RefuseBundle(
      bundle,
      absl::StrCat("hears sounds of ", sound->sample_rate, " Hz in frames of ",
                   sound->frame_samples, " samples every ", sound->frame_step, ", not of ",
                   media::kSampleRate, ", ", media::kFrameSamples, " and ", media::kFrameStep));
}

absl::Status CheckDevice(const bundle::Bundle& bundle, Device device) {
  if (!bundle.is_for_gpu()) {
    if (device == Device::kCpu) return absl::OkStatus();
    return RefuseBundle(bundle, "its code is for a CPU alone");
  }
  if (device == Device::kCuda) return absl::OkStatus();
  return RefuseBundle(bundle,
                      absl::StrCat("its code is for a GPU, ", bundle.isa(),
                                   ", and for nothing else; lluda runs it with --device cuda"));
}

}  // namespace

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
  RETURN_IF_ERROR(CheckSound(bundle));
  if (module.weights || module.activations != Activations::kExact) {
    return WeightsAreSettled(bundle);
  }
  RETURN_IF_ERROR(CheckDevice(bundle, options.device));
  if (options.isa != "host" && options.isa != bundle.isa()) {
    return RefuseBundle(bundle,
                        absl::StrCat("is compiled for ", bundle.isa(), ", not ", options.isa));
  }
  if (module.context < 0 || module.context > bundle.model().context) {
    return RefuseBundle(bundle,
                        absl::StrCat("is compiled for a context of ", bundle.model().context,
                                     " tokens, not ", module.context));
  }
  if (module.partial_head) {
    return RefuseBundle(bundle, "how it reads its head was settled when it was compiled");
  }
  if (module.record_activations || module.record_inputs) {
    return RefuseBundle(bundle, "a bundle records no activations");
  }
  if (options.ir) {
    return RefuseBundle(bundle, "a bundle runs the module it was compiled from, no other");
  }
  if (options.perf || options.gdb) {
    return RefuseBundle(
        bundle, "perf and GDB are told of kernels that are compiled now, not of a bundle's");
  }
  return absl::OkStatus();
}

}  // namespace lluda::engine
