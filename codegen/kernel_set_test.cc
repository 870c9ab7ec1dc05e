#include "codegen/kernel_set.h"

#include <string>
#include <vector>

#include "codegen/kernel_test_util.h"
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
  KernelSet kernels(target, SymbolNames(*module));
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
  KernelSet kernels(target, SymbolNames(*module));
  const auto index = kernels.Add(SpecOf(FindOp(*module, "first")));
  ASSERT_TRUE(index.ok());
  const int64_t dims[] = {7, 1, 64};  // T, S, C
  EXPECT_EQ(kernels.kernels()[*index].work.Count(dims), 7 * 2);
}

TEST(KernelSet, CompilesWhatItHoldsForAnyNumberOfThreads) {
  for (const int threads : {1, 2}) {
    const auto module = ParseTestModule(kText);
    const Target target = Target::Host();
    KernelSet kernels(target, SymbolNames(*module));
    for (const KernelSpec& spec : SpecsOf(*module)) ASSERT_TRUE(kernels.Add(spec).ok());
    const auto library = kernels.Compile({threads});
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
  KernelSet kernels(target, SymbolNames(*module));
  for (int attempt = 0; attempt < 2; ++attempt) {
    const auto index = kernels.Add(Impossible(*module));
    ASSERT_FALSE(index.ok());
    EXPECT_EQ(index.status().code(), absl::StatusCode::kUnimplemented);
    EXPECT_THAT(std::string(index.status().message()), HasSubstr("no kernel for scale"));
    EXPECT_THAT(std::string(index.status().message()), HasSubstr("=> i8 tok[T]"));
  }
  EXPECT_TRUE(kernels.kernels().empty());
}

}  // namespace
}  // namespace lluda::codegen
