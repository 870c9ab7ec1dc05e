// The kernels of whole models as PTX, for every row of gpus.def: LLVM writes it, ptxas, if there is
// one, takes it, and a driver that is none runs the step that it describes.
#include <dlfcn.h>

#include <cstdlib>
#include <fstream>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "codegen/compile.h"
#include "codegen/cpu/kernel_test_util.h"
#include "codegen/nvptx/gpu_backend.h"
#include "engine/model.h"
#include "engine/open_module.h"
#include "engine/source/open_model_source.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "ir/text/parser.h"
#include "ir/type/encoding.h"
#include "passes/pipeline.h"
#include "runtime/cuda/cuda_device.h"
#include "runtime/executable.h"
#include "runtime/gpu/block_runner.h"
#include "runtime/gpu/simulated_gpu.h"

namespace lluda::tests {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kFakeDriver[] = "runtime/cuda/libfake_cuda.so";

// A model's module, after the passes for a GPU.
std::unique_ptr<ir::Module> ModuleOf(const std::string& model, engine::Precision precision,
                                     engine::KvCache kv_cache,
                                     std::optional<ir::DType> weights = std::nullopt) {
  engine::LoadOptions options;
  options.module.weights = weights;
  options.folder = absl::StrCat("reference_data/", model);
  options.module.precision = precision;
  options.module.kv_cache = kv_cache;
  auto source = engine::OpenModelSource(options.folder);
  EXPECT_TRUE(source.ok()) << source.status();
  auto opened = engine::OpenModule(source->get(), options, engine::Weights::kRequired);
  EXPECT_TRUE(opened.ok()) << opened.status();
  EXPECT_EQ(engine::RunRemainingPasses(opened->module.get(), engine::Device::kCuda),
            absl::OkStatus());
  return std::move(opened->module);
}

std::map<std::string, std::string> PtxOfModule(const ir::Module& module, const codegen::Gpu& gpu) {
  const codegen::Target host = codegen::Target::Host();
  codegen::GpuBackend backend(&gpu, host, codegen::SymbolNames(module), {2});
  const auto compiled = codegen::Compile(module, &backend, {"step"}, nullptr);
  EXPECT_TRUE(compiled.ok()) << compiled.status();
  return backend.ptx();
}

TEST(GpuRows, AreChosenByComputeCapability) {
  EXPECT_EQ(codegen::FindGpu(7, 5), nullptr);
  EXPECT_STREQ(codegen::FindGpu(8, 0)->name, "sm_80");
  EXPECT_STREQ(codegen::FindGpu(8, 7)->name, "sm_86");
  EXPECT_STREQ(codegen::FindGpu(9, 0)->name, "sm_90a");
  EXPECT_STREQ(codegen::FindGpu(10, 0)->name, "sm_89") << "sm_90a runs on 9.0 alone";
}

// Rows that are multiplied with a matrix in blocks, in panels, and picked from it.
std::unique_ptr<ir::Module> ModuleOfBlocks(ir::DType dtype) {
  auto module = ir::ParseModule(
      codegen::WithPanels(absl::StrReplaceAll(R"(lluda 1
module @test {
  symbol T in 1..128
  weight @w : $X n[48] k[1024] from "w"
  load {
    @p = pack @w over k {tile = $P} : $X n[48] k[1024] @panel($P, k)
  }
  func @step(%x: bf16 tok[T] k[1024], %i: i32 tok[T]) -> f32 tok[T] n[48] {
    %y = matmul %x @p over k : f32 tok[T] n[48]
    %e = gather @p over n at %i : f32 tok[T] k[1024]
    %s = reduce_sum %e over k : f32 tok[T]
    %r = add %y %s : f32 tok[T] n[48]
    return %r
  }
})",
                                              {{"$X", ir::DTypeName(dtype)},
                                               {"$P", absl::StrCat("$", ir::DTypeName(dtype))}}),
                          machine::DeviceKind::kGpu),
      "test");
  EXPECT_TRUE(module.ok()) << module.status();
  auto pipeline = passes::Pipeline::Create({"plan-memory"}, {});
  EXPECT_TRUE(pipeline->Run(module->get()).ok());
  return *std::move(module);
}

class GpuPtxTest : public testing::TestWithParam<codegen::Gpu> {};

