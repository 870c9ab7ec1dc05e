#include "codegen/kernel_set.h"

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include "base/files/file_cache.h"
#include "base/files/test_files.h"
#include "codegen/cpu/cpu_backend.h"
#include "codegen/cpu/kernel_test_util.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace lluda::codegen {
namespace {

using ::testing::HasSubstr;

constexpr char kText[] = R"(
  func @f(%x: f32 tok[T] kv[2] a[40], %pos: i32 tok[T]) -> f32 tok[T] kv[2] a[40] {
    %first = scale %x {by = 0.5} : f32 tok[T] kv[2] a[40]
    %second = scale %first {by = 0.5} : f32 tok[T] kv[2] a[40]
    %third = scale %second {by = 2} : f32 tok[T] kv[2] a[40]
    return %third
  })";

// A cast to an integer type, which no kernel computes.
KernelSpec Impossible(const ir::Module& module) {
  KernelSpec spec = SpecOf(FindOp(module, "first"));
  spec.result.dtype = ir::DType::kI8;
  return spec;
}

TEST(KernelSet, HoldsEachSpecOnce) {
  const auto module = ParseTestModule(kText);
  const Target target = Target::Host();
  CpuBackend backend(target, SymbolNames(*module), KernelModules::kPerKernel);
  KernelSet kernels(&backend, SymbolNames(*module));
  const auto first = kernels.Add(SpecOf(FindOp(*module, "first")));
  const auto third = kernels.Add(SpecOf(FindOp(*module, "third")));
  const auto second = kernels.Add(SpecOf(FindOp(*module, "second")));
  ASSERT_TRUE(first.ok() && second.ok() && third.ok());
  EXPECT_EQ(*first, *second);
  EXPECT_NE(*first, *third);
  ASSERT_EQ(kernels.kernels().size(), 2);
  EXPECT_NE(kernels.kernels()[0].name, kernels.kernels()[1].name);
}

TEST(KernelSet, CountsWorkBySymbolsAndConstants) {
  const auto module = ParseTestModule(kText);
  const Target target = Target::Host();
  CpuBackend backend(target, SymbolNames(*module), KernelModules::kPerKernel);
  KernelSet kernels(&backend, SymbolNames(*module));
  const auto index = kernels.Add(SpecOf(FindOp(*module, "first")));
  ASSERT_TRUE(index.ok());
  const int64_t dims[] = {7, 1, 64};  // T, S, C
  EXPECT_EQ(kernels.kernels()[*index].work.Count(dims), 7 * 2);
}

