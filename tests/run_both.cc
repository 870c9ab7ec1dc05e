#include "tests/run_both.h"

#include <cmath>
#include <cstring>
#include <limits>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "codegen/compile.h"
#include "ir/interpreter.h"
#include "ir/parser.h"
#include "passes/pipeline.h"
#include "runtime/executable.h"

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

ir::Type Concrete(ir::Type type, const std::map<std::string, int64_t>& dims) {
  for (ir::Axis& axis : type.axes) {
    if (!axis.extent.is_constant()) axis.extent = ir::Extent::Constant(dims.at(axis.extent.symbol));
  }
  type.layout = {};
  return type;
}

uint32_t SeedOf(absl::string_view name, uint32_t seed) {
  for (char c : name) seed = (seed ^ static_cast<uint8_t>(c)) * 16777619u;
  return seed;
}

// The random weights, by tensor name.
class RandomWeights : public runtime::WeightSource {
 public:
  RandomWeights(const ir::Module& module, const RunOptions& options) {
    for (const auto& global : module.globals()) {
      if (global->kind != ir::Global::Kind::kWeight) continue;
      for (int64_t i = 0; i < (global->index ? global->index->count : 1); ++i) {
        const std::string name = ir::SourceName(*global, i);
        tensors_[name] = RandomTensor(global->type, SeedOf(name, options.seed), options.spread);
        bytes_[name] = ToBytes(tensors_[name]);
      }
    }
  }

  const ir::Tensor& Find(const std::string& name) const { return tensors_.at(name); }

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
  std::map<std::string, ir::Tensor> tensors_;
  std::map<std::string, std::vector<char>> bytes_;
};

std::vector<ir::Tensor> MakeArguments(const ir::Func& func,
                                      const std::map<std::string, int64_t>& dims,
                                      const RunOptions& options) {
  std::vector<ir::Tensor> arguments;
  for (const auto& param : func.params()) {
    const ir::Type type = Concrete(param->type, dims);
    if (ir::IsFloat(type.dtype)) {
      arguments.push_back(RandomTensor(type, SeedOf(param->name, options.seed), options.spread));
      continue;
    }
    const auto given = options.integers.find(param->name);
    ir::Tensor tensor(type);
    for (int64_t i = 0; i < tensor.size(); ++i) {
      tensor.mutable_ints()[i] = given == options.integers.end() ? i : given->second[i];
    }
    arguments.push_back(std::move(tensor));
  }
  return arguments;
}

absl::StatusOr<std::vector<float>> Interpret(const ir::Module& module,
                                             const std::map<std::string, int64_t>& dims,
                                             const RandomWeights& weights,
                                             const std::vector<ir::Tensor>& arguments) {
  ir::Environment environment;
  environment.symbols = dims;
  environment.weights = [&](const ir::Global& weight, int64_t index) {
    return absl::StatusOr<ir::Tensor>(weights.Find(ir::SourceName(weight, index)));
  };
  auto interpreter = ir::Interpreter::Create(&module, environment);
  if (!interpreter.ok()) return interpreter.status();
  if (absl::Status s = interpreter->RunLoad(); !s.ok()) return s;
  auto result = interpreter->Call("f", arguments);
  if (!result.ok()) return result.status();
  return result->floats();
}

}  // namespace

ir::Tensor RandomTensor(const ir::Type& type, uint32_t seed, float spread) {
  ir::Tensor tensor(type);
  uint64_t state = seed * 0x9E3779B97F4A7C15ull + 1;
  const auto uniform = [&] {  // SplitMix64 (Steele, Lea and Flood 2014), top 24 bits
    uint64_t z = (state += 0x9E3779B97F4A7C15ull);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ull;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBull;
    return static_cast<double>((z ^ (z >> 31)) >> 40) / 16777216.0;
  };
  for (int64_t i = 0; i < tensor.size(); ++i) {
    double sum = -6;  // twelve uniforms: normal enough, and no logarithm to differ between machines
    for (int k = 0; k < 12; ++k) sum += uniform();
    tensor.Store(i, sum * spread);
  }
  return tensor;
}

double RelativeError(const std::vector<float>& a, const std::vector<float>& b) {
  double error = 0, norm = 0;
  for (size_t i = 0; i < b.size(); ++i) {
    if (std::isnan(a[i]) != std::isnan(b[i])) return std::numeric_limits<double>::infinity();
    if (std::isnan(a[i]) || a[i] == b[i]) continue;  // equal infinities too
    error += (double{a[i]} - b[i]) * (double{a[i]} - b[i]);
  }
  for (float value : b) {
    if (std::isfinite(value)) norm += double{value} * value;
  }
  return norm == 0 ? std::sqrt(error) : std::sqrt(error / norm);
}

absl::StatusOr<BothResults> RunBoth(absl::string_view text,
                                    const std::map<std::string, int64_t>& dims,
                                    const codegen::Target& target, const RunOptions& options) {
  auto module = ir::ParseModule(text, "test.lluda");
  if (!module.ok()) return module.status();
  auto pipeline = passes::Pipeline::Create({"plan-memory"}, {});
  if (!pipeline.ok()) return pipeline.status();
  if (auto reports = pipeline->Run(module->get()); !reports.ok()) return reports.status();
  RandomWeights weights(**module, options);
  const ir::Func& func = *(*module)->FindFunc("f");
  const std::vector<ir::Tensor> arguments = MakeArguments(func, dims, options);
  BothResults results;
  auto interpreted = Interpret(**module, dims, weights, arguments);
  if (!interpreted.ok()) return interpreted.status();
  results.interpreted = *std::move(interpreted);

  auto compiled = codegen::Compile(**module, target, {1, "f"});
  if (!compiled.ok()) return compiled.status();
  results.kernels = static_cast<int64_t>(compiled->program.kernels.size());
  runtime::ThreadPool pool(options.threads);
  auto executable = runtime::Executable::Create(std::move(compiled->program), &pool);
  if (!executable.ok()) return executable.status();
  if (absl::Status s = (*executable)->Load(&weights, nullptr); !s.ok()) return s;
  std::vector<int64_t> dim_values;
  for (const ir::Symbol& symbol : (*module)->symbols) dim_values.push_back(dims.at(symbol.name));
  auto states = (*executable)->CreateStates(dim_values);
  if (!states.ok()) return states.status();
  std::vector<std::vector<char>> inputs;
  std::vector<const void*> pointers;
  for (const ir::Tensor& argument : arguments) inputs.push_back(ToBytes(argument));
  for (const auto& input : inputs) pointers.push_back(input.data());
  const ir::Type result_type = Concrete(func.result_type, dims);
  const int64_t bytes = ir::ByteSize(result_type, nullptr);
  // Poisoned, so that an element nobody wrote is seen.
  std::vector<char> output(static_cast<size_t>(bytes), static_cast<char>(0xFF));
  if (absl::Status s = (*executable)->Step(**states, dim_values, pointers, output.data());
      !s.ok()) {
    return s;
  }
  results.compiled = FromBytes(result_type.dtype, output);
  return results;
}

}  // namespace lluda::tests
