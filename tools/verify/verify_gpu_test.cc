// A GPU's kernels, simulated, are verified as a CPU's are: one by one, and those of a group each.
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "codegen/llvm/target.h"
#include "engine/gpu_model.h"
#include "engine/open_module.h"
#include "engine/source/checkpoint_weights.h"
#include "engine/source/model_files.h"
#include "engine/source/open_model_source.h"
#include "frontends/checkpoint/read_weight.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "runtime/machine/thread_pool.h"
#include "tools/verify/verify_kernels.h"
#include "tools/verify/verify_model.h"

namespace lluda::tools {
namespace {

using ::testing::HasSubstr;

engine::LoadOptions Tiny() {
  engine::LoadOptions load;
  load.device = engine::Device::kSimulatedGpu;
  auto source = engine::OpenModelSource("reference_data/tiny");
  EXPECT_TRUE(source.ok()) << source.status();
  if (source.ok()) load.source = *std::move(source);
  return load;
}

TEST(VerifyGpu, ARightModelPasses) {
  const engine::LoadOptions load = Tiny();
  auto opened = engine::OpenModule(load.source.get(), load, engine::Weights::kRequired);
  ASSERT_TRUE(opened.ok()) << opened.status();
  VerifyOptions options;
  options.tokens = 5;
  const auto report = VerifyModel(load, *std::move(opened), options);
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_FALSE(report->finding.has_value()) << FindingText(*report->finding);
  EXPECT_GT(report->passes, 10);
  EXPECT_GT(report->kernels, 10);
}

TEST(VerifyGpu, AnotherEntryThanTheStepIsRefused) {
  const engine::LoadOptions load = Tiny();
  auto opened = engine::OpenModule(load.source.get(), load, engine::Weights::kRequired);
  ASSERT_TRUE(opened.ok()) << opened.status();
  VerifyOptions options;
  options.entry = "audio";
  EXPECT_THAT(std::string(VerifyModel(load, *std::move(opened), options).status().message()),
              HasSubstr("a GPU runs the step, and not audio"));
}

void NoKernel(const runtime::KernelArgs*) {}

class VerifyGpuFaultTest : public testing::Test {
 protected:
  void SetUp() override {
    load_ = Tiny();
    auto opened = engine::OpenModule(load_.source.get(), load_, engine::Weights::kRequired);
    ASSERT_TRUE(opened.ok()) << opened.status();
    module_ = std::move(opened->module);
    ASSERT_EQ(engine::RunRemainingPasses(module_.get(), load_.device), absl::OkStatus());
    auto gpu = engine::GpuModel::Open(load_.device, "host");
    ASSERT_TRUE(gpu.ok()) << gpu.status();
    auto compiled = gpu->Compile(*module_, codegen::Target::Host(), 2, nullptr);
    ASSERT_TRUE(compiled.ok()) << compiled.status();
    compiled_ = *std::move(compiled);
    device_ = gpu->MakeDevice(&pool_);
  }

  // What is found when this kernel does nothing.
  std::optional<Finding> Without(uint32_t kernel) {
    compiled_.program.kernels[kernel].fn = &NoKernel;
    auto files = load_.source->Files(engine::Weights::kRequired);
    EXPECT_TRUE(files.ok()) << files.status();
    engine::CheckpointWeights weights(&*(*files)->checkpoint);
    VerifyRun run;
    run.weights = [&](const ir::Global& global, int64_t index) {
      return WeightOf(**files, global, index);
    };
    run.steps = {{5, 17, 3, 60, 2}, {9}};
    auto found = VerifyKernels(*module_, compiled_.program, device_.get(), {&weights}, run);
    EXPECT_TRUE(found.ok()) << found.status();
    return found.ok() ? *found : std::nullopt;
  }

  static absl::StatusOr<ir::Tensor> WeightOf(const engine::ModelFiles& files,
                                             const ir::Global& global, int64_t index) {
    return frontends::ReadWeight(*files.checkpoint, global, index);
  }

  // The first call of the step that computes several statements, or one.
  const runtime::Call& FirstCall(bool several) {
    for (const runtime::Call& call : compiled_.program.entry("step").calls) {
      if ((call.parts.size() > 1) == several && call.only_symbol < 0) return call;
    }
    ADD_FAILURE() << "there is none";
    return compiled_.program.entry("step").calls.front();
  }

  engine::LoadOptions load_;
  std::unique_ptr<ir::Module> module_;
  codegen::CompiledModule compiled_;
  runtime::ThreadPool pool_{2};
  std::unique_ptr<runtime::Device> device_;
};

TEST_F(VerifyGpuFaultTest, AKernelThatDoesNothingIsFound) {
  const runtime::Call& call = FirstCall(/*several=*/false);
  const std::string name = compiled_.program.kernels[call.kernel].name;
  const auto found = Without(call.kernel);
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(found->culprit, "kernel " + name);
  EXPECT_EQ(found->statement, call.site.statement);
  EXPECT_EQ(found->step, 0);
  EXPECT_FALSE(found->repro.empty());
}

TEST_F(VerifyGpuFaultTest, OfAGroupTheFirstStatementWhoseResultIsInMemoryIsNamed) {
  const runtime::Call& call = FirstCall(/*several=*/true);
  const std::string name = compiled_.program.kernels[call.kernel].name;
  const auto found = Without(call.kernel);
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(found->culprit, "kernel " + name);
  EXPECT_EQ(found->statement, call.site.statement);
}

}  // namespace
}  // namespace lluda::tools
