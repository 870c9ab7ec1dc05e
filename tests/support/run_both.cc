#include "tests/support/run_both.h"

#include <cstring>
#include <map>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "codegen/cpu/cpu_compile.h"
#include "codegen/nvptx/gpu_backend.h"
#include "ir/interpreter/tensor.h"
#include "ir/text/parser.h"
#include "ir/type/layout.h"
#include "passes/pipeline.h"
#include "runtime/cpu_device.h"
#include "runtime/executable.h"
#include "runtime/gpu/simulated_gpu.h"
#include "runtime/machine/thread_pool.h"
#include "tests/support/guarded_memory.h"

namespace lluda::tests {
namespace {

// Elements as the dtype stores them.
std::vector<char> ToBytes(const ir::Tensor& tensor) {
  const ir::DType dtype = tensor.type().dtype;
  std::vector<char> bytes(static_cast<size_t>(ir::BytesOf(dtype, tensor.size())));
  if (tensor.is_blocks()) {
    std::memcpy(bytes.data(), tensor.blocks().data(), bytes.size());
    return bytes;
  }
  for (int64_t i = 0; i < tensor.size(); ++i) {
    tensor.WriteElement(i, bytes.data() + ir::BytesOf(dtype, i));
  }
  return bytes;
}

GuardedMemory Guarded(const ir::Tensor& tensor) {
  const std::vector<char> bytes = ToBytes(tensor);
  return GuardedMemory({bytes.data(), bytes.size()});
}

// `count` parts of the same size.
std::vector<GuardedMemory> GuardedParts(const ir::Tensor& tensor, size_t count) {
  const std::vector<char> bytes = ToBytes(tensor);
  const size_t size = bytes.size() / count;
  std::vector<GuardedMemory> parts;
  for (size_t i = 0; i < count; ++i)
    parts.emplace_back(absl::MakeConstSpan(&bytes[i * size], size));
  return parts;
}

// The random weights' bytes, by tensor name. A kernel that reads past the end of one is found.
class RandomWeights : public runtime::WeightSource {
 public:
  RandomWeights(const ir::Module& module, const RunOptions& options) {
    for (const auto& global : module.globals()) {
      if (global->kind != ir::Global::Kind::kWeight) continue;
      for (int64_t i = 0; i < (global->index ? global->index->count : 1); ++i) {
        const ir::Tensor weight = RandomWeight(*global, i, options);
        bytes_.emplace(ir::SourceName(*global, i), Guarded(weight));
        if (!ir::IsStacked(*global)) continue;
        const std::vector<std::string> names = ir::SourceNames(*global, i);
        std::vector<GuardedMemory> parts = GuardedParts(weight, names.size());
        for (size_t part = 0; part < names.size(); ++part) {
          bytes_.emplace(names[part], std::move(parts[part]));
        }
      }
    }
  }

  absl::StatusOr<const void*> Data(const std::string& tensor, int64_t bytes) override {
    const auto it = bytes_.find(tensor);
    if (it == bytes_.end()) return absl::NotFoundError(tensor);
    if (static_cast<int64_t>(it->second.size()) != bytes) {
      return absl::InvalidArgumentError(absl::StrCat(tensor, " has another size"));
    }
    return it->second.data();
  }
  void Release(const std::string&, int64_t, int64_t) override {}

