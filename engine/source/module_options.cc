#include "engine/source/module_options.h"

#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "ir/type/blocks.h"

namespace lluda::engine {

absl::StatusOr<Precision> ParsePrecision(absl::string_view name) {
  if (name == "bf16") return Precision::kBF16;
  if (name == "f32") return Precision::kF32;
  return absl::InvalidArgumentError(absl::StrCat("precision must be bf16 or f32, is '", name, "'"));
}

absl::string_view PrecisionName(Precision precision) {
  return precision == Precision::kBF16 ? "bf16" : "f32";
}

absl::StatusOr<KvCache> ParseKvCache(absl::string_view name, Precision precision) {
  if (name == "int8") return KvCache::kInt8;
  if (name.empty() || name == PrecisionName(precision)) return KvCache::kPrecision;
  return absl::InvalidArgumentError(absl::StrCat("with precision ", PrecisionName(precision),
                                                 " the KV cache must be ", PrecisionName(precision),
                                                 " or int8, is '", name, "'"));
}

absl::string_view KvCacheName(KvCache cache, Precision precision) {
  return cache == KvCache::kInt8 ? "int8" : PrecisionName(precision);
}

absl::StatusOr<Activations> ParseActivations(absl::string_view name) {
  if (name.empty()) return Activations::kExact;
  for (const Activations activations : {Activations::kExact, Activations::kInt8}) {
    if (name == ActivationsName(activations)) return activations;
  }
  return absl::InvalidArgumentError(
      absl::StrCat("activations must be exact or int8, are '", name, "'"));
}

absl::string_view ActivationsName(Activations activations) {
  return activations == Activations::kInt8 ? "int8" : "exact";
}

absl::StatusOr<StepResult> ParseStepResult(absl::string_view name) {
  for (const StepResult result : {StepResult::kLogits, StepResult::kHidden}) {
    if (name == StepResultName(result)) return result;
  }
  return absl::InvalidArgumentError(
      absl::StrCat("the result of a step must be logits or hidden, is '", name, "'"));
}

absl::string_view StepResultName(StepResult result) {
  return result == StepResult::kHidden ? "hidden" : "logits";
}

std::string WeightTypeNames() {
  std::vector<absl::string_view> known;
  for (size_t i = 0; i < ir::kDTypeCount; ++i) {
    const auto each = static_cast<ir::DType>(i);
    if (ir::CanEncodeBlocks(each)) known.push_back(ir::DTypeName(each));
  }
  return absl::StrJoin(known, ", ");
}

absl::StatusOr<std::optional<ir::DType>> ParseWeights(absl::string_view name) {
  if (name.empty() || name == kAutoWeights) return std::nullopt;
  const std::optional<ir::DType> dtype = ir::DTypeFromName(name);
  if (dtype && ir::CanEncodeBlocks(*dtype)) return dtype;
  return absl::InvalidArgumentError(
      absl::StrCat("weights can be quantised to ", WeightTypeNames(), ", not '", name, "'"));
}

}  // namespace lluda::engine
