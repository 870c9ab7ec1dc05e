// Runs a function of a module in the interpreter on seeded random weights and arguments.
//
//   absl::StatusOr<std::vector<float>> result = Interpret(module, "f", {{"T", 5}}, {});
#ifndef LLUDA_TESTS_SUPPORT_RANDOM_RUN_H_
#define LLUDA_TESTS_SUPPORT_RANDOM_RUN_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "ir/graph.h"
#include "ir/interpreter/tensor.h"

namespace lluda::tests {

// A value for every symbol of a module.
using Dims = std::map<std::string, int64_t>;

struct RunOptions {
  int threads = 1;
  uint32_t seed = 1;
  float spread = 1.0f;         // standard deviation of float arguments
  float weight_spread = 1.0f;  // and of weights
  // Integer arguments by parameter name; an argument that is not named counts 0, 1, 2, ...
  std::map<std::string, std::vector<int64_t>> integers;
};

// Seeded normal numbers rounded to the type's dtype; the same for the same seed on every machine.
ir::Tensor RandomTensor(const ir::Type& type, uint32_t seed, float spread);

// The elements of a weight, which depend on the seed and its source's name only.
ir::Tensor RandomWeight(const ir::Global& weight, int64_t index, const RunOptions& options);

// One tensor for each parameter.
std::vector<ir::Tensor> RandomArguments(const ir::Func& func, const Dims& dims,
                                        const RunOptions& options);

// What the function computes, the load block run before it.
absl::StatusOr<std::vector<float>> Interpret(const ir::Module& module, absl::string_view func,
                                             const Dims& dims, const RunOptions& options);

// The type with numbers for its symbols, row-major.
ir::Type Concrete(ir::Type type, const Dims& dims);

// ||a - b|| / ||b||; infinity when the sizes differ or one of them holds a NaN the other does not.
double RelativeError(const std::vector<float>& a, const std::vector<float>& b);

}  // namespace lluda::tests

#endif  // LLUDA_TESTS_SUPPORT_RANDOM_RUN_H_
