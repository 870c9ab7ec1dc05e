// A second back end and a second device, without a line of the CPU's: kernels are specs that are
// interpreted, and the device's memory is one that the host cannot address.
#include "codegen/backend.h"

#include <cmath>
#include <cstring>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/align.h"
#include "base/status_macros.h"
#include "codegen/compile.h"
#include "codegen/cpu/cpu_compile.h"
#include "codegen/cpu/kernel_test_util.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "runtime/cpu_device.h"
#include "runtime/executable.h"

namespace lluda::codegen {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

using Specs = std::map<std::string, KernelSpec>;

class NoLibrary : public KernelLibrary {
 public:
  runtime::KernelFn Find(const std::string&) const override { return nullptr; }
};

// Its objects are the kernels' specs; it has no kernel for matmul.
class SpecBackend : public Backend {
 public:
  std::string Name() const override { return "spec"; }
  std::string Version() const override { return "1"; }
  KernelSpec SpecOf(const ir::Op& op) const override { return codegen::SpecOf(op); }

  absl::StatusOr<KernelInfo> Emit(const KernelSpec& spec, const std::string& name) override {
    if (spec.opcode == ir::Opcode::kMatmul) return absl::UnimplementedError("no products here");
    emitted_.emplace(name, spec);
    KernelInfo info;
    info.work_axes = spec.result.PlainAxes();
    return info;
  }
  void AddObject(const std::string& name, std::string) override { added_.push_back(name); }

  absl::StatusOr<std::unique_ptr<KernelLibrary>> Finish(const std::vector<std::string>& names,
                                                        const ObjectListener& listener) override {
    for (const std::string& name : names) {
      if (listener && emitted_.count(name) > 0) listener(name, name);
    }
    return std::make_unique<NoLibrary>();
  }

  const Specs& emitted() const { return emitted_; }
  const std::vector<std::string>& added() const { return added_; }

 private:
  Specs emitted_;
  std::vector<std::string> added_;
};

// Addresses are offsets from a place that is nobody's; regions run when they are waited for.
class FarDevice : public runtime::Device {
 public:
  explicit FarDevice(const Specs* specs) : specs_(specs), bytes_(1 << 16, 0) {}

  bool UsesHostMemory() const override { return false; }

  absl::StatusOr<runtime::Memory> Allocate(int64_t bytes, runtime::Pages,
                                           absl::string_view purpose) override {
    if (used_ + bytes > static_cast<int64_t>(bytes_.size())) {
      return absl::ResourceExhaustedError(std::string(purpose));
    }
    char* address = kFar + used_;
    used_ += base::RoundUp(bytes, base::kCacheLine);
    held_ += bytes;
    return runtime::Memory(address, bytes, [this](char*, int64_t size) { held_ -= size; });
  }
  absl::Status CopyIn(char* to, const void* from, int64_t bytes) override {
    std::memcpy(At(to), from, static_cast<size_t>(bytes));
    return absl::OkStatus();
  }
  absl::Status CopyOut(void* to, const char* from, int64_t bytes) override {
    std::memcpy(to, At(from), static_cast<size_t>(bytes));
    return absl::OkStatus();
  }
  absl::Status Copy(char* to, const char* from, int64_t bytes) override {
    std::memcpy(At(to), At(from), static_cast<size_t>(bytes));
    return absl::OkStatus();
  }
  absl::Status Prepare(const runtime::Program& program) override {
    program_ = &program;
    return absl::OkStatus();
  }
  bool RunRegion(const runtime::Region& region) override {
    for (const runtime::BoundCall& call : region.calls) {
      const runtime::Kernel& kernel = program_->kernels[call.kernel];
      const KernelSpec& spec = specs_->at(kernel.name);
      std::vector<void*> buffers(call.buffers, call.buffers + spec.operands.size() + 1);
      waiting_.push_back({&spec, std::move(buffers), call.first_item, call.items});
    }
    return false;
  }
  absl::Status Wait() override {
    for (const Launch& launch : waiting_) {
      RETURN_IF_ERROR(Run(launch));
    }
    waiting_.clear();
    return absl::OkStatus();
  }

  int64_t held() const { return held_; }

