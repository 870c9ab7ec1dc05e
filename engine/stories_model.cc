#include "engine/stories_model.h"

namespace lluda::engine {

LoadOptions StoriesOptions(int64_t context, int64_t max_step) {
  LoadOptions options;
  options.folder = "reference_data/stories";
  options.threads = 2;
  options.module.context = context;
  options.module.max_step = max_step;
  return options;
}

GenerateOptions StoryOptions(const Model& model, int kind) {
  GenerateOptions options;
  options.max_new_tokens = 12 + 7 * (kind % 4);
  options.sampler = model.DefaultSampler();
  options.sampler.seed = static_cast<uint64_t>(kind);
  if (kind % 3 == 0) options.sampler.temperature = 0;
  if (kind % 2 == 0) options.stop_strings = {"."};
  options.stop_tokens = model.StopTokens();
  return options;
}

void ExpectSame(const Generation& result, const Generation& alone) {
  EXPECT_EQ(result.tokens, alone.tokens);
  EXPECT_EQ(result.text, alone.text);
  EXPECT_EQ(result.finish, alone.finish);
}

}  // namespace lluda::engine
