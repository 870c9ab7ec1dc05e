#include "tools/validate/bounds.h"

#include <algorithm>

namespace lluda::tools {
namespace {

constexpr double kShareOfBf16Error = 0.5;

double OfInt8(const CoarseNumbers& coarse) {
  return (coarse.kv_cache == engine::KvCache::kInt8 ? kInt8CacheNmse : 0) +
         (coarse.activations == engine::Activations::kInt8 ? kInt8ActivationsNmse : 0);
}

}  // namespace

CoarseNumbers CoarseNumbersOf(const engine::ModuleOptions& numbers) {
  return {numbers.kv_cache, numbers.activations};
}

double LogitsBound(engine::Precision precision, std::optional<double> hf_bf16_nmse,
                   const CoarseNumbers& coarse) {
  if (precision == engine::Precision::kF32) return kF32Nmse + OfInt8(coarse);
  const double most = hf_bf16_nmse ? kShareOfBf16Error * *hf_bf16_nmse : kBf16Nmse;
  return std::min(kBf16Nmse, most) + OfInt8(coarse);
}

double ActivationBound(engine::Precision precision, std::optional<double> hf_bf16_nmse,
                       const CoarseNumbers& coarse) {
  if (precision == engine::Precision::kF32) return kF32Nmse + OfInt8(coarse);
  if (!hf_bf16_nmse) return kBf16Nmse + OfInt8(coarse);
  return std::max(2 * kBf16RoundingNmse, kShareOfBf16Error * *hf_bf16_nmse) + OfInt8(coarse);
}

double HeardBound(engine::Precision precision, std::optional<double> hf_bf16_nmse) {
  if (precision == engine::Precision::kF32) return kF32HeardNmse;
  return ActivationBound(precision, hf_bf16_nmse);
}

}  // namespace lluda::tools
