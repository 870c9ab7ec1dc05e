#include "tools/bench/bench_model.h"

#include <string>

#include "absl/status/status.h"
#include "gtest/gtest.h"

namespace lluda::tools {
namespace {

TEST(BenchModelTest, TheContextHoldsTheLongestPromptAndGeneration) {
  BenchOptions bench;
  bench.prompt_tokens = {8, 40};
  bench.depths = {0, 30};
  bench.gen_tokens = 5;
  EXPECT_EQ(*BenchContext(bench), 40);
  bench.gen_tokens = 20;
  EXPECT_EQ(*BenchContext(bench), 50);
  bench.wished_context = 64;
  EXPECT_EQ(*BenchContext(bench), 64);
  bench.wished_context = 49;
  EXPECT_EQ(std::string(BenchContext(bench).status().message()),
            "--ctx 49 is too short: the longest sequence has 50 tokens");
}

TEST(BenchModelTest, AModelThatDoesNotOpenIsTheErrorOfOpening) {
  BenchOptions bench;
  bench.open = [] { return absl::NotFoundError("no such model"); };
  EXPECT_EQ(BenchModel(bench).status().message(), "no such model");
}

}  // namespace
}  // namespace lluda::tools