TEST_P(GpuPtxTest, EveryKernelOfEveryModelIsWritten) {
  const codegen::Gpu& gpu = GetParam();
  std::map<std::string, std::string> all;
  for (const auto& [precision, kv_cache] :
       {std::pair{engine::Precision::kBF16, engine::KvCache::kPrecision},
        std::pair{engine::Precision::kBF16, engine::KvCache::kInt8},
        std::pair{engine::Precision::kF32, engine::KvCache::kPrecision}}) {
    const auto module = ModuleOf("tiny", precision, kv_cache);
    ASSERT_NE(module, nullptr);
    for (auto& [name, ptx] : PtxOfModule(*module, gpu)) all[name] = ptx;
  }
  EXPECT_GT(all.size(), 30u);
  // Rows differ in what bf16 becomes; blocks are multiplied alike, and written for the last row alone.
  std::vector<ir::DType> blocks, of_models;
  if (absl::string_view(gpu.name) == codegen::AllGpus().back().name) {
    for (size_t i = 0; i < ir::kDTypeCount; ++i) {
      const auto dtype = static_cast<ir::DType>(i);
      if (ir::IsBlock(dtype)) blocks.push_back(dtype);
    }
    of_models = {ir::DType::kQ8_0, ir::DType::kQ4K};
  }
  for (const ir::DType dtype : blocks) {
    for (auto& [name, ptx] : PtxOfModule(*ModuleOfBlocks(dtype), gpu)) all[name] = ptx;
  }
  for (const ir::DType weights : of_models) {
    const auto module =
        ModuleOf("stories", engine::Precision::kBF16, engine::KvCache::kPrecision, weights);
    ASSERT_NE(module, nullptr);
    for (auto& [name, ptx] : PtxOfModule(*module, gpu)) all[name] = ptx;
  }
  for (const auto& [name, ptx] : all) {
    EXPECT_THAT(ptx, HasSubstr(absl::StrCat(".target ", gpu.name))) << name;
    EXPECT_THAT(ptx, HasSubstr(absl::StrCat(".entry ", name))) << name;
    EXPECT_THAT(ptx, HasSubstr(".maxntid 256")) << name;
    EXPECT_THAT(ptx, Not(HasSubstr(".extern .func"))) << name << " calls a library";
  }
  // A tool of NVIDIA's that is not part of the project; LLUDA_PTXAS names it.
  const char* ptxas = std::getenv("LLUDA_PTXAS");
  if (ptxas == nullptr)
    GTEST_SKIP() << "LLUDA_PTXAS names no ptxas: what LLVM wrote is not assembled";
  const std::string file = absl::StrCat(testing::TempDir(), "/kernel.ptx");
  for (const auto& [name, ptx] : all) {
    std::ofstream(file) << ptx;
    const std::string command = absl::StrCat(ptxas, " -arch=", gpu.name, " -o /dev/null ", file);
    EXPECT_EQ(std::system(command.c_str()), 0) << name;
  }
}

INSTANTIATE_TEST_SUITE_P(All, GpuPtxTest,
                         testing::ValuesIn(codegen::AllGpus().begin(), codegen::AllGpus().end()),
                         [](const auto& info) { return std::string(info.param.name); });

TEST(GpuPtx, MultipliesOnTensorCoresAndReadsTheMemoryOfTheGpu) {
  const auto module = ModuleOf("tiny", engine::Precision::kBF16, engine::KvCache::kPrecision);
  ASSERT_NE(module, nullptr);
  bool found = false;
  for (const auto& [name, ptx] : PtxOfModule(*module, *codegen::FindGpu(9, 0))) {
    if (name.rfind("matmul", 0) != 0) continue;
    found = true;
    const bool many = name.find("_many_") != std::string::npos;
    EXPECT_THAT(ptx, HasSubstr(many ? "cp.async.cg.shared.global" : "ld.global.v4")) << name;
    // Warpgroups multiply slabs of 64 elements.
    const bool by_groups = many && name.find("x160_") == std::string::npos;
    EXPECT_THAT(ptx, HasSubstr(by_groups ? "wgmma.mma_async.sync" : "mma.sync.aligned.m16n8k16"))
        << name;
    EXPECT_THAT(ptx, HasSubstr("griddepcontrol.wait")) << name;
    EXPECT_THAT(ptx, Not(HasSubstr("ld.u8"))) << name;
  }
  EXPECT_TRUE(found);
}

