// The folder where Hugging Face's tools keep the models that they have downloaded.
//
//   HubCacheFolder(getenv) == "/home/me/.cache/huggingface/hub"
//   HubCacheModels("/home/me/.cache/huggingface/hub") == {"Qwen/Qwen3-0.6B"}
//
// As huggingface_hub finds it (its constants.py): $HF_HUB_CACHE, else $HUGGINGFACE_HUB_CACHE, else
// $HF_HOME/hub, else $XDG_CACHE_HOME/huggingface/hub, else ~/.cache/huggingface/hub. A variable
// that is set to nothing counts as not set.
#ifndef LLUDA_FRONTENDS_HUB_CACHE_H_
#define LLUDA_FRONTENDS_HUB_CACHE_H_

#include <functional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace lluda::frontends {

// The value of an environment variable, null if it is not set; std::getenv fits.
using EnvironmentLookup = std::function<const char*(const char* name)>;

// Empty if neither the environment nor the system's list of users names one.
std::string HubCacheFolder(const EnvironmentLookup& environment);

// The models in the folder, by their hub names, sorted; none if it cannot be read.
std::vector<std::string> HubCacheModels(const std::string& folder);

// The folder of a model, which need not be there: "Org/Name" lies in "models--Org--Name".
std::string HubCacheRepository(absl::string_view folder, absl::string_view model);

// As Python's os.path.expandvars(os.path.expanduser(path)): "~" and "~user" at the start are home
// folders, then $NAME and ${NAME} are variables' values. What is not known stays as it is written.
std::string ExpandPath(absl::string_view path, const EnvironmentLookup& environment);

}  // namespace lluda::frontends

#endif  // LLUDA_FRONTENDS_HUB_CACHE_H_
