// What a model is compiled for.
//
//   ModuleOptions options;
//   options.context = 8192;
#ifndef LLUDA_ENGINE_SOURCE_MODULE_OPTIONS_H_
#define LLUDA_ENGINE_SOURCE_MODULE_OPTIONS_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "frontends/chosen_weights.h"
#include "frontends/precision.h"
#include "frontends/weight_types.h"
#include "ir/type/dtype.h"

namespace lluda::engine {

using frontends::Activations;
using frontends::KvCache;
using frontends::Precision;
using frontends::StepResult;

// "bf16" or "f32". InvalidArgument, naming both, for anything else.
absl::StatusOr<Precision> ParsePrecision(absl::string_view name);

// The name that ParsePrecision reads.
absl::string_view PrecisionName(Precision precision);

// "int8", or the precision's own name or "" for a cache of its numbers. InvalidArgument, naming
// what is known, for anything else.
absl::StatusOr<KvCache> ParseKvCache(absl::string_view name, Precision precision);

// A name that ParseKvCache reads: "int8", or the precision's.
absl::string_view KvCacheName(KvCache cache, Precision precision);

// "exact", "int8", or "" for the former. InvalidArgument, naming both, for anything else.
absl::StatusOr<Activations> ParseActivations(absl::string_view name);

// The name that ParseActivations reads.
absl::string_view ActivationsName(Activations activations);

// "logits" or "hidden". InvalidArgument, naming both, for anything else.
absl::StatusOr<StepResult> ParseStepResult(absl::string_view name);

// The name that ParseStepResult reads.
absl::string_view StepResultName(StepResult result);

// In place of a block dtype: each matrix gets one of its own, which is still to be chosen.
inline constexpr char kAutoWeights[] = "auto";

// The names of all block dtypes that matrices can be quantised to: "q8_0, q4_0, ...".
std::string WeightTypeNames();

// A block dtype that matrices are quantised to; "" or kAutoWeights for the checkpoint's own numbers.
// InvalidArgument, naming what is known, for anything else.
absl::StatusOr<std::optional<ir::DType>> ParseWeights(absl::string_view name);

struct ModuleOptions {
  Precision precision = Precision::kBF16;
  KvCache kv_cache = KvCache::kPrecision;
  StepResult result = StepResult::kLogits;
  std::optional<ir::DType> weights;  // quantised to, while they are loaded
  // Of single tensors, in place of that: ImportOptions::tensor_weights.
  frontends::WeightTypes tensor_weights;
  // How those were chosen, or those of a bundle; null: they were not.
  std::shared_ptr<const frontends::ChosenWeights> chosen;
  Activations activations = Activations::kExact;
  // Whether the LM head is held in 8 bits as well, and read in part where the largest logits decide.
  bool partial_head = false;
  int64_t context = 0;     // tokens of a sequence; 0: DefaultContext
  int64_t max_step = 512;  // tokens computed at a time; less if the context is shorter
  // Keys and values lie in pages, which sequences share; where the model has layers with rings, and on
  // a GPU, each has a slot of its own all the same. A bundle is as it was compiled.
  bool pages = false;
  // Keeps what each part of the model computes, for Session::Activation; costs time and memory.
  bool record_activations = false;
  // Keeps what matrices are multiplied with: ImportOptions::record_inputs.
  bool record_inputs = false;
  // What a user should be told of these, a line each: SettleOptions.
  std::vector<std::string> notes;
};

// A module as text, in place of an imported one: see module_text.h.
struct ModuleText {
  std::string name;  // for error messages
  std::string text;
};

}  // namespace lluda::engine

#endif  // LLUDA_ENGINE_SOURCE_MODULE_OPTIONS_H_
