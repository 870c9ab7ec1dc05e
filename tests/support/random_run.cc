#include "tests/support/random_run.h"

#include <cmath>
#include <cstring>
#include <limits>
#include <utility>

#include "base/random.h"
#include "base/status_macros.h"
#include "ir/interpreter/interpreter.h"
#include "ir/type/blocks.h"
#include "ir/type/encoding.h"

namespace lluda::tests {
namespace {

uint32_t SeedOf(absl::string_view name, uint32_t seed) {
  for (char c : name) seed = (seed ^ static_cast<uint8_t>(c)) * 16777619u;
  return seed;
}

// Blocks of any bytes, with f16s as if they were the elements of a smaller spread.
ir::Tensor RandomBlocks(const ir::Type& type, uint32_t seed, float spread) {
  constexpr float kScale = 0x1p-6f;
  ir::Tensor tensor(type);
  base::SplitMix64 random(seed * 0x9E3779B97F4A7C15ull + 1);
  std::vector<std::byte>& bytes = tensor.mutable_blocks();
  for (std::byte& byte : bytes) byte = static_cast<std::byte>(random.Next() >> 56);
  const auto size = static_cast<size_t>(ir::EncodingOf(type.dtype).bytes);
  for (size_t block = 0; block < bytes.size(); block += size) {
    // Powers of two near 1.
    if (type.dtype == ir::DType::kMXFP4)
      bytes[block] = (bytes[block] & std::byte{7}) | std::byte{120};
    if (type.dtype == ir::DType::kQ8F32 || type.dtype == ir::DType::kF8F32) {
      const auto scale = static_cast<float>((2 * random.NextUnit() - 1) * spread * kScale);
      std::memcpy(bytes.data() + block, &scale, sizeof(scale));
    }
    if (type.dtype == ir::DType::kF8F32) {  // no NaNs
      for (size_t i = block + sizeof(float); i < block + size; ++i) {
        if ((bytes[i] & std::byte{127}) == std::byte{127}) bytes[i] &= std::byte{254};
      }
    }
    for (const int64_t at : ir::HalvesOfBlock(type.dtype)) {
      const double unit = 2 * random.NextUnit() - 1;
      const uint16_t half = ir::FloatToF16(static_cast<float>(unit) * spread * kScale);
      std::memcpy(bytes.data() + block + at, &half, sizeof(half));
    }
  }
  return tensor;
}

}  // namespace

ir::Type Concrete(ir::Type type, const Dims& dims) {
  for (ir::Axis& axis : type.axes) {
    if (!axis.extent.is_constant()) axis.extent = ir::Extent::Constant(dims.at(axis.extent.symbol));
  }
  type.layout = {};
  return type;
}

ir::Tensor RandomTensor(const ir::Type& type, uint32_t seed, float spread) {
  ir::Tensor tensor(type);
  base::SplitMix64 random(seed * 0x9E3779B97F4A7C15ull + 1);
  for (int64_t i = 0; i < tensor.size(); ++i) {
    double sum = -6;  // twelve uniforms: normal enough, and no logarithm to differ between machines
    for (int k = 0; k < 12; ++k) sum += static_cast<double>(random.Next() >> 40) * 0x1p-24;
    tensor.Store(i, sum * spread);
  }
  return tensor;
}

ir::Tensor RandomWeight(const ir::Global& weight, int64_t index, const RunOptions& options) {
  const uint32_t seed = SeedOf(ir::SourceName(weight, index), options.seed);
  const auto random = ir::IsBlock(weight.type.dtype) ? RandomBlocks : RandomTensor;
  return random(weight.type, seed, options.weight_spread);
}

std::vector<ir::Tensor> RandomArguments(const ir::Func& func, const Dims& dims,
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

absl::StatusOr<std::vector<float>> Interpret(const ir::Module& module, absl::string_view func,
                                             const Dims& dims, const RunOptions& options) {
  ir::Environment environment;
  environment.symbols = dims;
  environment.weights = [&](const ir::Global& weight, int64_t index) {
    return absl::StatusOr<ir::Tensor>(RandomWeight(weight, index, options));
  };
  ASSIGN_OR_RETURN(auto interpreter, ir::Interpreter::Create(&module, environment));
  RETURN_IF_ERROR(interpreter.RunLoad());
  ASSIGN_OR_RETURN(auto result,
                   interpreter.Call(func, RandomArguments(*module.FindFunc(func), dims, options)));
  return result.floats();
}

double RelativeError(const std::vector<float>& a, const std::vector<float>& b) {
  if (a.size() != b.size()) return std::numeric_limits<double>::infinity();
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

}  // namespace lluda::tests
