#include "codegen/llvm/llvm_targets.h"

#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

#include "llvm/MC/TargetRegistry.h"
#include "llvm/Support/CommandLine.h"

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

TEST(LlvmTargets, WhatLlvmIsToldItKnows) {
  RegisterTargets();
  RegisterTargets();
  for (const char* name : {"dag-maps-huge-region", "disable-lsr", "post-RA-scheduler",
                           "disable-x86-domain-reassignment"}) {
    const auto& options = llvm::cl::getRegisteredOptions();
    const auto found = options.find(name);
    ASSERT_NE(found, options.end()) << name;
    EXPECT_EQ(found->second->getNumOccurrences(), 1) << name;
    // LLVM asks some of them whether they were given.
    EXPECT_GT(found->second->getPosition(), 0u) << name;
  }
}

}  // namespace
}  // namespace lluda::codegen
