// The module that a bundle was compiled from, after all passes, as it lies in the file. Knows no pass.
//
//   absl::StatusOr<std::unique_ptr<ir::Module>> module = ModuleOfBundle(*source->bundle());
#ifndef LLUDA_ENGINE_BUNDLE_MODULE_H_
#define LLUDA_ENGINE_BUNDLE_MODULE_H_

#include <memory>

#include "absl/status/statusor.h"
#include "bundle/reader.h"
#include "ir/graph.h"

namespace lluda::engine {

// Verified. InvalidArgument, naming the file, if it is damaged.
absl::StatusOr<std::unique_ptr<ir::Module>> ModuleOfBundle(const bundle::Bundle& bundle);

}  // namespace lluda::engine

#endif  // LLUDA_ENGINE_BUNDLE_MODULE_H_
