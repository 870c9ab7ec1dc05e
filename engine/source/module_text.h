// A module read from IR text instead of imported, to be run on a model's weights.
//
//   absl::StatusOr<std::unique_ptr<ir::Module>> module =
//       ParseModuleFor(files, {"after-fuse-rope.lluda", text});
//
// The text is what `lluda ir` prints at any point of the pipeline, perhaps edited. What it says of
// weights, inputs and outputs is held against the model's files; what it computes is its own
// affair.
#ifndef LLUDA_ENGINE_SOURCE_MODULE_TEXT_H_
#define LLUDA_ENGINE_SOURCE_MODULE_TEXT_H_

#include <memory>

#include "absl/status/statusor.h"
#include "engine/source/model_files.h"
#include "engine/source/module_options.h"
#include "ir/graph.h"

namespace lluda::engine {

// A sound module whose @step takes and returns what sessions expect, whose weights are the
// checkpoint's (or, without one, those that the config asks for), and whose places in memory, once
// planned, do not collide. InvalidArgument, one line that starts with the text's name, if it is
// anything else; FailedPrecondition if a place is missing.
absl::StatusOr<std::unique_ptr<ir::Module>> ParseModuleFor(const ModelFiles& files,
                                                           const ModuleText& source);

}  // namespace lluda::engine

#endif  // LLUDA_ENGINE_SOURCE_MODULE_TEXT_H_
