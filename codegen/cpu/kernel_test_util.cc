#include "codegen/cpu/kernel_test_util.h"

#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "base/random.h"
#include "codegen/cpu/kernel_text.h"
#include "codegen/emit/emitter.h"
#include "codegen/llvm/jit.h"
#include "gtest/gtest.h"
#include "ir/text/parser.h"
#include "ir/type/encoding.h"
#include "llvm/TargetParser/Host.h"
#include "llvm/TargetParser/Triple.h"
#include "passes/pipeline.h"
#include "runtime/cpu_device.h"

namespace lluda::codegen {
namespace {

// Serves the vectors of a CompiledFunction.
class WeightsInMemory : public runtime::WeightSource {
 public:
  explicit WeightsInMemory(const std::map<std::string, std::vector<char>>& weights)
      : weights_(weights) {}
  absl::StatusOr<const void*> Data(const std::string& tensor, int64_t) override {
    return weights_.at(tensor).data();
  }
  void Release(const std::string&, int64_t, int64_t) override {}

 private:
  const std::map<std::string, std::vector<char>>& weights_;
};

}  // namespace

std::vector<Target> RunnableTargets() {
  std::vector<Target> targets;
  for (const Isa isa : AllIsas()) {
    if (auto target = Target::Named(IsaName(isa)); target.ok()) {
      targets.push_back(*std::move(target));
    }
  }
  return targets;
}

Target TargetToRead(Isa isa) {
  Target target;
  target.isa = isa;
  const auto set = [&](Isa row, absl::string_view features, absl::string_view cpu) {
    if (row != isa) return;
    target.cpu = std::string(cpu);
    for (absl::string_view feature : absl::StrSplit(features, ',', absl::SkipEmpty())) {
      target.features.push_back(absl::StrCat("+", feature));
    }
  };
#define LLUDA_ISA(Enum, name, features, cpu) set(Isa::Enum, features, cpu);
#include "machine/isa.def"
#undef LLUDA_ISA
  return target;
}

bool CompilesForX86() { return llvm::Triple(llvm::sys::getProcessTriple()).isX86(); }

std::string WithPanels(absl::string_view text, machine::DeviceKind device) {
  std::map<std::string, std::string> panels;
  for (const TileRow& row : AllTiles()) {
    const ir::PanelShape tile = *PanelShapeOf(device, row.b, row.accumulator);
    panels[absl::StrCat("$", ir::DTypeName(row.b))] = absl::StrCat(tile.rows, "x", tile.depth);
  }
  for (size_t i = 0; i < ir::kDTypeCount; ++i) {
    const auto dtype = static_cast<ir::DType>(i);
    if (!ir::IsBlock(dtype)) continue;
    const ir::PanelShape tile = *PanelShapeOf(device, dtype, ir::DType::kF32);
    panels[absl::StrCat("$", ir::DTypeName(dtype))] = absl::StrCat(tile.rows, "x", tile.depth);
  }
  return absl::StrReplaceAll(text, panels);
}

std::unique_ptr<ir::Module> ParseTestModule(absl::string_view body) {
  auto module = ir::ParseModule(
      absl::StrCat("lluda 1\nmodule @test {\n  symbol T in 1..128\n  symbol S in 1..4\n"
                   "  symbol C in 64..2048\n",
                   WithPanels(body), "\n}\n"),
      "test");
  EXPECT_TRUE(module.ok()) << module.status();
  return module.ok() ? *std::move(module) : nullptr;
}

std::unique_ptr<ir::Module> PlannedTestModule(absl::string_view body) {
  auto module = ParseTestModule(body);
  if (module != nullptr) RunPasses({"plan-memory"}, module.get());
  return module;
}

void RunPasses(const std::vector<std::string>& names, ir::Module* module) {
  auto pipeline = passes::Pipeline::Create(names, {});
  ASSERT_TRUE(pipeline.ok()) << pipeline.status();
  const auto reports = pipeline->Run(module);
  ASSERT_TRUE(reports.ok()) << reports.status();
}

const ir::Op& FindOp(const ir::Module& module, absl::string_view name) {
  const ir::Op* found = nullptr;
  ir::ForEachOp(module, [&](const ir::Op* op) {
    const bool is_value = op->result() != nullptr && op->result()->name == name;
    const bool is_global = op->defined_global != nullptr && op->defined_global->name == name;
    if (is_value || is_global) found = op;
  });
  EXPECT_NE(found, nullptr) << name;
  return *found;
}

std::vector<KernelSpec> SpecsOf(const ir::Module& module) {
  std::vector<KernelSpec> all;
  ir::ForEachOp(module, [&](const ir::Op* op) {
    const bool is_control = op->opcode() == ir::Opcode::kCall || op->opcode() == ir::Opcode::kFor;
    if (is_control || ir::IsTerminator(op->opcode()) || ir::IsView(*op)) return;
    if (op->opcode() == ir::Opcode::kPack) {
      for (PackPart& part : PackParts(*op)) all.push_back(std::move(part.spec));
    } else {
      all.push_back(SpecOf(*op));
    }
  });
  std::vector<KernelSpec> distinct;
  std::set<std::string> keys;
  for (KernelSpec& spec : all) {
    if (keys.insert(KeyOf(spec)).second) distinct.push_back(std::move(spec));
  }
  return distinct;
}

absl::StatusOr<std::string> LlvmIrOf(const KernelSpec& spec, const Target& target,
                                     const ir::Module& module) {
  return KernelText(spec, target, SymbolNames(module), StemOf(spec), KernelForm::kLlvm);
}

absl::StatusOr<std::string> AssemblyOf(const KernelSpec& spec, const Target& target,
                                       const ir::Module& module) {
  return KernelText(spec, target, SymbolNames(module), StemOf(spec), KernelForm::kAssembly);
}

std::vector<char> Store(ir::DType dtype, const std::vector<float>& values) {
  if (dtype == ir::DType::kF32) return Bytes(values);
  if (dtype == ir::DType::kI8) return {values.begin(), values.end()};
  std::vector<uint16_t> halves;
  for (const float value : values) {
    halves.push_back(dtype == ir::DType::kBF16 ? ir::FloatToBF16(value) : ir::FloatToF16(value));
  }
  return Bytes(halves);
}

std::vector<float> Widen(ir::DType dtype, const std::vector<char>& bytes) {
  if (dtype == ir::DType::kI8) {
    const auto* integers = reinterpret_cast<const int8_t*>(bytes.data());
    return {integers, integers + bytes.size()};
  }
  std::vector<float> values(static_cast<size_t>(bytes.size()) /
                            static_cast<size_t>(ir::BytesOf(dtype, 1)));
  for (size_t i = 0; i < values.size(); ++i) {
    if (dtype == ir::DType::kF32) {
      std::memcpy(&values[i], bytes.data() + 4 * i, 4);
      continue;
    }
    uint16_t half;
    std::memcpy(&half, bytes.data() + 2 * i, 2);
    values[i] = dtype == ir::DType::kBF16 ? ir::BF16ToFloat(half) : ir::F16ToFloat(half);
  }
  return values;
}

std::vector<float> RandomFloats(int64_t count, uint32_t seed) {
  std::vector<float> values;
  base::SplitMix64 random(seed);
  for (int64_t i = 0; i < count; ++i) {  // upper 24 bits
    values.push_back(static_cast<float>(random.Next() >> 40) * 0x1p-23f - 1.0f);
  }
  return values;
}

EmittedKernel::EmittedKernel(const Target& target, const std::function<void(Emitter& e)>& body) {
  auto context = std::make_unique<llvm::LLVMContext>();
  auto module = std::make_unique<llvm::Module>("test", *context);
  Emitter e(module.get(), target, "kernel", {"T", "S", "C"});
  body(e);
  e.Finish();
  auto jit = Jit::Create(target, {});
  EXPECT_TRUE(jit.ok()) << jit.status();
  if (!jit.ok()) return;
  EXPECT_EQ((*jit)->AddModule(std::move(context), std::move(module)), absl::OkStatus());
  auto library = std::move(**jit).Compile({"kernel"});
  EXPECT_TRUE(library.ok()) << library.status();
  if (library.ok()) library_ = *std::move(library);
}

void EmittedKernel::Run(const std::vector<void*>& buffers, int64_t items,
                        const std::vector<int64_t>& dims) const {
  const runtime::KernelArgs args{buffers.data(), dims.data(), nullptr, 0, items};
  library_->Find("kernel")(&args);
}

CompiledFunction::CompiledFunction(const ir::Module& module, const Target& target, int threads)
    : pool_(threads) {
  auto compiled = Compile(module, target, {1, {"f"}});
  EXPECT_TRUE(compiled.ok()) << compiled.status();
  if (!compiled.ok()) return;
  compiled_ = *std::move(compiled);
  uint32_t seed = 1;
  for (const auto& global : module.globals()) {
    if (global->kind != ir::Global::Kind::kWeight) continue;
    const int64_t count = ir::ElementCount(global->type, nullptr);
    weights_[global->source] = Store(global->type.dtype, RandomFloats(count, seed++));
  }
  auto executable =
      runtime::Executable::Create(compiled_.program, std::make_unique<runtime::CpuDevice>(&pool_));
  EXPECT_TRUE(executable.ok()) << executable.status();
  if (!executable.ok()) return;
  executable_ = *std::move(executable);
  WeightsInMemory source(weights_);
  EXPECT_EQ(executable_->Load(&source, nullptr), absl::OkStatus());
}

std::unique_ptr<runtime::States> CompiledFunction::NewStates(
    const std::vector<int64_t>& dims) const {
  auto states = executable_->CreateStates(dims);
  EXPECT_TRUE(states.ok()) << states.status();
  return *std::move(states);
}

std::vector<char> CompiledFunction::Run(const runtime::States& states,
                                        const std::vector<int64_t>& dims,
                                        const std::vector<std::vector<char>>& inputs,
                                        int64_t result_bytes) const {
  std::vector<const void*> pointers;
  for (const auto& input : inputs) pointers.push_back(input.data());
  std::vector<char> result(static_cast<size_t>(result_bytes), static_cast<char>(0xFF));
  EXPECT_EQ(
      executable_->Run(executable_->program().entry("f"), states, dims, pointers, result.data()),
      absl::OkStatus());
  return result;
}

}  // namespace lluda::codegen
