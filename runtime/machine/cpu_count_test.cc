#include "runtime/machine/cpu_count.h"

#include <gtest/gtest.h>
#include <sched.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

namespace lluda::runtime {
namespace {

// A made-up machine: a folder with the files the kernel would show.
class CpuCountTest : public ::testing::Test {
 protected:
  CpuCountTest()
      : root_(std::string(::testing::TempDir()) + "/" +
              ::testing::UnitTest::GetInstance()->current_test_info()->name()) {
    std::filesystem::remove_all(root_);
  }
  ~CpuCountTest() override { std::filesystem::remove_all(root_); }

  void Write(const std::string& path, const std::string& text) {
    const std::filesystem::path file = root_ + "/" + path;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file) << text;
  }

  void Siblings(int cpu, const std::string& list) {
    Write("sys/devices/system/cpu/cpu" + std::to_string(cpu) + "/topology/thread_siblings_list",
          list + "\n");
  }

  // Four cores with two threads each, numbered as Intel servers do: 0 and 4 are one core.
  void FourCoresOfTwoThreads() {
    for (int cpu = 0; cpu < 8; ++cpu) {
      Siblings(cpu, std::to_string(cpu % 4) + "," + std::to_string(cpu % 4 + 4));
    }
  }

  const std::string root_;
};

TEST_F(CpuCountTest, ThreadsOfACoreCountOnce) {
  FourCoresOfTwoThreads();
  EXPECT_EQ(PhysicalCoresAmong({0, 1, 2, 3, 4, 5, 6, 7}, root_), 4);
}

TEST_F(CpuCountTest, OnlyAllowedCpusCount) {
  FourCoresOfTwoThreads();
  EXPECT_EQ(PhysicalCoresAmong({0, 4}, root_), 1);
  EXPECT_EQ(PhysicalCoresAmong({0, 1}, root_), 2);
}

TEST_F(CpuCountTest, WithoutTopologyEachCpuIsACore) {
  EXPECT_EQ(PhysicalCoresAmong({0, 1, 2}, root_), 3);
}

TEST_F(CpuCountTest, KnowingNothingGivesOne) { EXPECT_EQ(PhysicalCoresAmong({}, root_), 1); }

TEST_F(CpuCountTest, AVersion2QuotaLimits) {
  FourCoresOfTwoThreads();
  Write("proc/self/cgroup", "0::/\n");
  Write("sys/fs/cgroup/cpu.max", "200000 100000\n");
  EXPECT_EQ(PhysicalCoresAmong({0, 1, 2, 3}, root_), 2);
}

TEST_F(CpuCountTest, AVersion2QuotaOfAParentLimits) {
  FourCoresOfTwoThreads();
  Write("proc/self/cgroup", "0::/user.slice/job\n");
  Write("sys/fs/cgroup/user.slice/cpu.max", "300000 100000\n");
  Write("sys/fs/cgroup/user.slice/job/cpu.max", "max 100000\n");
  EXPECT_EQ(PhysicalCoresAmong({0, 1, 2, 3}, root_), 3);
}

TEST_F(CpuCountTest, AVersion1QuotaLimits) {
  FourCoresOfTwoThreads();
  Write("proc/self/cgroup", "3:cpuset:/\n2:cpu,cpuacct:/docker/abc\n1:memory:/\n");
  // The container's own group is mounted at the top.
  Write("sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "150000\n");
  Write("sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us", "100000\n");
  EXPECT_EQ(PhysicalCoresAmong({0, 1, 2, 3}, root_), 2);
}

TEST_F(CpuCountTest, NoQuotaDoesNotLimit) {
  FourCoresOfTwoThreads();
  Write("proc/self/cgroup", "1:cpu:/\n0::/\n");
  Write("sys/fs/cgroup/cpu/cpu.cfs_quota_us", "-1\n");
  Write("sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n");
  Write("sys/fs/cgroup/unified/cpu.max", "max 100000\n");
  EXPECT_EQ(PhysicalCoresAmong({0, 1, 2, 3}, root_), 4);
}

TEST_F(CpuCountTest, ATinyQuotaStillGivesOne) {
  Write("proc/self/cgroup", "0::/\n");
  Write("sys/fs/cgroup/cpu.max", "10000 100000\n");
  EXPECT_EQ(PhysicalCoresAmong({0, 1}, root_), 1);
}

TEST_F(CpuCountTest, GarbageInTheFilesSetsNoLimit) {
  Write("proc/self/cgroup", "nonsense\n::\n0::relative\n0::/\n");
  Write("sys/fs/cgroup/cpu.max", "-5 zero extra\n");
  EXPECT_EQ(PhysicalCoresAmong({0, 1}, root_), 2);
}

TEST(AllowedCpusTest, FollowsTheAffinityMask) {
  cpu_set_t before, one;
  ASSERT_EQ(sched_getaffinity(0, sizeof(before), &before), 0);
  const std::vector<int> all = AllowedCpus();
  ASSERT_FALSE(all.empty());
  EXPECT_EQ(all.size(), static_cast<size_t>(CPU_COUNT(&before)));
  CPU_ZERO(&one);
  CPU_SET(all.back(), &one);
  ASSERT_EQ(sched_setaffinity(0, sizeof(one), &one), 0);
  EXPECT_EQ(AllowedCpus(), std::vector<int>{all.back()});
  EXPECT_EQ(UsablePhysicalCores(), 1);
  ASSERT_EQ(sched_setaffinity(0, sizeof(before), &before), 0);
}

}  // namespace
}  // namespace lluda::runtime
