#include "cli/bounds.h"

#include <algorithm>

namespace lluda::cli {
namespace {

constexpr double kShareOfBf16Error = 0.5;

}  // namespace

double LogitsBound(engine::Precision precision, std::optional<double> hf_bf16_nmse) {
  if (precision == engine::Precision::kF32) return kF32Nmse;
  if (!hf_bf16_nmse) return kBf16Nmse;
  return std::min(kBf16Nmse, kShareOfBf16Error * *hf_bf16_nmse);
}

double ActivationBound(engine::Precision precision, std::optional<double> hf_bf16_nmse) {
  if (precision == engine::Precision::kF32) return kF32Nmse;
  if (!hf_bf16_nmse) return kBf16Nmse;
  return std::max(2 * kBf16RoundingNmse, kShareOfBf16Error * *hf_bf16_nmse);
}

}  // namespace lluda::cli