 private:
  struct Launch {
    const KernelSpec* spec;
    std::vector<void*> buffers;
    int64_t first;
    int64_t items;
  };
  static inline char* const kFar = reinterpret_cast<char*>(uintptr_t{1} << 60);

  char* At(const void* address) {
    return bytes_.data() + (static_cast<const char*>(address) - kFar);
  }

  // Elements of row-major f32 tensors of equal shape, or sums over the last axis, of 8.
  absl::Status Run(const Launch& launch) {
    const auto in = [&](size_t operand) {
      return reinterpret_cast<const float*>(At(launch.buffers[operand]));
    };
    auto* out = reinterpret_cast<float*>(At(launch.buffers.back()));
    for (int64_t i = launch.first; i < launch.first + launch.items; ++i) {
      switch (launch.spec->opcode) {
        case ir::Opcode::kMul:
          out[i] = in(0)[i] * in(1)[i % 8];
          break;
        case ir::Opcode::kAdd:
          out[i] = in(0)[i] + in(1)[i % 8];
          break;
        case ir::Opcode::kReduceSum:
          out[i] = 0;
          for (int64_t k = 0; k < 8; ++k) out[i] += in(0)[8 * i + k];
          break;
        default:
          return absl::InternalError("no such op");
      }
    }
    return absl::OkStatus();
  }

  const Specs* specs_;
  std::vector<char> bytes_;
  int64_t used_ = 0;
  int64_t held_ = 0;
  const runtime::Program* program_ = nullptr;
  std::vector<Launch> waiting_;
};

constexpr char kModule[] = R"(
  weight @factor : f32 a[8] from "factor"
  weight @first : f32 a[8] from "first"
  load {
    @product = mul @factor @first : f32 a[8]
  }
  func @step(%x: f32 tok[T] a[8]) -> f32 tok[T] a[8] {
    %once = mul %x @product : f32 tok[T] a[8]
    %twice = mul %once @factor : f32 tok[T] a[8]
    return %twice
  }
  func @vision(%patches: f32 patch[S] a[8], %shift: f32 a[8]) -> f32 patch[S] {
    %moved = add %patches %shift : f32 patch[S] a[8]
    %sum = reduce_sum %moved over a : f32 patch[S]
    return %sum
  })";

class TwoWeights : public runtime::WeightSource {
 public:
  absl::StatusOr<const void*> Data(const std::string& tensor, int64_t) override {
    return tensor == "factor" ? factor_ : first_;
  }
  void Release(const std::string& tensor, int64_t, int64_t) override {
    released_.push_back(tensor);
  }
  const std::vector<std::string>& released() const { return released_; }

 private:
  const float factor_[8] = {1, 2, 3, 4, 5, 6, 7, 8};
  const float first_[8] = {2, 2, 2, 2, 0.5f, 0.5f, 0.5f, 0.5f};
  std::vector<std::string> released_;
};

// What both entries compute, the step's result first.
std::vector<std::vector<float>> RunEntries(runtime::Executable* executable) {
  const std::vector<int64_t> dims = {2, 1, 64};  // T, S, C
  const auto states = executable->CreateStates(dims);
  EXPECT_TRUE(states.ok()) << states.status();
  const std::vector<float> x = RandomFloats(16, 3), shift = RandomFloats(8, 5);
  std::vector<std::vector<float>> results = {std::vector<float>(16), std::vector<float>(1)};
  const runtime::Program& program = executable->program();
  EXPECT_EQ(executable->Run(program.entry("step"), **states, dims, {x.data()}, results[0].data()),
            absl::OkStatus());
  EXPECT_EQ(executable->Run(program.entry("vision"), **states, dims, {x.data(), shift.data()},
                            results[1].data()),
            absl::OkStatus());
  return results;
}

