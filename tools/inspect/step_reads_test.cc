#include "tools/inspect/step_reads.h"

#include <fstream>
#include <iterator>
#include <memory>
#include <string>

#include "gtest/gtest.h"
#include "ir/text/parser.h"
#include "passes/default_pipeline.h"
#include "passes/pipeline.h"
#include "tools/measure/accounting.h"

namespace lluda::tools {
namespace {

TEST(StepReads, AreTheWeightsAndAPositionsKeysAndValues) {
  std::ifstream file("frontends/decoder/testdata/toy.lluda");
  const std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  absl::StatusOr<std::unique_ptr<ir::Module>> module = ir::ParseModule(text, "toy.lluda");
  ASSERT_TRUE(module.ok()) << module.status();
  auto pipeline = passes::Pipeline::Create(passes::DefaultPipeline(), {});
  ASSERT_TRUE(pipeline.ok()) << pipeline.status();
  ASSERT_TRUE(pipeline->Run(module->get()).ok());
  const absl::StatusOr<StepCost> cost = CountStep(**module);
  ASSERT_TRUE(cost.ok()) << cost.status();
  const std::optional<engine::StepReads> reads = ReadsOf(**module);
  ASSERT_TRUE(reads.has_value());
  EXPECT_EQ(reads->weights, cost->DecodeBytes(-1));
  ASSERT_EQ(reads->caches.size(), 1u);
  // Two layers, keys and values, two heads of four elements in bf16.
  EXPECT_EQ(reads->caches[0].bytes, 2 * 2 * 2 * 4 * 2);
  EXPECT_FALSE(reads->caches[0].window.has_value());
}

TEST(StepReads, OfAModuleWithoutAStepNobodyKnowsThem) {
  EXPECT_FALSE(ReadsOf(ir::Module("empty")).has_value());
}

}  // namespace
}  // namespace lluda::tools
