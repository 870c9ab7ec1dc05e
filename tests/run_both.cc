#include "tests/run_both.h"

#include <cstring>
#include <map>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "codegen/compile.h"
#include "ir/parser.h"
#include "ir/tensor.h"
#include "passes/pipeline.h"
#include "runtime/executable.h"
#include "runtime/thread_pool.h"
#include "tests/guarded_memory.h"

namespace lluda::tests {
namespace {

// Elements as the dtype stores them.
std::vector<char> ToBytes(const ir::Tensor& tensor) {
  const ir::DType dtype = tensor.type().dtype;
  const int64_t size = ir::DTypeSize(dtype);
  std::vector<char> bytes(static_cast<size_t>(tensor.size() * size));
  for (int64_t i = 0; i < tensor.size(); ++i) {
    char* to = bytes.data() + i * size;
    if (dtype == ir::DType::kF32) {
      std::memcpy(to, &tensor.floats()[i], 4);
    } else if (tensor.is_float()) {
      const float value = tensor.floats()[i];
      const uint16_t bits =
          dtype == ir::DType::kBF16 ? ir::FloatToBF16(value) : ir::FloatToF16(value);
      std::memcpy(to, &bits, 2);
    } else {
      std::memcpy(to, &tensor.ints()[i], static_cast<size_t>(size));  // little-endian
    }
  }
  return bytes;
}

std::vector<float> FromBytes(ir::DType dtype, const std::vector<char>& bytes) {
  std::vector<float> values(bytes.size() / static_cast<size_t>(ir::DTypeSize(dtype)));
  for (size_t i = 0; i < values.size(); ++i) {
    if (dtype == ir::DType::kF32) {
      std::memcpy(&values[i], &bytes[4 * i], 4);
      continue;
    }
    uint16_t bits;
    std::memcpy(&bits, &bytes[2 * i], 2);
    values[i] = dtype == ir::DType::kBF16 ? ir::BF16ToFloat(bits) : ir::F16ToFloat(bits);
  }
  return values;
}

GuardedMemory Guarded(const ir::Tensor& tensor) {
  const std::vector<char> bytes = ToBytes(tensor);
  return GuardedMemory({bytes.data(), bytes.size()});
}

// The random weights' bytes, by tensor name. A kernel that reads past the end of one is found.
class RandomWeights : public runtime::WeightSource {
 public:
  RandomWeights(const ir::Module& module, const RunOptions& options) {
    for (const auto& global : module.globals()) {
      if (global->kind != ir::Global::Kind::kWeight) continue;
      for (int64_t i = 0; i < (global->index ? global->index->count : 1); ++i) {
        bytes_.emplace(ir::SourceName(*global, i), Guarded(RandomWeight(*global, i, options)));
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

}  // namespace

absl::StatusOr<CompiledResult> RunCompiled(const ir::Module& module, absl::string_view func,
                                           const Dims& dims, const codegen::Target& target,
                                           const RunOptions& options) {
  auto compiled = codegen::Compile(module, target, {1, std::string(func)});
  if (!compiled.ok()) return compiled.status();
  CompiledResult result;
  result.kernels = static_cast<int64_t>(compiled->program.kernels.size());
  RandomWeights weights(module, options);
  runtime::ThreadPool pool(options.threads);
  auto executable = runtime::Executable::Create(std::move(compiled->program), &pool);
  if (!executable.ok()) return executable.status();
  if (absl::Status s = (*executable)->Load(&weights, nullptr); !s.ok()) return s;
  std::vector<int64_t> dim_values;
  for (const ir::Symbol& symbol : module.symbols) dim_values.push_back(dims.at(symbol.name));
  auto states = (*executable)->CreateStates(dim_values);
  if (!states.ok()) return states.status();
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
  absl::Status status = (*executable)->Step(**states, dim_values, pointers, output.data());
  if (!status.ok()) return status;
  result.values = FromBytes(result_type.dtype, output);
  return result;
}

absl::StatusOr<BothResults> RunBoth(absl::string_view text, const Dims& dims,
                                    const codegen::Target& target, const RunOptions& options) {
  auto module = ir::ParseModule(text, "test.lluda");
  if (!module.ok()) return module.status();
  auto pipeline = passes::Pipeline::Create({"plan-memory"}, {});
  if (!pipeline.ok()) return pipeline.status();
  if (auto reports = pipeline->Run(module->get()); !reports.ok()) return reports.status();
  auto interpreted = Interpret(**module, "f", dims, options);
  if (!interpreted.ok()) return interpreted.status();
  auto compiled = RunCompiled(**module, "f", dims, target, options);
  if (!compiled.ok()) return compiled.status();
  return BothResults{*std::move(interpreted), std::move(compiled->values), compiled->kernels};
}

}  // namespace lluda::tests