TEST(Backend, ASecondOneRunsOnItsOwnDeviceWhatTheCpuRuns) {
  const auto module = PlannedTestModule(kModule);
  ASSERT_NE(module, nullptr);
  SpecBackend backend;
  const auto compiled = Compile(*module, &backend, {"step", "vision"}, nullptr);
  ASSERT_TRUE(compiled.ok()) << compiled.status();
  for (const runtime::Kernel& kernel : compiled->program.kernels) {
    EXPECT_THAT(kernel.name, HasSubstr("_spec_"));
    EXPECT_EQ(kernel.fn, nullptr);
  }
  TwoWeights weights;
  auto device = std::make_unique<FarDevice>(&backend.emitted());
  const FarDevice& far = *device;
  auto executable = runtime::Executable::Create(compiled->program, std::move(device));
  ASSERT_TRUE(executable.ok()) << executable.status();
  ASSERT_EQ((*executable)->Load(&weights, nullptr), absl::OkStatus());
  EXPECT_THAT(weights.released(), ElementsAre("first"));
  const int64_t loaded = far.held();
  const auto results = RunEntries(executable->get());
  EXPECT_EQ(far.held(), loaded) << "a run left memory behind";

  const auto native = Compile(*module, Target::Host(), {1, {"step", "vision"}});
  ASSERT_TRUE(native.ok()) << native.status();
  runtime::ThreadPool pool(2);
  auto on_cpu =
      runtime::Executable::Create(native->program, std::make_unique<runtime::CpuDevice>(&pool));
  ASSERT_TRUE(on_cpu.ok()) << on_cpu.status();
  ASSERT_EQ((*on_cpu)->Load(&weights, nullptr), absl::OkStatus());
  const auto expected = RunEntries(on_cpu->get());
  EXPECT_EQ(results[0], expected[0]);
  EXPECT_NEAR(results[1][0], expected[1][0], 1e-5f);
}

TEST(Backend, BothBackEndsGetTheSameListsOfCalls) {
  const auto module = PlannedTestModule(kModule);
  ASSERT_NE(module, nullptr);
  SpecBackend backend;
  const auto second = Compile(*module, &backend, {"step", "vision"}, nullptr);
  const auto cpu = Compile(*module, Target::Host(), {1, {"step", "vision"}});
  ASSERT_TRUE(second.ok() && cpu.ok());
  EXPECT_EQ(second->program.frame_bytes, cpu->program.frame_bytes);
  EXPECT_EQ(second->program.loaded_bytes, cpu->program.loaded_bytes);
  for (const char* entry : {"step", "vision"}) {
    const auto& a = second->program.entry(entry).calls;
    const auto& b = cpu->program.entry(entry).calls;
    ASSERT_EQ(a.size(), b.size());
    for (size_t i = 0; i < a.size(); ++i) {
      EXPECT_EQ(a[i].site, b[i].site);
      EXPECT_EQ(a[i].buffers, b[i].buffers);
      EXPECT_EQ(a[i].joins_previous, b[i].joins_previous);
    }
  }
}

TEST(Backend, EachSpecIsEmittedOnceAndRefusalsAreHandedOn) {
  const auto module = PlannedTestModule(kModule);
  SpecBackend backend;
  ASSERT_TRUE(Compile(*module, &backend, {"step", "vision"}, nullptr).ok());
  // One product each of two vectors and of rows with a vector; the sum; the shift.
  EXPECT_EQ(backend.emitted().size(), 4u);
  EXPECT_THAT(backend.added(), IsEmpty());
  const auto products = PlannedTestModule(R"(
  func @step(%x: f32 tok[T] a[8], %w: f32 a[8] b[8]) -> f32 tok[T] b[8] {
    %y = matmul %x %w over a : f32 tok[T] b[8]
    return %y
  })");
  ASSERT_NE(products, nullptr);
  EXPECT_THAT(std::string(Compile(*products, &backend, {"step"}, nullptr).status().message()),
              HasSubstr("no products here"));
}

TEST(Backend, ADeviceWithoutMemoryRefusesByPurpose) {
  const auto module = PlannedTestModule(R"(
  func @step(%x: f32 tok[T] a[256]) -> f32 tok[T] a[256] {
    %y = exp %x : f32 tok[T] a[256]
    return %y
  })");
  ASSERT_NE(module, nullptr);
  SpecBackend backend;
  const auto compiled = Compile(*module, &backend, {"step"}, nullptr);
  ASSERT_TRUE(compiled.ok()) << compiled.status();
  const auto executable = runtime::Executable::Create(
      compiled->program, std::make_unique<FarDevice>(&backend.emitted()));
  EXPECT_EQ(executable.status(), absl::ResourceExhaustedError("inputs"));
}

}  // namespace
}  // namespace lluda::codegen
