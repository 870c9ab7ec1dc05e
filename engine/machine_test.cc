#include "engine/machine.h"

#include <sys/resource.h>
#include <unistd.h>

#include <cstdio>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace lluda::engine {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::MatchesRegex;

// A program with the symbols of a model; its cache takes `bytes` for a token.
runtime::Program ProgramWithCache(int64_t bytes) {
  runtime::Program program;
  program.symbols = {{"T", 1, 8}, {"R", 1, 8}, {"S", 1, 4}, {"C", 64, 128}};
  program.states = {{"k", bytes, {2, 3}}};
  program.kernels.emplace_back();
  program.load = {{0, {}}};
  return program;
}

constexpr int64_t kPetabyte = int64_t{1000} * 1000 * 1000 * 1000 * 1000;

TEST(CheckMemoryTest, WhatFitsIsFine) {
  EXPECT_TRUE(CheckMemory("m", {}, ProgramWithCache(1), 2, 128).ok());
}

TEST(CheckMemoryTest, WhatDoesNotFitIsRefusedWithBothNumbers) {
  runtime::Program program = ProgramWithCache(0);
  program.loaded_bytes = kPetabyte;
  const absl::Status status = CheckMemory("models/large", {}, program, 2, 128);
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(std::string(status.message()),
              MatchesRegex("models/large: needs 1000000000.0 MB of memory \\(weights "
                           "1000000000.0 MB, KV cache 0.0 MB, to work in 0.0 MB\\), .* leaves "
                           "[0-9.]+ MB; --force loads it all the same"));
}

TEST(CheckMemoryTest, TheCacheCountsForTheContextThatIsAskedFor) {
  const runtime::Program program = ProgramWithCache(kPetabyte / 64);
  EXPECT_THAT(std::string(CheckMemory("m", {}, program, 1, 64).message()),
              HasSubstr("KV cache 1000000000.0 MB"));
  EXPECT_THAT(std::string(CheckMemory("m", {}, program, 1, 65).message()),
              HasSubstr("KV cache 2000000000.0 MB"));
  EXPECT_TRUE(CheckMemory("m", {}, program, 1, std::nullopt).ok());
}

TEST(CheckMemoryTest, ForceChecksNothing) {
  LoadOptions options;
  options.force = true;
  EXPECT_TRUE(CheckMemory("m", options, ProgramWithCache(kPetabyte), 1, 64).ok());
}

TEST(NoteThreadsTest, ThatAllAreThereIsNotWorthAWord) {
  std::vector<std::string> notes;
  NoteThreads(runtime::ThreadPool(3), &notes);
  EXPECT_THAT(notes, IsEmpty());
}

// In a process of its own, which has no room for another stack.
TEST(NoteThreadsDeathTest, FewerThreadsAreWorthALine) {
#ifdef __SANITIZE_ADDRESS__
  GTEST_SKIP() << "AddressSanitizer itself needs addresses";
#endif
  EXPECT_EXIT(
      {
        rlimit none;
        none.rlim_cur = none.rlim_max = 1;
        setrlimit(RLIMIT_AS, &none);
        const runtime::ThreadPool pool(4);
        std::vector<std::string> notes;
        NoteThreads(pool, &notes);
        for (const std::string& note : notes) std::fputs(note.c_str(), stderr);
        _exit(pool.threads());
      },
      testing::ExitedWithCode(1), "started 1 of 4 threads: ");
}

}  // namespace
}  // namespace lluda::engine