// Kernels of the same names, run by the driver that is none. It knows no context, so neither do
// these.
struct FakeKernels {
  const runtime::Program* program = nullptr;
  size_t symbols = 0;
};
FakeKernels& TheKernels() {
  static auto* kernels = new FakeKernels();
  return *kernels;
}
void RunFake(const char* name, unsigned blocks, void** parameters) {
  static auto runner = *runtime::BlockRunner::Create();
  const FakeKernels& kernels = TheKernels();
  for (const runtime::Kernel& kernel : kernels.program->kernels) {
    if (kernel.name != name) continue;
    std::vector<int64_t> dims;
    for (size_t i = 0; i < kernels.symbols; ++i) {
      dims.push_back(*static_cast<int64_t*>(parameters[i]));
    }
    const auto first = *static_cast<int64_t*>(parameters[kernels.symbols]);
    std::vector<void*> buffers;
    for (size_t i = 0; i < 2; ++i) {  // those of the test's kernels
      buffers.push_back(*static_cast<void**>(parameters[kernels.symbols + 1 + i]));
    }
    for (unsigned block = 0; block < blocks; ++block) {
      EXPECT_EQ(runner->Run(kernel.fn, buffers.data(), dims.data(), first + block),
                absl::OkStatus());
    }
    return;
  }
  ADD_FAILURE() << name;
}

class NoWeights : public runtime::WeightSource {
 public:
  absl::StatusOr<const void*> Data(const std::string& tensor, int64_t) override {
    return absl::NotFoundError(tensor);
  }
  void Release(const std::string&, int64_t, int64_t) override {}
};

TEST(GpuPtx, TheDriverGetsWhatTheSimulatedGpuRuns) {
  auto module = ir::ParseModule(R"(lluda 1
module @test {
  symbol T in 1..64
  func @step(%x: f32 tok[T] a[70]) -> f32 tok[T] {
    %e = exp %x : f32 tok[T] a[70]
    %s = reduce_sum %e over a : f32 tok[T]
    return %s
  }
})",
                                "test");
  ASSERT_TRUE(module.ok()) << module.status();
  auto pipeline = passes::Pipeline::Create({"plan-memory"}, {});
  ASSERT_TRUE(pipeline->Run(module->get()).ok());
  const codegen::Target host = codegen::Target::Host();
  const auto symbols = codegen::SymbolNames(**module);
  codegen::GpuBackend simulated(nullptr, host, symbols);
  const auto for_simulation = codegen::Compile(**module, &simulated, {"step"}, nullptr);
  codegen::GpuBackend ptx(codegen::FindGpu(8, 0), host, symbols);
  const auto for_gpu = codegen::Compile(**module, &ptx, {"step"}, nullptr);
  ASSERT_TRUE(for_simulation.ok() && for_gpu.ok());

  void* library = dlopen(kFakeDriver, RTLD_NOW | RTLD_LOCAL);
  ASSERT_NE(library, nullptr) << dlerror();
  reinterpret_cast<void (*)(void (*)(const char*, unsigned, void**))>(
      dlsym(library, "FakeCudaSetRunner"))(&RunFake);
  TheKernels() = {&for_simulation->program, symbols.size()};
  auto gpu = runtime::CudaGpu::Open(kFakeDriver);
  ASSERT_TRUE(gpu.ok()) << gpu.status();
  runtime::ThreadPool pool(1);
  std::vector<std::vector<float>> results;
  const auto run = [&](const runtime::Program& program, std::unique_ptr<runtime::Device> device) {
    auto executable = runtime::Executable::Create(program, std::move(device));
    ASSERT_TRUE(executable.ok()) << executable.status();
    NoWeights none;
    ASSERT_EQ((*executable)->Load(&none, nullptr), absl::OkStatus());
    const std::vector<int64_t> dims = {5};
    auto states = (*executable)->CreateStates(dims);
    std::vector<float> x(5 * 70), sums(5);
    for (size_t i = 0; i < x.size(); ++i) x[i] = 0.01f * static_cast<float>(i);
    for (int again = 0; again < 3; ++again) {  // the last two as a graph
      ASSERT_EQ((*executable)
                    ->Run((*executable)->program().entry("step"), **states, dims, {x.data()},
                          sums.data()),
                absl::OkStatus());
      results.push_back(sums);
    }
  };
  run(for_simulation->program, std::make_unique<runtime::SimulatedGpu>(&pool));
  runtime::GpuKernels kernels;
  for (const auto& [name, text] : ptx.ptx()) kernels[name].ptx = text;
  run(for_gpu->program, std::make_unique<runtime::CudaDevice>(*gpu, kernels, &pool));
  ASSERT_EQ(results.size(), 6u);
  for (const auto& result : results) EXPECT_EQ(result, results[0]);
  EXPECT_GT(results[0][4], 70.0f);
}

}  // namespace
}  // namespace lluda::tests
