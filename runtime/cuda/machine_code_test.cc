// What the driver's compiler makes is kept, and what cannot be kept or read is made again: on a driver
// that is none, fake_cuda.cc.
#include "runtime/cuda/machine_code.h"

#include <dlfcn.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "base/files/test_files.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace lluda::runtime {
namespace {

using ::testing::HasSubstr;

constexpr char kFakeDriver[] = "runtime/cuda/libfake_cuda.so";

GpuKernels TwoKernels() {
  GpuKernels kernels;
  for (const char* name : {"first", "second"}) {
    kernels[name].ptx =
        absl::StrCat(".target sm_90a\n.visible .entry ", name, "(.param .u64 a)\n{ ret; }\n");
  }
  return kernels;
}

class MachineCodeTest : public testing::Test {
 protected:
  void SetUp() override {
    library_ = dlopen(kFakeDriver, RTLD_NOW | RTLD_LOCAL);
    ASSERT_NE(library_, nullptr) << dlerror();
    compiled_ = reinterpret_cast<int (*)()>(dlsym(library_, "FakeCudaCompiled"));
    auto cache = base::CodeCache::Open(folder_.PathOf("code"), base::kDefaultCacheBytes);
    ASSERT_TRUE(cache.ok()) << cache.status();
    cache_ = std::make_unique<base::CodeCache>(*std::move(cache));
  }
  void TearDown() override { unsetenv("FAKE_CUDA"); }

  struct Made {
    int64_t kept = 0;
    int compiled = 0;
    GpuKernels kernels;
  };
  // Of a process that begins: with a driver of its own, on which FAKE_CUDA is `driver`.
  Made Make(const base::CodeCache* cache, const char* driver = "") {
    setenv("FAKE_CUDA", driver, 1);
    Made made;
    made.kernels = TwoKernels();
    auto gpu = CudaGpu::Open(kFakeDriver);
    EXPECT_TRUE(gpu.ok()) << gpu.status();
    const int before = compiled_();
    made.kept = MakeMachineCode(**gpu, cache, &pool_, &made.kernels);
    made.compiled = compiled_() - before;
    return made;
  }
  static void ExpectBoth(const Made& made) {
    for (const auto& [name, kernel] : made.kernels) {
      EXPECT_EQ(kernel.machine_code.substr(0, 4),
                "\x7f"
                "ELF")
          << name;
      EXPECT_THAT(kernel.machine_code, HasSubstr(absl::StrCat(".entry ", name, "(")));
    }
  }

  base::TemporaryFolder folder_;
  ThreadPool pool_{2};
  std::unique_ptr<base::CodeCache> cache_;
  void* library_ = nullptr;
  int (*compiled_)() = nullptr;
};

TEST_F(MachineCodeTest, IsCompiledOnceAndKept) {
  const Made first = Make(cache_.get());
  EXPECT_EQ(first.kept, 0);
  EXPECT_EQ(first.compiled, 2);
  ExpectBoth(first);
  const Made again = Make(cache_.get());
  EXPECT_EQ(again.kept, 2);
  EXPECT_EQ(again.compiled, 0);
  ExpectBoth(again);
}

TEST_F(MachineCodeTest, WithoutACacheItIsCompiledEachTime) {
  EXPECT_EQ(Make(nullptr).compiled, 2);
  EXPECT_EQ(Make(nullptr).compiled, 2);
}

TEST_F(MachineCodeTest, IsOfOneDriverAndOneKindOfGpu) {
  Make(cache_.get());
  EXPECT_EQ(Make(cache_.get(), "version=13000").compiled, 2);
  EXPECT_EQ(Make(cache_.get(), "major=10").compiled, 2);
  EXPECT_EQ(Make(cache_.get()).compiled, 0);
}

TEST_F(MachineCodeTest, ADamagedFileIsCompiledAgainAndReplaced) {
  Make(cache_.get());
  auto entries = cache_->List();
  ASSERT_TRUE(entries.ok() && entries->size() == 2u) << entries.status();
  EXPECT_THAT((*entries)[0].title, HasSubstr("for compute capability 9.0"));
  std::string bytes = base::ReadAll((*entries)[0].path);
  bytes[bytes.size() - 3] ^= 1;
  base::WriteAll((*entries)[0].path, bytes);
  base::WriteAll((*entries)[1].path, "");
  const Made made = Make(cache_.get());
  EXPECT_EQ(made.kept, 0);
  EXPECT_EQ(made.compiled, 2);
  ExpectBoth(made);
  EXPECT_EQ(Make(cache_.get()).kept, 2);
}

TEST_F(MachineCodeTest, AFolderThatCannotBeWrittenToIsNoError) {
  if (geteuid() == 0) GTEST_SKIP() << "root may write to any folder";
  ASSERT_EQ(chmod(cache_->folder().c_str(), 0500), 0);
  for (int i = 0; i < 2; ++i) {
    const Made made = Make(cache_.get());
    EXPECT_EQ(made.compiled, 2);
    ExpectBoth(made);
  }
  ASSERT_EQ(chmod(cache_->folder().c_str(), 0700), 0);
}

TEST_F(MachineCodeTest, AFolderThatHasGoneIsNoError) {
  ASSERT_EQ(rmdir(cache_->folder().c_str()), 0);
  const Made made = Make(cache_.get());
  EXPECT_EQ(made.compiled, 2);
  ExpectBoth(made);
}

TEST_F(MachineCodeTest, WhatTheCompilerRefusesStaysPtx) {
  const Made made = Make(cache_.get(), "cuLinkCreate_v2=999");
  EXPECT_EQ(made.compiled, 0);
  for (const auto& [name, kernel] : made.kernels) {
    EXPECT_EQ(kernel.machine_code, "") << name;
    EXPECT_THAT(kernel.ptx, HasSubstr(name));
  }
  EXPECT_EQ(Make(cache_.get()).kept, 0) << "nothing was kept of it";
}

}  // namespace
}  // namespace lluda::runtime
