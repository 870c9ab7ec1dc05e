// Runs one function of a module twice, in the interpreter and as compiled code, on the same random
// weights and arguments.
//
//   absl::StatusOr<BothResults> both = RunBoth(text, {{"T", 5}}, Target::Host(), {});
//   EXPECT_LT(RelativeError(both->compiled, both->interpreted), 1e-6);
#ifndef LLUDA_TESTS_SUPPORT_RUN_BOTH_H_
#define LLUDA_TESTS_SUPPORT_RUN_BOTH_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "codegen/llvm/target.h"
#include "ir/graph.h"
#include "tests/support/random_run.h"

namespace lluda::tests {

struct CompiledResult {
  std::vector<float> values;
  int64_t kernels = 0;
};

// What a module is compiled for and run on: the simulated GPU is that of the newest row of gpus.def, or
// of the oldest.
enum class RunsOn : uint8_t { kCpu, kSimulatedGpu, kSimulatedOldGpu };

// What a table of cases is run on.
struct TestMachine {
  std::string name;        // "avx2", "gpu"
  codegen::Target target;  // of the CPU, be it that it simulates
  RunsOn runs_on = RunsOn::kCpu;

  machine::DeviceKind kind() const {
    return runs_on == RunsOn::kCpu ? machine::DeviceKind::kCpu : machine::DeviceKind::kGpu;
  }
};
// All instruction sets that this machine can run, and a simulated GPU.
std::vector<TestMachine> AllTestMachines();
// A simulated GPU that multiplies many rows in another way.
TestMachine OldGpu();

// Compiles a planned module and runs one step of `func` on it.
absl::StatusOr<CompiledResult> RunCompiled(const ir::Module& module, absl::string_view func,
                                           const Dims& dims, const codegen::Target& target,
                                           const RunOptions& options,
                                           RunsOn runs_on = RunsOn::kCpu);

struct BothResults {
  std::vector<float> interpreted;
  std::vector<float> compiled;
  int64_t kernels = 0;
};

// Runs `@f` of the module's text, which is planned first.
absl::StatusOr<BothResults> RunBoth(absl::string_view text, const Dims& dims,
                                    const codegen::Target& target, const RunOptions& options,
                                    RunsOn runs_on = RunsOn::kCpu);

}  // namespace lluda::tests

#endif  // LLUDA_TESTS_SUPPORT_RUN_BOTH_H_
