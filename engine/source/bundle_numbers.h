// What a bundle was compiled for: it can be asked for nothing else.
//
//   absl::Status status = CheckNumbers(*bundle, "f32", "", "");
//   // "qwen3.llb: is compiled for precision bf16, not f32"
#ifndef LLUDA_ENGINE_SOURCE_BUNDLE_NUMBERS_H_
#define LLUDA_ENGINE_SOURCE_BUNDLE_NUMBERS_H_

#include <cstdint>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "bundle/reader.h"
#include "engine/source/module_options.h"

namespace lluda::engine {

// InvalidArgument, naming the file, for another precision ("bf16", "f32"), KV cache ("bf16", "f32",
// "int8") or result ("logits", "hidden") than the bundle's. An empty name asks for nothing.
absl::Status CheckNumbers(const bundle::Bundle& bundle, absl::string_view precision,
                          absl::string_view kv_cache, absl::string_view result);

// The error of quantising the weights or activations of a model that is compiled already.
absl::Status WeightsAreSettled(const bundle::Bundle& bundle);

// Precision, KV cache and result that the bundle was compiled for, and how its weights were chosen. InvalidArgument if it names unknown
// ones.
absl::StatusOr<ModuleOptions> NumbersOf(const bundle::Bundle& bundle);

// The context that is asked for, or all that the bundle was compiled for.
int64_t ContextOfBundle(const bundle::Bundle& bundle, const ModuleOptions& options);

// InvalidArgument: "<file>: <reason>".
absl::Status RefuseBundle(const bundle::Bundle& bundle, absl::string_view reason);

}  // namespace lluda::engine

#endif  // LLUDA_ENGINE_SOURCE_BUNDLE_NUMBERS_H_
