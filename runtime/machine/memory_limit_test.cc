#include "runtime/machine/memory_limit.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>

namespace lluda::runtime {
namespace {

constexpr int64_t kMega = 1000 * 1000;

// A made-up machine: a folder with the files the kernel would show.
class MemoryLimitTest : public ::testing::Test {
 protected:
  MemoryLimitTest()
      : root_(std::string(::testing::TempDir()) + "/" +
              ::testing::UnitTest::GetInstance()->current_test_info()->name()) {
    std::filesystem::remove_all(root_);
  }
  ~MemoryLimitTest() override { std::filesystem::remove_all(root_); }

  void Write(const std::string& path, const std::string& text) {
    const std::filesystem::path file = root_ + "/" + path;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file) << text;
  }

  void ExpectTightest(int64_t left, const std::string& name, const MemoryUlimits& ulimits = {}) {
    const auto limit = TightestMemoryLimit(root_, ulimits);
    ASSERT_TRUE(limit.has_value());
    EXPECT_EQ(limit->left, left);
    EXPECT_EQ(limit->name, name);
  }

  const std::string root_;
};

TEST_F(MemoryLimitTest, NothingThatCanBeReadIsNoLimit) {
  EXPECT_FALSE(TightestMemoryLimit(root_, {}).has_value());
}

TEST_F(MemoryLimitTest, TheMachinesFreeMemoryIsOne) {
  Write("proc/meminfo",
        "MemTotal:       8000 kB\nMemFree:        1000 kB\nMemAvailable:   3000 kB\n");
  ExpectTightest(3000 * 1024, "the machine's free memory");
}

TEST_F(MemoryLimitTest, AVersion2GroupCountsWhatItUsesButNotItsCachedFiles) {
  Write("proc/self/cgroup", "0::/job\n");
  Write("sys/fs/cgroup/job/memory.max", "500000000\n");
  Write("sys/fs/cgroup/job/memory.current", "400000000\n");
  Write("sys/fs/cgroup/job/memory.stat",
        "anon 90000000\nfile 310000000\nshmem 10000000\ninactive_file 200000000\n"
        "active_file 100000000\n");
  ExpectTightest(400 * kMega, "the control group's memory.max");
}

TEST_F(MemoryLimitTest, AGroupAboveMayBeTighter) {
  Write("proc/self/cgroup", "0::/slice/job\n");
  Write("sys/fs/cgroup/slice/job/memory.max", "max\n");
  Write("sys/fs/cgroup/slice/memory.max", "200000000\n");
  Write("sys/fs/cgroup/slice/memory.current", "50000000\n");
  Write("proc/meminfo", "MemAvailable: 3000000 kB\n");
  ExpectTightest(150 * kMega, "the control group's memory.max");
}

TEST_F(MemoryLimitTest, AVersion1GroupLimits) {
  Write("proc/self/cgroup", "4:memory:/docker/abc\n2:cpu,cpuacct:/docker/abc\n");
  // The container's own group is mounted at the top.
  Write("sys/fs/cgroup/memory/memory.limit_in_bytes", "300000000\n");
  Write("sys/fs/cgroup/memory/memory.usage_in_bytes", "100000000\n");
  Write("sys/fs/cgroup/memory/memory.stat",
        "inactive_file 1\ntotal_inactive_file 30000000\ntotal_active_file 20000000\n");
  ExpectTightest(250 * kMega, "the control group's memory.limit_in_bytes");
}

TEST_F(MemoryLimitTest, GroupsWithoutALimitSetNone) {
  Write("proc/self/cgroup", "4:memory:/\n0::/\n");
  Write("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
  Write("sys/fs/cgroup/unified/memory.max", "max\n");
  EXPECT_FALSE(TightestMemoryLimit(root_, {}).has_value());
}

TEST_F(MemoryLimitTest, UlimitsCountWhatTheProcessHas) {
  Write("proc/self/status", "Name:\tx\nVmSize:\t  100000 kB\nVmData:\t   40000 kB\n");
  MemoryUlimits ulimits;
  ulimits.address_space = 200000 * 1024;
  ExpectTightest(100000 * 1024, "ulimit -v", ulimits);
  ulimits.data = 50000 * 1024;
  ExpectTightest(10000 * 1024, "ulimit -d", ulimits);
}

TEST_F(MemoryLimitTest, WhatIsOverdrawnLeavesNothing) {
  Write("proc/self/cgroup", "0::/\n");
  Write("sys/fs/cgroup/memory.max", "100\n");
  Write("sys/fs/cgroup/memory.current", "5000\n");
  ExpectTightest(0, "the control group's memory.max");
}

TEST_F(MemoryLimitTest, GarbageInTheFilesSetsNoLimit) {
  Write("proc/self/cgroup", "nonsense\n0::relative\n0::/\n");
  Write("sys/fs/cgroup/memory.max", "much\n");
  Write("proc/meminfo", "MemAvailable:\nMemAvailable: none kB\n");
  EXPECT_FALSE(TightestMemoryLimit(root_, {}).has_value());
}

TEST(OwnMemoryTest, WhatIsLeftMayBeTakenAndAPetabyteMayNot) {
  EXPECT_TRUE(CheckMemoryLeft(1, "to exist").ok());
  const absl::Status status = CheckMemoryLeft(int64_t{1000} * 1000 * 1000 * kMega, "to be large");
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(std::string(status.message()).find("needs 1000000000.0 MB of memory to be large, "), 0u)
      << status;
}

TEST(OwnMemoryTest, ThisMachineHasALimit) {
  const auto limit = TightestMemoryLimit("/", OwnMemoryUlimits());
  ASSERT_TRUE(limit.has_value());
  EXPECT_GT(limit->left, 0);
}

}  // namespace
}  // namespace lluda::runtime
