// The driver's loader and the device, on a driver that is none: fake_cuda.cc.
#include "runtime/cuda/cuda_device.h"

#include <dlfcn.h>

#include <cstdlib>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "runtime/executable.h"

namespace lluda::runtime {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr char kFakeDriver[] = "runtime/cuda/libfake_cuda.so";

// What a kernel of PTX with these parameters would do: y[i] = T * x[i] + first, for 4 elements.
constexpr char kPtx[] =
    ".version 7.0\n.visible .entry scaled(.param .u64 a, .param .u64 b, "
    ".param .u64 c, .param .u64 d)\n{ ret; }\n";
std::vector<unsigned>& Blocks() {
  static auto* blocks = new std::vector<unsigned>();
  return *blocks;
}
void RunScaled(const char* kernel, unsigned blocks, void** parameters) {
  EXPECT_STREQ(kernel, "scaled");
  Blocks().push_back(blocks);
  const auto value = [&](int i) { return *static_cast<int64_t*>(parameters[i]); };
  const auto* x = *static_cast<float**>(parameters[2]);
  auto* y = *static_cast<float**>(parameters[3]);
  for (int i = 0; i < 4; ++i)
    y[i] = static_cast<float>(value(0)) * x[i] + static_cast<float>(value(1));
}

Program ScaledProgram() {
  Program program;
  program.symbols = {{"T", 1, 8}};
  Kernel kernel;
  kernel.name = "scaled";
  kernel.work.factors = {{0, 1}};
  program.kernels = {kernel};
  Entry entry;
  entry.name = "step";
  entry.inputs = {{"x", 16, {}}};
  entry.result = {"y", 16, {}};
  entry.calls = {{0, {{Space::kInput, 0, 0}, {Space::kOutput, 0, 0}}, {"step", -1, "y"}, false}};
  program.entries = {entry};
  program.frame_bytes = 64;
  program.loaded_bytes = 64;
  return program;
}

class CudaDeviceTest : public testing::Test {
 protected:
  void SetUp() override {
    Blocks().clear();
    // The same library as the device's: its own functions are reached through it.
    library_ = dlopen(kFakeDriver, RTLD_NOW | RTLD_LOCAL);
    ASSERT_NE(library_, nullptr) << dlerror();
    reinterpret_cast<void (*)(void (*)(const char*, unsigned, void**))>(
        dlsym(library_, "FakeCudaSetRunner"))(&RunScaled);
    used_ = reinterpret_cast<size_t (*)()>(dlsym(library_, "FakeCudaUsedBytes"));
  }
  // The library stays open: what it holds would be memory that nobody can reach.
  void TearDown() override { unsetenv("FAKE_CUDA"); }
  static void Fail(const char* what) { setenv("FAKE_CUDA", what, 1); }

  absl::StatusOr<std::unique_ptr<Executable>> Create(const GpuKernels& kernels = {
                                                         {"scaled", {kPtx, ""}}}) {
    auto gpu = CudaGpu::Open(kFakeDriver);
    if (!gpu.ok()) return gpu.status();
    return Executable::Create(ScaledProgram(), std::make_unique<CudaDevice>(*gpu, kernels, &pool_));
  }
  static absl::StatusOr<std::vector<float>> Run(Executable* executable, int64_t t,
                                                const std::vector<float>& x) {
    std::vector<float> y(4, 0);
    auto states = executable->CreateStates({t});
    if (!states.ok()) return states.status();
    const absl::Status status =
        executable->Run(executable->program().entry("step"), **states, {t}, {x.data()}, y.data());
    if (!status.ok()) return status;
    return y;
  }

