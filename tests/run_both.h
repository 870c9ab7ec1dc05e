// Runs one function of a module twice, in the interpreter and as compiled code, on the same random
// weights and arguments.
//
//   absl::StatusOr<BothResults> both = RunBoth(text, {{"T", 5}}, Target::Host(), {});
//   EXPECT_THAT(both->compiled, ElementsAreClose(both->interpreted));
#ifndef LLUDA_TESTS_RUN_BOTH_H_
#define LLUDA_TESTS_RUN_BOTH_H_

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "codegen/target.h"
#include "ir/graph.h"
#include "ir/tensor.h"

namespace lluda::tests {

struct RunOptions {
  int threads = 1;
  uint32_t seed = 1;
  float spread = 1.0f;  // standard deviation of float arguments and weights
  // Integer arguments by parameter name; an argument that is not named counts 0, 1, 2, ...
  std::map<std::string, std::vector<int64_t>> integers;
};

struct BothResults {
  std::vector<float> interpreted;
  std::vector<float> compiled;
  int64_t kernels = 0;
};

// Runs `@f` of the module's text, which is planned first. Dims name every symbol.
absl::StatusOr<BothResults> RunBoth(absl::string_view text,
                                    const std::map<std::string, int64_t>& dims,
                                    const codegen::Target& target, const RunOptions& options);

// Seeded normal numbers rounded to the type's dtype; the same for the same seed on every machine.
ir::Tensor RandomTensor(const ir::Type& type, uint32_t seed, float spread);

// ||a - b|| / ||b||; infinity when one of them holds a NaN the other does not.
double RelativeError(const std::vector<float>& a, const std::vector<float>& b);

}  // namespace lluda::tests

#endif  // LLUDA_TESTS_RUN_BOTH_H_
