// A model as a bundle for a GPU: what runs of it, on a driver that is none and kernels that are
// simulated, computes what the model that was compiled on the spot computes, to the bit.
#include <dlfcn.h>

#include <cstdlib>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/files/test_files.h"
#include "bundle/reader.h"
#include "codegen/llvm/target.h"
#include "engine/compile/compile_bundle.h"
#include "engine/gpu_model.h"
#include "engine/model.h"
#include "engine/open_module.h"
#include "engine/session.h"
#include "engine/source/open_model_source.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "runtime/gpu/block_runner.h"

namespace lluda::tests {
namespace {

using engine::Device;
using ::testing::HasSubstr;

constexpr char kFakeDriver[] = "runtime/cuda/libfake_cuda.so";

engine::LoadOptions Options(const std::string& folder, Device device) {
  engine::LoadOptions options;
  options.folder = folder;
  options.device = device;
  options.threads = 2;
  options.need_tokenizer = false;
  return options;
}

// The kernels of a model, simulated, for the driver that is none to run.
struct SimulatedKernels {
  codegen::CompiledModule compiled;
  std::map<std::string, std::pair<runtime::KernelFn, size_t>> kernels;  // and how many buffers
  std::unique_ptr<runtime::BlockRunner> runner;
};
SimulatedKernels& TheKernels() {
  static auto* kernels = new SimulatedKernels();
  return *kernels;
}
void RunSimulated(const char* name, unsigned blocks, void** parameters) {
  SimulatedKernels& simulated = TheKernels();
  const auto it = simulated.kernels.find(name);
  ASSERT_NE(it, simulated.kernels.end()) << name;
  const auto& [fn, buffer_count] = it->second;
  const size_t symbols = simulated.compiled.program.symbols.size();
  std::vector<int64_t> dims;
  for (size_t i = 0; i < symbols; ++i) dims.push_back(*static_cast<int64_t*>(parameters[i]));
  const int64_t first = *static_cast<int64_t*>(parameters[symbols]);
  std::vector<void*> buffers;
  for (size_t i = 0; i < buffer_count; ++i) {
    buffers.push_back(*static_cast<void**>(parameters[symbols + 1 + i]));
  }
  void* workspace = *static_cast<void**>(parameters[symbols + 1 + buffer_count]);
  for (unsigned block = 0; block < blocks; ++block) {
    ASSERT_EQ(simulated.runner->Run(fn, buffers.data(), dims.data(), first + block, workspace),
              absl::OkStatus());
  }
}

class GpuBundleTest : public testing::Test {
 protected:
  void SetUp() override {
    // It is found by the name of the true one from now on.
    library_ = dlopen(kFakeDriver, RTLD_NOW | RTLD_LOCAL);
    ASSERT_NE(library_, nullptr) << dlerror();
    reinterpret_cast<void (*)(void (*)(const char*, unsigned, void**))>(
        dlsym(library_, "FakeCudaSetRunner"))(&RunSimulated);
    compiled_ = reinterpret_cast<int (*)()>(dlsym(library_, "FakeCudaCompiled"));
    if (TheKernels().runner != nullptr) return;
    ASSERT_NO_FATAL_FAILURE(Simulate());
  }
  void TearDown() override { unsetenv("FAKE_CUDA"); }

  static void Simulate() {
    const engine::LoadOptions options = Options("reference_data/tiny", Device::kSimulatedGpu);
    auto source = engine::OpenModelSource(options.folder);
    ASSERT_TRUE(source.ok()) << source.status();
    auto opened = engine::OpenModule(source->get(), options, engine::Weights::kRequired);
    ASSERT_TRUE(opened.ok()) << opened.status();
    ASSERT_EQ(engine::RunRemainingPasses(opened->module.get(), options.device), absl::OkStatus());
    auto gpu = engine::GpuModel::Open(options.device, "host");
    ASSERT_TRUE(gpu.ok()) << gpu.status();
    auto compiled = gpu->Compile(*opened->module, codegen::Target::Host(), 2, nullptr);
    ASSERT_TRUE(compiled.ok()) << compiled.status();
    SimulatedKernels& simulated = TheKernels();
    simulated.compiled = *std::move(compiled);
    const runtime::Program& program = simulated.compiled.program;
    const auto add = [&](uint32_t kernel, size_t buffers) {
      simulated.kernels[program.kernels[kernel].name] = {program.kernels[kernel].fn, buffers};
    };
    for (const runtime::Entry& entry : program.entries) {
      for (const runtime::Call& call : entry.calls) {
        add(call.kernel, call.buffers.size());
        const runtime::Kernel& kernel = program.kernels[call.kernel];
        if (kernel.many_symbol >= 0) add(kernel.many, call.buffers.size());
      }
    }
    simulated.runner = *runtime::BlockRunner::Create();
  }

  std::string Compile(const std::string& isa = "host") {
    engine::LoadOptions options = Options("reference_data/tiny", Device::kCuda);
    options.isa = isa;
    const std::string path = folder_.PathOf("tiny.llb");
    EXPECT_EQ(engine::CompileBundle(options, {path}), absl::OkStatus());
    return path;
  }

  static std::vector<float> Logits(const engine::LoadOptions& options, size_t tokens) {
    auto model = engine::Model::Load(options);
    EXPECT_TRUE(model.ok()) << model.status();
    if (!model.ok()) return {};
    auto session = engine::Session::Create(model->get(), {});
    EXPECT_TRUE(session.ok()) << session.status();
    std::vector<int32_t> ids;
    for (size_t i = 0; i < tokens; ++i) ids.push_back(static_cast<int32_t>((i * 7 + 3) % 31));
    const auto logits = (*session)->Evaluate(ids);
    EXPECT_TRUE(logits.ok()) << logits.status();
    return {logits->begin(), logits->end()};
  }

