// Opens what a path names, whatever its format.
//
//   absl::StatusOr<std::shared_ptr<ModelSource>> source = OpenModelSource("qwen3.llb");
#ifndef LLUDA_ENGINE_SOURCE_OPEN_MODEL_SOURCE_H_
#define LLUDA_ENGINE_SOURCE_OPEN_MODEL_SOURCE_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "engine/source/model_source.h"

namespace lluda::engine {

// The file that `path` would be, "bundle" or "GGUF file", if it looks like one by its name or its
// first bytes; "" of a folder. It need not exist.
absl::string_view FileFormat(const std::string& path);

// Of a folder no file is read before something is asked. Errors of other formats are those of
// opening.
absl::StatusOr<std::shared_ptr<ModelSource>> OpenModelSource(const std::string& path);

}  // namespace lluda::engine

#endif  // LLUDA_ENGINE_SOURCE_OPEN_MODEL_SOURCE_H_
