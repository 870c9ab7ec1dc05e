// Where the small default model lies: reference_data/stories, in the source tree that this binary
// was built from.
//
//   frontends::FindModelFolder(flags.model, DefaultModelFolder(), getenv);
#ifndef LLUDA_ENGINE_SOURCE_DEFAULT_MODEL_H_
#define LLUDA_ENGINE_SOURCE_DEFAULT_MODEL_H_

#include <string>

namespace lluda::engine {

// $LLUDA_ROOT/reference_data/stories if that variable is set; else the same below the binary's
// runfiles, its folder, or the nearest folder above it that has one. If there is none, the name
// reference_data/stories, for the error message.
std::string DefaultModelFolder();

// The same with these in place of the environment's variable (may be null) and the binary's path.
std::string FindDefaultModel(const char* root, const std::string& binary);

}  // namespace lluda::engine

#endif  // LLUDA_ENGINE_SOURCE_DEFAULT_MODEL_H_
