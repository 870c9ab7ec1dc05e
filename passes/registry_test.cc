#include "passes/registry.h"

#include <algorithm>

#include "gtest/gtest.h"
#include "passes/default_pipeline.h"

namespace lluda::passes {
namespace {

TEST(RegistryTest, EveryPassIsCreatedUnderItsOwnName) {
  for (absl::string_view name : AllPassNames()) {
    const auto pass = CreatePass(name, {});
    ASSERT_TRUE(pass.ok()) << pass.status();
    EXPECT_EQ((*pass)->name(), name);
  }
}

TEST(RegistryTest, NamesAreSortedAndDifferent) {
  const auto names = AllPassNames();
  EXPECT_TRUE(std::is_sorted(names.begin(), names.end()));
  EXPECT_EQ(std::adjacent_find(names.begin(), names.end()), names.end());
}

TEST(RegistryTest, EveryPassStandsInTheDefaultPipeline) {
  const auto pipeline = DefaultPipeline();
  for (absl::string_view name : AllPassNames()) {
    EXPECT_NE(std::find(pipeline.begin(), pipeline.end(), name), pipeline.end()) << name;
  }
}

}  // namespace
}  // namespace lluda::passes
