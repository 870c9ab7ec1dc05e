// A small model of each family, interpreted: what the importer writes means what plain loops
// compute, and after each pass it still does, to the bit.
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "passes/default_pipeline.h"
#include "passes/pipeline.h"
#include "tests/support/real_model.h"
#include "tests/support/seeded_families.h"

namespace lluda::tests {
namespace {

class FamiliesMeaningTest : public testing::TestWithParam<FamilyCase> {
 protected:
  static constexpr int kLength = 12;

  FamiliesMeaningTest() : folder_(GetParam()), prompt_(folder_.Prompt(kLength, 3)) {}

  std::unique_ptr<RealModel> Import(engine::Precision precision) const {
    auto model = RealModel::Open(folder_.path(), precision);
    EXPECT_TRUE(model.ok()) << model.status();
    return model.ok() ? *std::move(model) : nullptr;
  }

  // After the last token.
  std::vector<float> Logits(const RealModel& model, const ir::Module& module) const {
    auto interpreter = model.Interpret(&module, /*slots=*/1);
    EXPECT_TRUE(interpreter.ok()) << interpreter.status();
    if (!interpreter.ok()) return {};
    StepInputs inputs = WholePrompt(prompt_);
    inputs.rows = {kLength - 1};
    const auto logits = RunStep(&*interpreter, inputs);
    EXPECT_TRUE(logits.ok()) << logits.status();
    return logits.ok() ? logits->floats() : std::vector<float>();
  }

  SeededFolder folder_;
  std::vector<int32_t> prompt_;
};

TEST_P(FamiliesMeaningTest, TheImportedModuleMeansThePlainModel) {
  const std::vector<double> exact = folder_.plain().Logits(prompt_);
  const std::vector<float> expected(exact.begin(), exact.end());
  // A wrong formula is off by far more; what rounding to bf16 costs is in docs/numerics.md.
  const std::pair<engine::Precision, double> bounds[] = {{engine::Precision::kF32, 1e-10},
                                                         {engine::Precision::kBF16, 2e-3}};
  for (const auto& [precision, bound] : bounds) {
    auto model = Import(precision);
    ASSERT_NE(model, nullptr);
    const double distance = Nmse(Logits(*model, *model->module()), expected);
    EXPECT_LT(distance, bound);
    EXPECT_GT(distance, 0);
  }
}

TEST_P(FamiliesMeaningTest, PassesKeepItsBits) {
  for (const engine::Precision precision : {engine::Precision::kF32, engine::Precision::kBF16}) {
    auto model = Import(precision);
    ASSERT_NE(model, nullptr);
    const std::vector<float> expected = Logits(*model, *model->module());
    int changed = 0;
    passes::PipelineOptions options;
    options.dump = [&](int number, absl::string_view pass, const ir::Module& module) {
      if (number == 0) return absl::OkStatus();
      ++changed;
      const std::vector<float> logits = Logits(*model, module);
      EXPECT_EQ(logits.size(), expected.size());
      if (logits.size() != expected.size()) return absl::OkStatus();
      EXPECT_EQ(std::memcmp(logits.data(), expected.data(), logits.size() * sizeof(float)), 0)
          << "after pass '" << pass << "': NMSE " << Nmse(logits, expected);
      return absl::OkStatus();
    };
    auto pipeline = passes::Pipeline::Create(passes::DefaultPipeline(), options);
    ASSERT_TRUE(pipeline.ok()) << pipeline.status();
    const auto reports = pipeline->Run(model->module());
    ASSERT_TRUE(reports.ok()) << reports.status();
    EXPECT_GE(changed, 8);
  }
}

INSTANTIATE_TEST_SUITE_P(All, FamiliesMeaningTest, testing::ValuesIn(FamilyCases()),
                         [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace lluda::tests
