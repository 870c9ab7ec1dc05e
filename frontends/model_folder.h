// Finds the folder of the model that a user named.
//
// In this order: an existing folder; a hub name, "Qwen/Qwen3-0.6B", that Hugging Face's tools have
// downloaded to their cache, at the revision that "main" stood for then; for no name at all, the
// default folder. The cache is at $HF_HUB_CACHE, else $HF_HOME/hub, else
// $XDG_CACHE_HOME/huggingface/hub, else ~/.cache/huggingface/hub. Nothing is downloaded.
//
// Example:
//   absl::StatusOr<std::string> folder = FindModelFolder("Qwen/Qwen3-0.6B", default_folder,
//   getenv);
#ifndef LLUDA_FRONTENDS_MODEL_FOLDER_H_
#define LLUDA_FRONTENDS_MODEL_FOLDER_H_

#include <functional>
#include <string>

#include "absl/status/statusor.h"

namespace lluda::frontends {

// The value of an environment variable, null if it is not set; std::getenv fits.
using EnvironmentLookup = std::function<const char*(const char* name)>;

// NotFound, with the places that were looked at, if `model` is neither. What the folder holds is
// left to whoever opens it.
absl::StatusOr<std::string> FindModelFolder(const std::string& model,
                                            const std::string& default_folder,
                                            const EnvironmentLookup& environment);

}  // namespace lluda::frontends

#endif  // LLUDA_FRONTENDS_MODEL_FOLDER_H_
