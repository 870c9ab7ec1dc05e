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
  program.states = {{"k", 64, {kS, kC}}, {"v", 64, {kS, kC}}};
  program.loaded_bytes = 5000000;
  program.load.resize(1);
  program.frame_bytes = 70000;
  program.kernels.resize(1);
  program.kernels[0].scratch_bytes = 640;
  return program;
}

ServicePlan Plan(int slots, int64_t context, std::optional<int64_t> left = std::nullopt) {
  ServiceOptions options;
  options.slots = slots;
  options.context = context;
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
  EXPECT_EQ(plan.most_slots, 16);
}

TEST(ServicePlanTest, AContextOfZeroIsAllThatTheProgramAllows) {
  EXPECT_EQ(Plan(1, 0).context, 1024);
  EXPECT_EQ(Plan(1, 0).cache, 1024 * 128);
}

TEST(ServicePlanTest, AsManySlotsFitAsItSays) {
  for (const int64_t left : {100000, 300000, 1000000, 100000000}) {
    const int64_t most = Plan(1, 256, left).most_slots;
    for (int slots = 1; slots <= 16; ++slots) {
      EXPECT_EQ(CheckPlan(Plan(slots, 256, left)).ok(), slots <= most) << left << " " << slots;
    }
  }
}

TEST(ServicePlanTest, APlanThatDoesNotFitIsRefusedWithTheNumbers) {
  const ServicePlan plan = Plan(16, 1024, 1500000);
  const absl::Status status = CheckPlan(plan);
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  const std::string message(status.message());
  EXPECT_THAT(message, HasSubstr("16 slots of 1024 tokens need " + runtime::Megabytes(plan.more()) +
                                 " of memory more"));
  EXPECT_THAT(message, HasSubstr("memory.max leaves 1.5 MB"));
  EXPECT_THAT(message, HasSubstr(std::to_string(plan.most_slots) + " slots would fit"));
  EXPECT_LT(plan.most_slots, 16);
}

TEST(ServicePlanTest, WhereThereIsNoLimitAllFits) { EXPECT_TRUE(CheckPlan(Plan(16, 1024)).ok()); }

TEST(ServicePlanTest, TheTextHasAllPartsAndTheLimit) {
  const std::string text = PlanText(Plan(4, 512, 2000000));
  EXPECT_THAT(text, HasSubstr("4 slots of 512 tokens"));
  EXPECT_THAT(text, HasSubstr("weights, packed"));
  EXPECT_THAT(text, HasSubstr("5.0 MB"));
  EXPECT_THAT(text, HasSubstr("left by memory.max"));
  EXPECT_THAT(text, HasSubstr("slots that would fit"));
}

TEST(ServicePlanTest, OptionsBeyondTheProgramAreRefused) {
  ServiceOptions options;
  options.slots = 17;
  EXPECT_EQ(PlanService(SmallProgram(), 2, options, std::nullopt).status().message(),
            "slots is 17, must be 1..16");
}

}  // namespace
}  // namespace lluda::engine
