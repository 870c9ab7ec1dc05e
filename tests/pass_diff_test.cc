// The default pipeline on the real import of the stories model: after each pass that changed
// something, the interpreter computes the logits of the module before the first pass, to the bit
// (ir/op/ops.md defines the fused ops so that this can be asked for).
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/status_macros.h"
#include "gtest/gtest.h"
#include "ir/text/hash.h"
#include "ir/text/parser.h"
#include "ir/text/printer.h"
#include "passes/default_pipeline.h"
#include "passes/pipeline.h"
#include "tests/support/real_model.h"

namespace lluda::tests {
namespace {

// Two sequences side by side, then one more token of each.
std::vector<StepInputs> TwoSteps() {
  return {{{11, 402, 7, 1033, 2, 4095}, {0, 0, 1, 1, 2, 2}, {0, 1, 0, 1, 0, 1}, {0, 4, 5}},
          {{300, 301}, {3, 3}, {1, 0}, {1, 0}}};
}

// The logits of both steps, one after the other.
absl::StatusOr<std::vector<float>> Logits(const RealModel& model, const ir::Module& module) {
  ASSIGN_OR_RETURN(ir::Interpreter interpreter, model.Interpret(&module, /*slots=*/2));
  std::vector<float> logits;
  for (const StepInputs& step : TwoSteps()) {
    ASSIGN_OR_RETURN(ir::Tensor result, RunStep(&interpreter, step));
    logits.insert(logits.end(), result.floats().begin(), result.floats().end());
  }
  return logits;
}

class PassDiffTest : public testing::TestWithParam<Numbers> {
 protected:
  void SetUp() override {
    auto model = RealModel::Open("reference_data/stories", GetParam().first, GetParam().second);
    ASSERT_TRUE(model.ok()) << model.status();
    model_ = *std::move(model);
    auto expected = Logits(*model_, *model_->module());
    ASSERT_TRUE(expected.ok()) << expected.status();
    expected_ = *std::move(expected);
    ASSERT_EQ(expected_.size(), 5u * 4096);
  }

  void ExpectSameLogits(const ir::Module& module, const std::string& what) {
    const auto logits = Logits(*model_, module);
    ASSERT_TRUE(logits.ok()) << what << ": " << logits.status();
    ASSERT_EQ(logits->size(), expected_.size()) << what;
    EXPECT_EQ(std::memcmp(logits->data(), expected_.data(), expected_.size() * sizeof(float)), 0)
        << what << ": NMSE " << Nmse(*logits, expected_);
  }

  std::unique_ptr<RealModel> model_;
  std::vector<float> expected_;
};

TEST_P(PassDiffTest, LogitsAreTheSameBitsAfterEachPassOfThePipeline) {
  std::vector<std::string> changed;
  passes::PipelineOptions options;
  options.check_reports = true;
  options.dump = [&](int number, absl::string_view pass, const ir::Module& module) {
    if (number == 0) return absl::OkStatus();
    changed.push_back(absl::StrCat("pass '", pass, "' (#", number, ")"));
    ExpectSameLogits(module, absl::StrCat("after ", changed.back()));
    return absl::OkStatus();
  };
  auto pipeline = passes::Pipeline::Create(passes::DefaultPipeline(), options);
  ASSERT_TRUE(pipeline.ok()) << pipeline.status();
  const auto reports = pipeline->Run(model_->module());
  ASSERT_TRUE(reports.ok()) << reports.status();
  // Were the pipeline to do nothing, the comparison would say nothing.
  EXPECT_GE(changed.size(), 8u) << "changed: " << absl::StrJoin(changed, ", ");
}

TEST_P(PassDiffTest, TheOptimisedModuleReadBackFromItsTextComputesTheSameBits) {
  auto pipeline = passes::Pipeline::Create(passes::DefaultPipeline(), {});
  ASSERT_TRUE(pipeline.ok()) << pipeline.status();
  ASSERT_TRUE(pipeline->Run(model_->module()).ok());
  const auto parsed = ir::ParseModule(ir::PrintModule(*model_->module()), "optimised.lluda");
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  EXPECT_EQ(ir::StructuralHash(**parsed), ir::StructuralHash(*model_->module()));
  ExpectSameLogits(**parsed, "read back");
}

INSTANTIATE_TEST_SUITE_P(Stories, PassDiffTest, testing::ValuesIn(kAllNumbers),
                         [](const auto& info) { return NameOf(info.param); });

}  // namespace
}  // namespace lluda::tests