  static std::string ErrorOf(const engine::LoadOptions& options) {
    const auto model = engine::Model::Load(options);
    return model.ok() ? "" : std::string(model.status().message());
  }

  base::TemporaryFolder folder_;
  void* library_ = nullptr;
  int (*compiled_)() = nullptr;
};

// Few rows, and so many that other kernels run.
TEST_F(GpuBundleTest, ComputesTheBitsOfTheModelItWasMadeFrom) {
  const std::string bundle = Compile();
  for (const size_t tokens : {5, 70}) {
    const std::vector<float> expected =
        Logits(Options("reference_data/tiny", Device::kSimulatedGpu), tokens);
    EXPECT_EQ(Logits(Options(bundle, Device::kCuda), tokens), expected) << tokens;
  }
}

TEST_F(GpuBundleTest, WithMachineCodeOfThisGpuNothingIsCompiled) {
  const std::string path = Compile();
  const auto bundle = bundle::Bundle::Open(path);
  ASSERT_TRUE(bundle.ok()) << bundle.status();
  EXPECT_TRUE((*bundle)->is_for_gpu());
  EXPECT_EQ((*bundle)->isa(), "sm_90a");
  const auto runnable = (*bundle)->PrepareForGpu();
  ASSERT_TRUE(runnable.ok()) << runnable.status();
  for (const auto& [name, kernel] : runnable->part.kernels) {
    EXPECT_THAT(kernel.ptx, HasSubstr(".target sm_90a")) << name;
    EXPECT_FALSE(kernel.machine_code.empty()) << name;
  }
  const auto compiled_by = [&](const char* driver) {
    setenv("FAKE_CUDA", driver, 1);
    const int before = compiled_();
    EXPECT_EQ(ErrorOf(Options(path, Device::kCuda)), "") << driver;
    return compiled_() - before;
  };
  EXPECT_EQ(compiled_by(""), 0);
  EXPECT_EQ(compiled_by("version=13000"), 0) << "a later driver takes it";
  EXPECT_GT(compiled_by("version=12030"), 0) << "an earlier one need not";
}

TEST_F(GpuBundleTest, IsCompiledForAGpuThatIsNotHere) {
  setenv("FAKE_CUDA", "cuInit=100", 1);
  const std::string path = Compile("sm_80");
  const auto bundle = bundle::Bundle::Open(path);
  ASSERT_TRUE(bundle.ok()) << bundle.status();
  const auto runnable = (*bundle)->PrepareForGpu();
  ASSERT_TRUE(runnable.ok()) << runnable.status();
  for (const auto& [name, kernel] : runnable->part.kernels) {
    EXPECT_THAT(kernel.ptx, HasSubstr(".target sm_80")) << name;
    EXPECT_TRUE(kernel.machine_code.empty()) << name;
  }
  EXPECT_THAT(ErrorOf(Options(path, Device::kCuda)), HasSubstr("no CUDA-capable device"));
  setenv("FAKE_CUDA", "", 1);
  EXPECT_EQ(ErrorOf(Options(path, Device::kCuda)), "") << "a later GPU runs it";
}

TEST_F(GpuBundleTest, IsRefusedInALineWhereItHasNoCode) {
  const std::string path = Compile();
  EXPECT_EQ(ErrorOf(Options(path, Device::kCpu)),
            path +
                ": its code is for a GPU, sm_90a, and for nothing else; lluda runs it with "
                "--device cuda");
  EXPECT_THAT(ErrorOf(Options(path, Device::kSimulatedGpu)), HasSubstr("for a GPU, sm_90a"));
  setenv("FAKE_CUDA", "major=8", 1);
  EXPECT_EQ(
      ErrorOf(Options(path, Device::kCuda)),
      path + ": code for sm_90a does not run on the GPU: Fake GPU has compute capability 8.0");
  setenv("FAKE_CUDA", "version=11080", 1);
  EXPECT_EQ(
      ErrorOf(Options(path, Device::kCuda)),
      path + ": the NVIDIA driver is too old: it is for CUDA 11.8, code for sm_90a needs 12.0");
}

TEST_F(GpuBundleTest, WhatCannotBeWrittenIsSaidBefore) {
  engine::LoadOptions options = Options("reference_data/tiny", Device::kSimulatedGpu);
  const auto error = [&](const engine::BundleOutputs& outputs) {
    return std::string(engine::CompileBundle(options, outputs).message());
  };
  EXPECT_THAT(error({folder_.PathOf("x.llb")}), HasSubstr("a simulated GPU's code is not kept"));
  options.device = Device::kCuda;
  EXPECT_THAT(error({folder_.PathOf("x.llb"), folder_.PathOf("x.o")}), HasSubstr("C programs"));
  options.isa = "sm_10";
  EXPECT_EQ(error({folder_.PathOf("x.llb")}),
            "kernels are for no GPU 'sm_10'; there are sm_80, sm_86, sm_89, sm_90a");
  options.isa = "host";
  setenv("FAKE_CUDA", "no_gpu=1", 1);
  EXPECT_EQ(error({folder_.PathOf("x.llb")}),
            "the NVIDIA driver offers no GPU; --isa sm_90a, say, compiles for a GPU that is not "
            "here");
}

}  // namespace
}  // namespace lluda::tests
