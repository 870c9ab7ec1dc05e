#include "runtime/executable_test_util.h"

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "runtime/cpu_device.h"

namespace lluda::runtime {

absl::StatusOr<const void*> FakeWeights::Data(const std::string& tensor, int64_t bytes) {
  asked_.emplace_back(tensor, bytes);
  const auto error = errors_.find(tensor);
  if (error != errors_.end()) return error->second;
  return data_.at(tensor);
}

void FakeWeights::Release(const std::string& tensor, int64_t offset, int64_t bytes) {
  log_.push_back(absl::StrCat("release ", tensor, " ", offset, "+", bytes));
}

Kernel MakeKernel(KernelFn fn, Work work, int64_t item_cost) {
  Kernel kernel;
  kernel.name = "test";
  kernel.fn = fn;
  kernel.work = std::move(work);
  kernel.item_cost = item_cost;
  return kernel;
}

Program OneCall(Kernel kernel) {
  Program program;
  program.symbols = {{"T", 1, 64}, {"R", 1, 8}};
  program.entries.resize(1);
  program.kernels = {std::move(kernel)};
  program.entries[0].calls = {{0, {{Space::kOutput, 0, 0}}}};
  return program;
}

std::unique_ptr<Executable> Loaded(Program program, ThreadPool* pool, WeightSource* weights) {
  auto executable = Executable::Create(std::move(program), std::make_unique<CpuDevice>(pool));
  EXPECT_TRUE(executable.ok()) << executable.status();
  EXPECT_EQ((*executable)->Load(weights, nullptr), absl::OkStatus());
  return *std::move(executable);
}

void RunStep(Executable* executable, std::vector<int64_t> dims, std::vector<const void*> inputs,
             void* output) {
  const auto states = executable->CreateStates(dims);
  ASSERT_TRUE(states.ok()) << states.status();
  EXPECT_EQ(executable->Run(executable->program().entries[0], **states, dims, inputs, output),
            absl::OkStatus());
}

void CountItems(const KernelArgs* args) {
  auto* counts = static_cast<int32_t*>(args->buffers[0]);
  for (int64_t i = args->begin; i < args->end; ++i) ++counts[i];
}

}  // namespace lluda::runtime