 private:
  std::map<std::string, GuardedMemory> bytes_;
};

absl::StatusOr<codegen::CompiledModule> CompileFor(RunsOn runs_on, const ir::Module& module,
                                                   absl::string_view func,
                                                   const codegen::Target& target) {
  const std::vector<std::string> entries = {std::string(func)};
  if (runs_on == RunsOn::kCpu) return codegen::Compile(module, target, {1, entries});
  const codegen::Gpu& row =
      runs_on == RunsOn::kSimulatedGpu ? codegen::AllGpus().back() : codegen::AllGpus().front();
  codegen::GpuBackend backend(nullptr, target, codegen::SymbolNames(module), {}, row);
  return codegen::Compile(module, &backend, entries, nullptr);
}

std::unique_ptr<runtime::Device> DeviceFor(RunsOn runs_on, runtime::ThreadPool* pool) {
  if (runs_on == RunsOn::kCpu) return std::make_unique<runtime::CpuDevice>(pool);
  return std::make_unique<runtime::SimulatedGpu>(pool);
}

}  // namespace

std::vector<TestMachine> AllTestMachines() {
  std::vector<TestMachine> machines;
  for (const codegen::Isa isa : codegen::AllIsas()) {
    const std::string name(codegen::IsaName(isa));
    auto target = codegen::Target::Named(name);
    if (target.ok()) machines.push_back({name, *std::move(target), RunsOn::kCpu});
  }
  machines.push_back({"gpu", codegen::Target::Host(), RunsOn::kSimulatedGpu});
  return machines;
}

TestMachine OldGpu() { return {"old_gpu", codegen::Target::Host(), RunsOn::kSimulatedOldGpu}; }

absl::StatusOr<CompiledResult> RunCompiled(const ir::Module& module, absl::string_view func,
                                           const Dims& dims, const codegen::Target& target,
                                           const RunOptions& options, RunsOn runs_on) {
  ASSIGN_OR_RETURN(auto compiled, CompileFor(runs_on, module, func, target));
  CompiledResult result;
  result.kernels = static_cast<int64_t>(compiled.program.kernels.size());
  RandomWeights weights(module, options);
  runtime::ThreadPool pool(options.threads);
  ASSIGN_OR_RETURN(auto executable, runtime::Executable::Create(std::move(compiled.program),
                                                                DeviceFor(runs_on, &pool)));
  RETURN_IF_ERROR(executable->Load(&weights, nullptr));
  std::vector<int64_t> dim_values;
  for (const ir::Symbol& symbol : module.symbols) dim_values.push_back(dims.at(symbol.name));
  ASSIGN_OR_RETURN(auto states, executable->CreateStates(dim_values));
  const ir::Func& entry = *module.FindFunc(func);
  std::vector<GuardedMemory> inputs;
  std::vector<const void*> pointers;
  for (const ir::Tensor& argument : RandomArguments(entry, dims, options)) {
    inputs.push_back(Guarded(argument));
  }
  for (const GuardedMemory& input : inputs) pointers.push_back(input.data());
  const ir::Type result_type = Concrete(entry.result_type, dims);
  const int64_t bytes = ir::ByteSize(result_type, nullptr);
  // Poisoned, so that an element nobody wrote is seen.
  std::vector<char> output(static_cast<size_t>(bytes), static_cast<char>(0xFF));
  RETURN_IF_ERROR(
      (executable)
          ->Run(executable->program().entry(func), *states, dim_values, pointers, output.data()));
  ir::Tensor values(result_type);
  for (int64_t i = 0; i < values.size(); ++i) {
    values.ReadElement(i, output.data() + ir::BytesOf(result_type.dtype, i));
  }
  result.values = values.floats();
  return result;
}

absl::StatusOr<BothResults> RunBoth(absl::string_view text, const Dims& dims,
                                    const codegen::Target& target, const RunOptions& options,
                                    RunsOn runs_on) {
  ASSIGN_OR_RETURN(auto module, ir::ParseModule(text, "test.lluda"));
  ASSIGN_OR_RETURN(auto pipeline, passes::Pipeline::Create({"plan-memory"}, {}));
  RETURN_IF_ERROR(pipeline.Run(module.get()));
  ASSIGN_OR_RETURN(auto interpreted, Interpret(*module, "f", dims, options));
  ASSIGN_OR_RETURN(auto compiled, RunCompiled(*module, "f", dims, target, options, runs_on));
  return BothResults{std::move(interpreted), std::move(compiled.values), compiled.kernels};
}

}  // namespace lluda::tests
