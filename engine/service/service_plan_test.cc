// On a program of a few numbers: its step's logits, a cache, weights, a kernel with scratch.
#include "engine/service/service_plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace lluda::engine {
namespace {

using testing::HasSubstr;

constexpr int64_t kVocabulary = 1000;

runtime::Program SmallProgram() {
  runtime::Program program;
  enum { kT, kR, kS, kC };
  program.symbols = {{"T", 1, 64}, {"R", 1, 64}, {"S", 1, 16}, {"C", 16, 1024}};
  program.entries.resize(1);
  program.entries[0].name = "step";
  program.entries[0].result = {"logits", kVocabulary * 4, {kR}};
  program.states = {{"k", 64, {kS, kC}, 0, {1, 16}}, {"v", 64, {kS, kC}, 0, {1, 1}}};
  program.loaded_bytes = 5000000;
  program.load.resize(1);
  program.frame_bytes = 70000;
  program.kernels.resize(1);
  program.kernels[0].scratch_bytes = 640;
  return program;
}

ServicePlan Plan(int slots, int64_t context, std::optional<int64_t> left = std::nullopt,
                 int64_t cache_bytes = 0) {
  ServiceOptions options;
  options.slots = slots;
  options.context = context;
  options.cache_bytes = cache_bytes;
  options.max_queue_bytes = 1000;
  std::optional<runtime::MemoryLimit> limit;
  if (left) limit = runtime::MemoryLimit{*left, "memory.max"};
  const auto plan = PlanService(SmallProgram(), 2, options, limit);
  EXPECT_TRUE(plan.ok()) << plan.status();
  return *plan;
}

TEST(ServicePlanTest, CountsWhatIsTakenByPart) {
  const ServicePlan plan = Plan(4, 512);
  EXPECT_EQ(plan.weights, 5000000);
  EXPECT_EQ(plan.frame, 70000);
  EXPECT_GE(plan.workspace, 2 * 640);
  EXPECT_EQ(plan.cache_of_a_slot, 512 * 128);
  EXPECT_EQ(plan.cache, 4 * 512 * 128);
  EXPECT_GE(plan.logits, 4 * kVocabulary * 4);
  EXPECT_EQ(plan.queue, 1000);
  EXPECT_EQ(plan.total() - plan.more(), plan.weights + plan.frame + plan.workspace);
  EXPECT_EQ(plan.pages, 4 * 512 / 64);
}

TEST(ServicePlanTest, AContextOfZeroIsAllThatTheProgramAllows) {
  EXPECT_EQ(Plan(1, 0).context, 1024);
  EXPECT_EQ(Plan(1, 0).cache, 1024 * 128);
}

TEST(ServicePlanTest, TheCacheIsAsMuchAsIsAskedForInWholePages) {
  const ServicePlan plan = Plan(4, 512, std::nullopt, 100000);
  EXPECT_EQ(plan.pages, 12);  // of 64 positions of 128 bytes
  EXPECT_EQ(plan.cache, 12 * 64 * 128);
  EXPECT_EQ(Plan(4, 512, std::nullopt, 100000000).pages, 4 * 512 / 64);
}

TEST(ServicePlanTest, ByDefaultTheCacheIsAtMostHalfOfWhatIsLeft) {
  EXPECT_EQ(Plan(16, 1024, 3000000).pages, 1500000 / 8192);
  EXPECT_EQ(Plan(2, 1024, 3000000).pages, 2 * 16);
  // But one context in any case.
  EXPECT_EQ(Plan(16, 1024, 100000).pages, 16);
}

TEST(ServicePlanTest, ACacheThatDoesNotHoldAContextIsRefused) {
  ServiceOptions options;
  options.slots = 4;
  options.cache_bytes = 100000;
  EXPECT_THAT(std::string(PlanService(SmallProgram(), 2, options, std::nullopt).status().message()),
              HasSubstr("0.1 MB of keys and values do not hold a context of 1024 tokens, which "
                        "takes 0.1 MB"));
}

TEST(ServicePlanTest, AsLargeACacheFitsAsItSays) {
  for (const int64_t left : {300000, 1000000, 2000000}) {
    const int64_t most = Plan(4, 256, left).most_cache;
    for (int64_t pages = 4; pages <= 16; ++pages) {
      const int64_t bytes = pages * 64 * 128;
      EXPECT_EQ(CheckPlan(Plan(4, 256, left, bytes)).ok(), bytes <= most) << left << " " << pages;
    }
  }
}

TEST(ServicePlanTest, APlanThatDoesNotFitIsRefusedWithTheNumbers) {
  const ServicePlan plan = Plan(16, 1024, 3000000, 2000000);
  const absl::Status status = CheckPlan(plan);
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  const std::string message(status.message());
  EXPECT_THAT(message, HasSubstr("16 slots of 1024 tokens with 2.0 MB of keys and values need " +
                                 runtime::Megabytes(plan.more()) + " of memory more"));
  EXPECT_THAT(message, HasSubstr("memory.max leaves 3.0 MB"));
  EXPECT_THAT(message,
              HasSubstr(runtime::Megabytes(plan.most_cache) + " of keys and values would fit"));
  EXPECT_LT(plan.most_cache, plan.cache);
}

TEST(ServicePlanTest, WhereThereIsNoLimitAllFits) { EXPECT_TRUE(CheckPlan(Plan(16, 1024)).ok()); }

TEST(ServicePlanTest, TheTextHasAllPartsAndTheLimit) {
  const std::string text = PlanText(Plan(4, 512, 2000000));
  EXPECT_THAT(text, HasSubstr("4 slots of 512 tokens"));
  EXPECT_THAT(text, HasSubstr("weights, packed"));
  EXPECT_THAT(text, HasSubstr("5.0 MB"));
  EXPECT_THAT(text, HasSubstr("left by memory.max"));
  EXPECT_THAT(text, HasSubstr("keys and values that would fit"));
}

TEST(ServicePlanTest, OptionsBeyondTheProgramAreRefused) {
  ServiceOptions options;
  options.slots = 17;
  EXPECT_EQ(PlanService(SmallProgram(), 2, options, std::nullopt).status().message(),
            "slots is 17, must be 1..16");
}

}  // namespace
}  // namespace lluda::engine
