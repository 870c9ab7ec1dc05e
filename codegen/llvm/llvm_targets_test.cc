#include "codegen/llvm/llvm_targets.h"

#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

#include "llvm/MC/TargetRegistry.h"

namespace lluda::codegen {
namespace {

TEST(LlvmTargets, AreThereOnceHoweverManyThreadsAsk) {
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) threads.emplace_back(RegisterTargets);
  for (std::thread& thread : threads) thread.join();
  std::string problem;
  // Two of a name would be "Cannot choose between targets".
  EXPECT_NE(llvm::TargetRegistry::lookupTarget("nvptx64-nvidia-cuda", problem), nullptr) << problem;
  EXPECT_NE(llvm::TargetRegistry::lookupTarget("x86_64-pc-linux-gnu", problem), nullptr) << problem;
  int count = 0;
  for ([[maybe_unused]] const llvm::Target& target : llvm::TargetRegistry::targets()) ++count;
  RegisterTargets();
  int again = 0;
  for ([[maybe_unused]] const llvm::Target& target : llvm::TargetRegistry::targets()) ++again;
  EXPECT_EQ(again, count);
}

}  // namespace
}  // namespace lluda::codegen