  ThreadPool pool_{2};
  void* library_ = nullptr;
  size_t (*used_)() = nullptr;
};

TEST_F(CudaDeviceTest, WithoutADriverOneLineSaysSo) {
  const auto gpu = CudaGpu::Open("libno_such_driver.so.1");
  EXPECT_EQ(gpu.status().code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(gpu.status().message()), HasSubstr("there is no NVIDIA driver"));
}

TEST_F(CudaDeviceTest, ALibraryWithoutTheFunctionsIsTooOld) {
  const auto gpu = CudaGpu::Open("libc.so.6");
  EXPECT_EQ(gpu.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(gpu.status().message()), HasSubstr("too old: libc.so.6 has no cuInit"));
}

TEST_F(CudaDeviceTest, ADriverWithoutAGpuSaysSo) {
  Fail("cuInit=100");
  EXPECT_THAT(std::string(CudaGpu::Open(kFakeDriver).status().message()),
              HasSubstr("no CUDA-capable device is detected (100)"));
  Fail("no_gpu=1");
  EXPECT_EQ(CudaGpu::Open(kFakeDriver).status().code(), absl::StatusCode::kNotFound);
}

TEST_F(CudaDeviceTest, AKernelGetsSymbolsTheFirstBlockAndItsBuffers) {
  auto executable = Create();
  ASSERT_TRUE(executable.ok()) << executable.status();
  ASSERT_EQ((*executable)->Load(nullptr, nullptr), absl::OkStatus());
  const auto y = Run(executable->get(), 3, {1, 2, 3, 4});
  ASSERT_TRUE(y.ok()) << y.status();
  EXPECT_THAT(*y, ElementsAre(3, 6, 9, 12));
  EXPECT_THAT(Blocks(), ElementsAre(3u));
}

TEST_F(CudaDeviceTest, WhatComesAgainIsAGraphAndReadsItsInputsAnew) {
  auto gpu = CudaGpu::Open(kFakeDriver);
  ASSERT_TRUE(gpu.ok()) << gpu.status();
  auto device = std::make_unique<CudaDevice>(*gpu, GpuKernels{{"scaled", {kPtx, ""}}}, &pool_);
  const CudaDevice& cuda = *device;
  auto executable = Executable::Create(ScaledProgram(), std::move(device));
  ASSERT_TRUE(executable.ok()) << executable.status();
  ASSERT_EQ((*executable)->Load(nullptr, nullptr), absl::OkStatus());
  EXPECT_THAT(*Run(executable->get(), 2, {1, 2, 3, 4}), ElementsAre(2, 4, 6, 8));
  EXPECT_EQ(cuda.graph_launches(), 0);
  EXPECT_THAT(*Run(executable->get(), 2, {5, 6, 7, 8}), ElementsAre(10, 12, 14, 16));
  EXPECT_THAT(*Run(executable->get(), 2, {0, 1, 0, 1}), ElementsAre(0, 2, 0, 2));
  EXPECT_EQ(cuda.graph_launches(), 2);
  EXPECT_THAT(*Run(executable->get(), 4, {1, 2, 3, 4}), ElementsAre(4, 8, 12, 16)) << "another T";
  EXPECT_EQ(cuda.graph_launches(), 2);
}

TEST_F(CudaDeviceTest, MemoryGoesBackAndWhatIsNotThereIsRefusedByPurpose) {
  {
    ASSERT_TRUE(Create().ok());
  }
  EXPECT_EQ(used_(), 0u);
  Fail("cuMemAlloc_v2=2");
  const auto executable = Create();
  EXPECT_EQ(executable.status().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(std::string(executable.status().message()),
              HasSubstr("taking 64 bytes for activations: out of memory"));
}

TEST_F(CudaDeviceTest, WhatTheDriversCompilerSaysIsHandedOn) {
  const auto executable = Create({{"scaled", {"nothing", ""}}});
  EXPECT_THAT(
      std::string(executable.status().message()),
      HasSubstr("compiling the kernel scaled: a PTX JIT compilation failed (218): no entry"));
}

TEST_F(CudaDeviceTest, TimesAreThoseOfTheGpuAndTheRunIsTheSame) {
  auto executable = Create();
  ASSERT_TRUE(executable.ok()) << executable.status();
  ASSERT_EQ((*executable)->Load(nullptr, nullptr), absl::OkStatus());
  for (int again = 0; again < 2; ++again) {
    Timeline timeline(1);
    (*executable)->RecordTo(&timeline);
    EXPECT_THAT(*Run(executable->get(), 2, {1, 2, 3, 4}), ElementsAre(2, 4, 6, 8));
    (*executable)->RecordTo(nullptr);
    ASSERT_EQ(timeline.calls().size(), 1u);
    EXPECT_EQ(timeline.calls()[0].end - timeline.calls()[0].begin, 1000) << "of a kernel: 1 us";
  }
  EXPECT_THAT(*Run(executable->get(), 2, {1, 2, 3, 4}), ElementsAre(2, 4, 6, 8));
}

TEST_F(CudaDeviceTest, TellsWhatTheGpuCanDoAtMost) {
  const auto gpu = CudaGpu::Open(kFakeDriver);
  ASSERT_TRUE(gpu.ok()) << gpu.status();
  // 100 multiprocessors at 1 GHz, of 128 and 2048 multiply-adds in a cycle.
  EXPECT_EQ((*gpu)->peak().f32, 2 * 128 * 1e11);
  EXPECT_EQ((*gpu)->peak().bf16, 2 * 2048 * 1e11);
}

TEST_F(CudaDeviceTest, MachineCodeThatTheDriverRefusesIsMadeAgain) {
  Fail("image=200");
  auto executable = Create({{"scaled", {kPtx, absl::StrCat("\x7f", "ELF", kPtx)}}});
  ASSERT_TRUE(executable.ok()) << executable.status();
  ASSERT_EQ((*executable)->Load(nullptr, nullptr), absl::OkStatus());
  EXPECT_THAT(*Run(executable->get(), 2, {1, 2, 3, 4}), ElementsAre(2, 4, 6, 8));
}

TEST_F(CudaDeviceTest, WhatIsLargerThanTheMemoryThatItGoesThroughArrivesWhole) {
  auto gpu = CudaGpu::Open(kFakeDriver);
  ASSERT_TRUE(gpu.ok()) << gpu.status();
  CudaDevice device(*gpu, {}, &pool_);
  constexpr size_t kBytes = (size_t{40} << 20) + 123;
  std::vector<char> from(kBytes), back(kBytes, 0);
  for (size_t i = 0; i < kBytes; ++i) from[i] = static_cast<char>(i * 31 + i / 4096);
  auto memory = device.Allocate(kBytes, Pages::kSmall, "a test");
  ASSERT_TRUE(memory.ok()) << memory.status();
  ASSERT_EQ(device.CopyIn(memory->data(), from.data(), kBytes), absl::OkStatus());
  ASSERT_EQ(device.CopyOut(back.data(), memory->data(), kBytes), absl::OkStatus());
  EXPECT_TRUE(from == back);
}

TEST_F(CudaDeviceTest, ALostDeviceIsAnErrorAndNoCrash) {
  auto executable = Create();
  ASSERT_TRUE(executable.ok()) << executable.status();
  ASSERT_EQ((*executable)->Load(nullptr, nullptr), absl::OkStatus());
  Fail("cuStreamSynchronize=719");
  const auto y = Run(executable->get(), 3, {1, 2, 3, 4});
  EXPECT_EQ(y.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(y.status().message()), HasSubstr("unspecified launch failure (719)"));
  Fail("cuLaunchKernelEx=719");
  EXPECT_THAT(std::string(Run(executable->get(), 3, {1, 2, 3, 4}).status().message()),
              HasSubstr("launching scaled"));
}

}  // namespace
}  // namespace lluda::runtime
