// Finds the folder of the model that a user named.
//
// In this order: an existing folder; a hub name, "Qwen/Qwen3-0.6B", that Hugging Face's tools have
// downloaded to their cache (hub_cache.h), at the revision that "main" stood for then; for no name
// at all, the default folder. Nothing is downloaded.
//
// Example:
//   absl::StatusOr<std::string> folder =
//       FindModelFolder("Qwen/Qwen3-0.6B", default_folder, getenv);
#ifndef LLUDA_FRONTENDS_MODEL_FOLDER_H_
#define LLUDA_FRONTENDS_MODEL_FOLDER_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "frontends/hub_cache.h"

namespace lluda::frontends {

// NotFound, with the places that were looked at and the name that was perhaps meant, of a model of
// the cache or of what lies where `model` would, if it is neither. What the folder holds is left to
// whoever opens it.
absl::StatusOr<std::string> FindModelFolder(const std::string& model,
                                            const std::string& default_folder,
                                            const EnvironmentLookup& environment);

// " (did you mean 'NAME'?)", with a folder or a bundle (*.llb) that lies where `path` would and is
// called nearly so, or with one of `models`, hub names; else "".
std::string NearestModel(const std::string& path, const std::vector<std::string>& models);

}  // namespace lluda::frontends

#endif  // LLUDA_FRONTENDS_MODEL_FOLDER_H_