TEST(KernelSet, CompilesWhatItHoldsForAnyNumberOfThreads) {
  for (const int threads : {1, 2}) {
    const auto module = ParseTestModule(kText);
    const Target target = Target::Host();
    CpuBackend backend(target, SymbolNames(*module), KernelModules::kPerKernel, {threads});
    KernelSet kernels(&backend, SymbolNames(*module));
    for (const KernelSpec& spec : SpecsOf(*module)) ASSERT_TRUE(kernels.Add(spec).ok());
    const auto library = kernels.Compile();
    ASSERT_TRUE(library.ok()) << library.status();
    for (const runtime::Kernel& kernel : kernels.kernels()) {
      EXPECT_NE(kernel.fn, nullptr) << kernel.name;
      EXPECT_EQ((*library)->Find(kernel.name), kernel.fn);
    }
    EXPECT_EQ((*library)->Find("unknown"), nullptr);

    std::vector<float> x(80), y(80);
    for (size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(i);
    void* const buffers[] = {x.data(), y.data()};
    const int64_t dims[] = {1, 1, 64};
    const runtime::KernelArgs args{buffers, dims, nullptr, 1, 2};  // the second of two rows
    kernels.kernels()[0].fn(&args);
    for (size_t i = 0; i < 40; ++i) EXPECT_EQ(y[i], 0) << i;
    for (size_t i = 40; i < 80; ++i) EXPECT_EQ(y[i], 0.5f * x[i]) << i;
  }
}

TEST(KernelSet, RefusesWhatNoKernelComputesEveryTimeItIsAsked) {
  const auto module = ParseTestModule(kText);
  const Target target = Target::Host();
  CpuBackend backend(target, SymbolNames(*module), KernelModules::kPerKernel);
  KernelSet kernels(&backend, SymbolNames(*module));
  for (int attempt = 0; attempt < 2; ++attempt) {
    const auto index = kernels.Add(Impossible(*module));
    ASSERT_FALSE(index.ok());
    EXPECT_EQ(index.status().code(), absl::StatusCode::kUnimplemented);
    EXPECT_THAT(std::string(index.status().message()), HasSubstr("no kernel for scale"));
    EXPECT_THAT(std::string(index.status().message()), HasSubstr("=> i8 tok[T]"));
  }
  EXPECT_TRUE(kernels.kernels().empty());
}

// Compiles the kernels of kText with a cache and runs the first; how many the cache had.
int64_t CompileWith(const base::CodeCache& cache, const Target& target) {
  const auto module = ParseTestModule(kText);
  CpuBackend backend(target, SymbolNames(*module), KernelModules::kPerKernel);
  KernelSet kernels(&backend, SymbolNames(*module));
  kernels.UseCache(&cache);
  for (const KernelSpec& spec : SpecsOf(*module)) EXPECT_TRUE(kernels.Add(spec).ok());
  const auto library = kernels.Compile();
  EXPECT_TRUE(library.ok()) << library.status();
  if (!library.ok()) return -1;
  const std::vector<float> x(80, 8.0f);
  std::vector<float> result(80, 0.0f);
  void* buffers[] = {const_cast<float*>(x.data()), result.data()};
  const int64_t dims[] = {1, 1, 64};
  const runtime::Kernel& kernel = kernels.kernels()[0];
  const runtime::KernelArgs args{buffers, dims, nullptr, 0, kernel.work.Count(dims)};
  kernel.fn(&args);
  EXPECT_THAT(result, testing::Each(4.0f));
  return kernels.cached();
}

class KernelCacheTest : public testing::Test {
 protected:
  const base::TemporaryFolder folder_;
  const base::CodeCache cache_ =
      *base::CodeCache::Open(folder_.PathOf("cache"), base::kDefaultCacheBytes);
};

TEST_F(KernelCacheTest, GivesBackWhatWasCompiledForTheSameFeatures) {
  EXPECT_EQ(CompileWith(cache_, Target::Host()), 0);
  EXPECT_EQ(CompileWith(cache_, Target::Host()), 2);
  // Who else has them does not matter, nor does the CPU that LLVM schedules for.
  Target renamed = Target::Host();
  renamed.tune = "another CPU";
  std::reverse(renamed.features.begin(), renamed.features.end());
  EXPECT_EQ(CompileWith(cache_, renamed), 2);
  EXPECT_EQ(CompileWith(cache_, *Target::Named("generic")), 0);
}

TEST_F(KernelCacheTest, CompilesADamagedKernelAgain) {
  EXPECT_EQ(CompileWith(cache_, Target::Host()), 0);
  const auto entries = cache_.List();
  ASSERT_TRUE(entries.ok());
  ASSERT_EQ(entries->size(), 2);
  std::filesystem::resize_file((*entries)[0].path, (*entries)[0].bytes - 1);
  EXPECT_EQ(CompileWith(cache_, Target::Host()), 1);
  EXPECT_EQ(CompileWith(cache_, Target::Host()), 2);
}

TEST_F(KernelCacheTest, IsDoneWithoutWhereNothingCanBeStored) {
  std::filesystem::remove_all(cache_.folder());
  EXPECT_EQ(CompileWith(cache_, Target::Host()), 0);
  EXPECT_EQ(CompileWith(cache_, Target::Host()), 0);
}

TEST_F(KernelCacheTest, KnowsKernelsByNumbersThatDependOnTheSymbolsToo) {
  // Other symbols have other places in KernelArgs::dims.
  const auto module = ParseTestModule(kText);
  const Target target = Target::Host();
  const std::vector<std::string> orders[] = {{"T", "S", "C"}, {"S", "T", "C"}};
  for (const std::vector<std::string>& symbols : orders) {
    CpuBackend backend(target, symbols, KernelModules::kPerKernel);
    KernelSet kernels(&backend, symbols);
    kernels.UseCache(&cache_);
    for (const KernelSpec& spec : SpecsOf(*module)) ASSERT_TRUE(kernels.Add(spec).ok());
    ASSERT_TRUE(kernels.Compile().ok());
    EXPECT_EQ(kernels.cached(), 0);
  }
}

}  // namespace
}  // namespace lluda::codegen
