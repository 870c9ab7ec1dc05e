// Where each value of the stories model lies in its function's frame.
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "passes/default_pipeline.h"
#include "passes/pipeline.h"
#include "passes/place/plan_memory.h"
#include "tests/support/golden_text.h"
#include "tests/support/real_model.h"

namespace lluda::tests {
namespace {

class MemoryPlanTest : public testing::Test {
 protected:
  void SetUp() override {
    auto model = RealModel::Open("reference_data/stories", engine::Precision::kBF16);
    ASSERT_TRUE(model.ok()) << model.status();
    model_ = *std::move(model);
    auto pipeline = passes::Pipeline::Create(passes::DefaultPipeline(), {});
    ASSERT_TRUE(pipeline.ok()) << pipeline.status();
    ASSERT_TRUE(pipeline->Run(model_->module()).ok());
  }

  std::unique_ptr<RealModel> model_;
};

TEST_F(MemoryPlanTest, ThePlanOfTheStoriesModelReadsAsTheGoldenFile) {
  const auto plan = passes::PrintMemoryPlan(*model_->module());
  ASSERT_TRUE(plan.ok()) << plan.status();
  ExpectGolden(*plan, "tests/testdata/stories_memory_plan.txt");
}

TEST_F(MemoryPlanTest, BuffersThatAreAliveTogetherLieApart) {
  for (const auto& func : model_->module()->funcs()) {
    const auto plan = passes::PlanFunc(*func);
    ASSERT_TRUE(plan.ok()) << plan.status();
    for (const passes::PlannedBuffer& a : plan->buffers) {
      EXPECT_EQ(a.op->frame_offset, a.offset);
      EXPECT_LE(a.offset + a.bytes, plan->frame_bytes);
      for (const passes::PlannedBuffer& b : plan->buffers) {
        if (&a == &b || a.last < b.first || b.last < a.first) continue;
        EXPECT_TRUE(a.offset + a.bytes <= b.offset || b.offset + b.bytes <= a.offset)
            << "@" << func->name << ": %" << a.op->result()->name << " and %"
            << b.op->result()->name;
      }
    }
  }
}

}  // namespace
}  // namespace lluda::tests
