#include "tools/bench/bench_check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "engine/compile/compile_bundle.h"
#include "engine/source/model_files.h"
#include "engine/source/open_model_source.h"
#include "tools/validate/reference.h"

namespace lluda::tools {
namespace {

using engine::Precision;
using testing::AllOf;
using testing::HasSubstr;

constexpr char kFolder[] = "reference_data/tiny";

engine::ModuleOptions Numbers(Precision precision) {
  engine::ModuleOptions numbers;
  numbers.precision = precision;
  return numbers;
}

// transformers' logits in float32, which the interpreter has to confirm.
class CheckLogitsTest : public testing::Test {
 protected:
  void SetUp() override {
    auto prompts = LoadReference(std::string(kFolder) + "/reference.json");
    ASSERT_TRUE(prompts.ok()) << prompts.status();
    prompt_ = prompts->front();
    ASSERT_FALSE(prompt_.logits.empty());
    auto files = engine::OpenModelFiles(kFolder, engine::Weights::kRequired);
    ASSERT_TRUE(files.ok()) << files.status();
    files_ = std::make_unique<engine::ModelFiles>(*std::move(files));
  }

  ReferencePrompt prompt_;
  std::unique_ptr<engine::ModelFiles> files_;
};

TEST_F(CheckLogitsTest, TheRightOnesAreConfirmedWithTheirDistance) {
  const auto checked = CheckLogits(*files_, Numbers(Precision::kF32), prompt_.ids, prompt_.logits);
  ASSERT_TRUE(checked.ok()) << checked.status();
  EXPECT_THAT(*checked, AllOf(HasSubstr(std::to_string(prompt_.ids.size()) + " tokens"),
                              HasSubstr("of 1.0e-09")));
}

TEST_F(CheckLogitsTest, OnesThatAreSlightlyOffAreRightInBf16Only) {
  std::vector<float> logits = prompt_.logits;
  for (float& logit : logits) logit *= 1.001f;
  EXPECT_TRUE(CheckLogits(*files_, Numbers(Precision::kBF16), prompt_.ids, logits).ok());
  const auto checked = CheckLogits(*files_, Numbers(Precision::kF32), prompt_.ids, logits);
  EXPECT_EQ(checked.status().code(), absl::StatusCode::kInternal);
  EXPECT_THAT(std::string(checked.status().message()),
              AllOf(HasSubstr("the output is wrong"), HasSubstr("NMSE 1.00e-06")));
}

TEST_F(CheckLogitsTest, ThoseOfAnotherPromptAreWrong) {
  std::vector<int32_t> other = prompt_.ids;
  other.back() = other.back() == 0 ? 1 : 0;
  EXPECT_EQ(CheckLogits(*files_, Numbers(Precision::kBF16), other, prompt_.logits).status().code(),
            absl::StatusCode::kInternal);
}

// transformers' logits again, now of a model that was compiled before.
TEST_F(CheckLogitsTest, ABundlesOwnModuleConfirmsThemInItsOwnNumbers) {
  engine::LoadOptions options;
  options.folder = kFolder;
  options.module.precision = Precision::kF32;
  options.need_tokenizer = false;
  const std::string path = testing::TempDir() + "/tiny.llb";
  ASSERT_TRUE(engine::CompileBundle(options, {path}).ok());
  engine::LoadOptions load;
  load.source = *engine::OpenModelSource(path);
  load.module = *load.source->OptionsFor({});
  const auto model = OpenOptimised(load, engine::Weights::kOptional);
  ASSERT_TRUE(model.ok()) << model.status();
  const auto checked = CheckBundleLogits(*model, prompt_.ids, prompt_.logits);
  ASSERT_TRUE(checked.ok()) << checked.status();
  EXPECT_THAT(*checked, AllOf(HasSubstr("of 1.0e-09"), HasSubstr("the bundle's own module")));
  std::vector<float> logits = prompt_.logits;
  for (float& logit : logits) logit *= 1.001f;
  EXPECT_THAT(std::string(CheckBundleLogits(*model, prompt_.ids, logits).status().message()),
              AllOf(HasSubstr("the output is wrong"), HasSubstr("NMSE 1.00e-06")));
}

TEST(CheckTokensTest, TheFirstDifferenceIsNamed) {
  EXPECT_TRUE(CheckTokens("generation", {1, 2, 3}, {1, 2, 3}).ok());
  EXPECT_THAT(std::string(CheckTokens("generation", {1, 2, 3}, {1, 5, 3}).message()),
              AllOf(HasSubstr("token 1 of the timed generation is 2"), HasSubstr("prompt 5")));
}

TEST(CheckTokensTest, AMissingTokenIsADifference) {
  EXPECT_THAT(std::string(CheckTokens("generation", {1}, {1, 5}).message()),
              AllOf(HasSubstr("token 1 of the timed generation is none"), HasSubstr("prompt 5")));
}

}  // namespace
}  // namespace lluda::tools
