// The default model for tests of what it writes: short, so that its cache is small, and on two threads;
// requests of many kinds for it, and what each gives alone.
//
//   class SchedulerTest : public StoriesTest<128> {};   // model_ has a context of 128 tokens
//   ExpectSame(result, Alone(prompt, StoryOptions(*model_, 3)));
#ifndef LLUDA_ENGINE_STORIES_MODEL_H_
#define LLUDA_ENGINE_STORIES_MODEL_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "engine/model.h"
#include "engine/session.h"
#include "gtest/gtest.h"

namespace lluda::engine {

// Of sequences of so many tokens, so many of which are computed in a step.
LoadOptions StoriesOptions(int64_t context, int64_t max_step);

// Short and long ones, some of which begin alike.
inline constexpr const char* kStoryPrompts[] = {
    "Once upon a time",
    "The fox",
    "Once upon a time there was a little girl called Anna, who had a red ball.",
    "Tom and his dog were best friends. Every day they went to the park and played with a big red "
    "ball. One day the ball rolled into the lake, and Tom did not know what to do.",
    "Once upon a hill",
};

// Different in length, sampling and stops, by `kind`.
GenerateOptions StoryOptions(const Model& model, int kind);

// Both have the same tokens, text and end.
void ExpectSame(const Generation& result, const Generation& alone);

template <int64_t context, int64_t max_step = 16>
class StoriesTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    absl::StatusOr<std::unique_ptr<Model>> model = Model::Load(StoriesOptions(context, max_step));
    ASSERT_TRUE(model.ok()) << model.status();
    model_ = model->release();
  }
  static void TearDownTestSuite() { delete model_; }

  // What a session of its own makes of a prompt.
  static Generation Alone(const std::vector<int32_t>& prompt, const GenerateOptions& options) {
    const auto session = Session::Create(model_, {});
    EXPECT_TRUE(session.ok()) << session.status();
    auto result = (*session)->Generate(prompt, options);
    EXPECT_TRUE(result.ok()) << result.status();
    return *std::move(result);
  }

  static inline Model* model_ = nullptr;
};

// Tests of a model whose keys and values have slots, and of one whose sequences share pages: served()
// has them as the parameter says. `model_` and Alone have slots in any case.
template <int64_t context, int64_t max_step = 16>
class SlotsAndPagesTest : public StoriesTest<context, max_step>,
                          public testing::WithParamInterface<bool> {
 protected:
  using Slots = StoriesTest<context, max_step>;

  static void SetUpTestSuite() {
    Slots::SetUpTestSuite();
    LoadOptions options = StoriesOptions(context, max_step);
    options.module.pages = true;
    absl::StatusOr<std::unique_ptr<Model>> model = Model::Load(options);
    ASSERT_TRUE(model.ok()) << model.status();
    paged_ = model->release();
  }
  static void TearDownTestSuite() {
    delete paged_;
    Slots::TearDownTestSuite();
  }

  static bool SharesPages() { return testing::WithParamInterface<bool>::GetParam(); }
  static Model* served() { return SharesPages() ? paged_ : Slots::model_; }

 private:
  static inline Model* paged_ = nullptr;
};

// The name of such a test's parameter.
inline std::string SlotsOrPages(const testing::TestParamInfo<bool>& info) {
  return info.param ? "Pages" : "Slots";
}

}  // namespace lluda::engine

#endif  // LLUDA_ENGINE_STORIES_MODEL_H_
