#include "codegen/cpu/machine_limits.h"

#include <cstdint>
#include <numeric>
#include <string>
#include <vector>

#include "codegen/cpu/kernel_test_util.h"
#include "codegen/emit/emitter.h"
#include "gtest/gtest.h"

namespace lluda::codegen {
namespace {

constexpr int64_t kItems = 12;

// What a loop leaves in its 16 lanes of scratch memory after kItems items over `memory`.
template <typename T>
std::vector<T> RunLoop(const LimitLoop& loop, void* memory) {
  alignas(64) T scratch[kLanes] = {};
  void* buffers[] = {memory};
  const runtime::KernelArgs args{buffers, nullptr, scratch, 0, kItems};
  loop.fn(&args);
  return std::vector<T>(scratch, scratch + kLanes);
}

template <typename T>
T Sum(const std::vector<T>& values) {
  return std::accumulate(values.begin(), values.end(), T{0});
}

class MachineLimitsTest : public testing::TestWithParam<size_t> {
 protected:
  void SetUp() override {
    target_ = RunnableTargets()[GetParam()];
    auto loops = LimitLoops::Compile(target_);
    ASSERT_TRUE(loops.ok()) << loops.status();
    loops_ = *std::move(loops);
  }

  Target target_;
  std::unique_ptr<LimitLoops> loops_;
};

TEST_P(MachineLimitsTest, ReadsEveryElementOnce) {
  ASSERT_FALSE(loops_->Of(Limit::kDramRead).empty());
  struct alignas(64) Page {
    int32_t elements[kReadItemBytes / 4];
  };
  std::vector<Page> memory(kItems);
  int32_t expected = 0;
  for (int64_t page = 0; page < kItems; ++page) {
    for (int32_t i = 0; i < kReadItemBytes / 4; ++i) {
      memory[page].elements[i] = static_cast<int32_t>(page * 7) + i % 11;
      expected += memory[page].elements[i];
    }
  }
  for (const LimitLoop& loop : loops_->Of(Limit::kDramRead)) {
    EXPECT_EQ(Sum(RunLoop<int32_t>(loop, memory.data())), expected) << loop.name;
    EXPECT_EQ(loop.work_per_item, static_cast<int64_t>(sizeof(Page)));
  }
}

// With both operands 1 a chain counts its multiply-adds, each of which is two operations a lane.
TEST_P(MachineLimitsTest, DoesAsManyF32OperationsAsItSays) {
  ASSERT_EQ(loops_->Of(Limit::kF32).size(), 1u);
  alignas(64) float operands[2 * kLanes];
  std::fill(std::begin(operands), std::end(operands), 1.0f);
  const LimitLoop& loop = loops_->Of(Limit::kF32)[0];
  EXPECT_EQ(Sum(RunLoop<float>(loop, operands)) * 2,
            static_cast<float>(kItems * loop.work_per_item));
}

// A lane adds two products: four operations.
TEST_P(MachineLimitsTest, DoesAsManyBf16OperationsAsItSaysWhereTheTargetHasThem) {
  const bool has_them = target_.isa >= Isa::kAvx512Bf16;
  ASSERT_EQ(loops_->Of(Limit::kBf16).size(), has_them ? 1u : 0u);
  if (!has_them) return;
  alignas(64) uint16_t operands[4 * kLanes];
  std::fill(std::begin(operands), std::end(operands), uint16_t{0x3F80});  // 1.0
  const LimitLoop& loop = loops_->Of(Limit::kBf16)[0];
  EXPECT_EQ(Sum(RunLoop<float>(loop, operands)) * 2,
            static_cast<float>(kItems * loop.work_per_item));
}

// What vpdpbusd does is measured where the target's row in isa.def names it.
TEST_P(MachineLimitsTest, HasAnInt8LoopWhereTheTargetNamesTheInstruction) {
  EXPECT_EQ(loops_->Of(Limit::kInt8).size(), target_.isa >= Isa::kAvx512Bf16 ? 1u : 0u);
}

// Rows of ones by panels of ones: a sum is the depth, and an item is that for all rows and 32 columns.
TEST_P(MachineLimitsTest, MultipliesAllRowsByAPairOfPanelsWhereTheTargetHasTiles) {
  const bool has_them = target_.isa >= Isa::kAmx;
  ASSERT_EQ(loops_->Of(Limit::kBf16Fed).size(), has_them ? 1u : 0u);
  if (!has_them) return;
  struct alignas(64) Line {
    uint16_t elements[2 * kLanes];
  };
  std::vector<Line> operands(kFedBytes / sizeof(Line));
  for (Line& line : operands) std::fill_n(line.elements, 2 * kLanes, uint16_t{0x3F80});  // 1.0
  const LimitLoop& loop = loops_->Of(Limit::kBf16Fed)[0];
  EXPECT_EQ(RunLoop<float>(loop, operands.data()), std::vector<float>(kLanes, kFedDepth));
  EXPECT_EQ(loop.work_per_item, 2 * kFedRows * kFedDepth * 32);
}

INSTANTIATE_TEST_SUITE_P(Isas, MachineLimitsTest,
                         testing::Range(size_t{0}, RunnableTargets().size()), [](const auto& info) {
                           return std::string(IsaName(RunnableTargets()[info.param].isa));
                         });

// A lane adds four products: eight operations.
TEST(MachineLimitsTest, DoesAsManyInt8OperationsAsItSays) {
  const Target host = Target::Host();
  const auto loops = LimitLoops::Compile(host);
  ASSERT_TRUE(loops.ok()) << loops.status();
  if ((*loops)->Of(Limit::kInt8).empty()) {
    EXPECT_EQ(std::count(host.features.begin(), host.features.end(), "+avx512vnni"), 0);
    return;
  }
  alignas(64) uint8_t operands[8 * kLanes];
  std::fill(std::begin(operands), std::end(operands), uint8_t{1});
  const LimitLoop& loop = (*loops)->Of(Limit::kInt8)[0];
  EXPECT_EQ(int64_t{2} * Sum(RunLoop<int32_t>(loop, operands)), kItems * loop.work_per_item);
}

}  // namespace
}  // namespace lluda::codegen
