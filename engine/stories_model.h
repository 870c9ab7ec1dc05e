// The default model, as tests of what it writes load it: short, so that its cache is small, and on
// two threads.
#ifndef LLUDA_ENGINE_STORIES_MODEL_H_
#define LLUDA_ENGINE_STORIES_MODEL_H_

#include <cstdint>

#include "engine/model.h"

namespace lluda::engine {

// Of sequences of so many tokens, so many of which are computed in a step.
inline LoadOptions StoriesOptions(int64_t context, int64_t max_step) {
  LoadOptions options;
  options.folder = "reference_data/stories";
  options.threads = 2;
  options.module.context = context;
  options.module.max_step = max_step;
  return options;
}

}  // namespace lluda::engine

#endif  // LLUDA_ENGINE_STORIES_MODEL_H_
