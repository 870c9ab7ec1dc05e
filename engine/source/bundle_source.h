// A bundle as a model's source: most of what may be asked was decided when it was compiled.
//
//   absl::StatusOr<std::shared_ptr<ModelSource>> source = OpenBundleSource("qwen3.llb");
//   (*source)->OptionsFor({"f32", "", 0});
//   // "qwen3.llb: is compiled for precision bf16, not f32"
//
// What calls nothing else links no compiler.
#ifndef LLUDA_ENGINE_SOURCE_BUNDLE_SOURCE_H_
#define LLUDA_ENGINE_SOURCE_BUNDLE_SOURCE_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "engine/source/model_source.h"

namespace lluda::engine {

// Errors as bundle::Bundle::Open says.
absl::StatusOr<std::shared_ptr<ModelSource>> OpenBundleSource(const std::string& path);

}  // namespace lluda::engine

#endif  // LLUDA_ENGINE_SOURCE_BUNDLE_SOURCE_H_
