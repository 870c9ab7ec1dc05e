#include "tools/validate/bounds.h"

#include <algorithm>

namespace lluda::tools {
namespace {

constexpr double kShareOfBf16Error = 0.5;

double OfCache(engine::KvCache kv_cache) {
  return kv_cache == engine::KvCache::kInt8 ? kInt8CacheNmse : 0;
}

}  // namespace

double LogitsBound(engine::Precision precision, std::optional<double> hf_bf16_nmse,
                   engine::KvCache kv_cache) {
  if (precision == engine::Precision::kF32) return kF32Nmse + OfCache(kv_cache);
  const double most = hf_bf16_nmse ? kShareOfBf16Error * *hf_bf16_nmse : kBf16Nmse;
  return std::min(kBf16Nmse, most) + OfCache(kv_cache);
}

double ActivationBound(engine::Precision precision, std::optional<double> hf_bf16_nmse,
                       engine::KvCache kv_cache) {
  if (precision == engine::Precision::kF32) return kF32Nmse + OfCache(kv_cache);
  if (!hf_bf16_nmse) return kBf16Nmse + OfCache(kv_cache);
  return std::max(2 * kBf16RoundingNmse, kShareOfBf16Error * *hf_bf16_nmse) + OfCache(kv_cache);
}

double HeardBound(engine::Precision precision, std::optional<double> hf_bf16_nmse) {
  if (precision == engine::Precision::kF32) return kF32HeardNmse;
  return ActivationBound(precision, hf_bf16_nmse);
}

}  // namespace lluda::tools
