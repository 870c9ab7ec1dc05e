#include "runtime/memory_need.h"

#include <vector>

#include "gtest/gtest.h"

namespace lluda::runtime {
namespace {

Program SmallProgram() {
  Program program;
  program.symbols = {{"C", 64, 128}, {"T", 1, 4}};
  program.kernels.resize(2);
  program.kernels[0].scratch_bytes = 100;  // two lines
  program.kernels[1].split = {8, {1, {{0, 64}}}, 40};
  program.load = {{0, {}}, {1, {}}};
  program.loaded_bytes = 5000;
  program.frame_bytes = 700;
  program.states = {{"k[0]", 10, {0}}, {"k[1]", 3, {0, 1}}, {"fixed", 7, {}}};
  return program;
}

TEST(MemoryNeedTest, CountsWeightsStatesAndWhatStepsWorkIn) {
  const std::vector<int64_t> dims = {64, 2};
  const MemoryNeed need = MemoryNeedOf(SmallProgram(), 3, dims);
  EXPECT_EQ(need.weights, 5000);
  EXPECT_EQ(need.states, 10 * 64 + 3 * 64 * 2 + 7);
  EXPECT_EQ(need.working, 700 + 3 * 128 + 2 * 40);
  EXPECT_EQ(need.total(), need.weights + need.states + need.working);
}

TEST(MemoryNeedTest, AWorkspaceIsForTheLargestDimsThatACallBinds) {
  Program program = SmallProgram();
  program.kernels[1].dims = 1;
  program.bindings = {{{-1, 192}}, {{/*symbol=*/0}}};
  program.load.back().binding = 1;  // C
  program.load.push_back({1, {}});
  program.load.back().binding = 0;
  EXPECT_EQ(WorkspaceBytes(program, 3), 192 / 64 * 40);
}

TEST(MemoryNeedTest, OneThreadCutsNothing) {
  EXPECT_EQ(MemoryNeedOf(SmallProgram(), 1, {}).working, 700 + 128);
}

TEST(MemoryNeedTest, WithoutDimsNoStatesAreMade) {
  EXPECT_EQ(MemoryNeedOf(SmallProgram(), 1, {}).states, 0);
}

TEST(MemoryNeedTest, WeightsThatLieReadyInAFileNeedNoMemory) {
  Program program = SmallProgram();
  program.load.clear();
  EXPECT_EQ(MemoryNeedOf(program, 1, {}).weights, 0);
}

}  // namespace
}  // namespace lluda::runtime
