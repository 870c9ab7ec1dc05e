#include "passes/default_pipeline.h"

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "ir/graph.h"

namespace lluda::passes {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST(RemainingPassesTest, AModuleAsImportedHasAllOfThePipelineBeforeIt) {
  const ir::Module module("m");
  const auto rest = RemainingPasses(module);
  ASSERT_TRUE(rest.ok()) << rest.status();
  EXPECT_EQ(*rest, DefaultPipeline());
}

TEST(RemainingPassesTest, ADumpGoesOnBehindThePassesItHasGoneThrough) {
  ir::Module module("m");
  std::vector<std::string> expected = DefaultPipeline();
  module.passes = {expected[0], expected[1], expected[2]};
  expected.erase(expected.begin(), expected.begin() + 3);
  const auto rest = RemainingPasses(module);
  ASSERT_TRUE(rest.ok()) << rest.status();
  EXPECT_EQ(*rest, expected);
}

TEST(RemainingPassesTest, NothingIsLeftOnceTheMemoryIsPlanned) {
  ir::Module module("m");
  module.passes = {"fuse-softmax", "plan-memory"};
  const auto rest = RemainingPasses(module);
  ASSERT_TRUE(rest.ok()) << rest.status();
  EXPECT_THAT(*rest, IsEmpty());
}

TEST(RemainingPassesTest, AnotherOrderIsRefusedByName) {
  ir::Module module("m");
  module.passes = {"dce", "cse"};
  const auto rest = RemainingPasses(module);
  EXPECT_EQ(rest.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(rest.status().message()),
              HasSubstr("module @m has gone through dce, cse, which is not how"));
}

TEST(PassesOfTest, DefaultAndRestStandForTheirPassesAndOtherNamesForThemselves) {
  ir::Module module("m");
  module.passes = DefaultPipeline();
  EXPECT_THAT(*PassesOf("cse,rest,dce", module), ElementsAre("cse", "dce"));
  EXPECT_EQ(PassesOf("default", module)->size(), DefaultPipeline().size());
  module.passes = {"dce"};
  EXPECT_FALSE(PassesOf("rest", module).ok());
  EXPECT_THAT(*PassesOf("dce", module), ElementsAre("dce"));
}

}  // namespace
}  // namespace lluda::passes
