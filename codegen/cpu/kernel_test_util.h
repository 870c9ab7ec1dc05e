// What the code generator's tests share: targets, specs and assembly of kernels, and functions
// compiled to be called with plain vectors.
//
//   auto module = ParseTestModule("  func @f(%x: f32 n[8]) -> ...");
//   for (const KernelSpec& spec : SpecsOf(*module)) ... AssemblyOf(spec, target, *module) ...
#ifndef LLUDA_CODEGEN_CPU_KERNEL_TEST_UTIL_H_
#define LLUDA_CODEGEN_CPU_KERNEL_TEST_UTIL_H_

#include <cstdint>
#include <cstring>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "codegen/cpu/cpu_compile.h"
#include "codegen/kernel_spec.h"
#include "codegen/llvm/target.h"
#include "ir/graph.h"
#include "runtime/executable.h"
#include "runtime/machine/thread_pool.h"

namespace lluda::codegen {

// All instruction sets this machine can run, oldest first.
std::vector<Target> RunnableTargets();
// A target to compile for and not to run: any instruction set of x86, whatever this machine is.
Target TargetToRead(Isa isa);
// True when this LLVM compiles for x86, so that TargetToRead makes sense.
bool CompilesForX86();

// Parses `body` inside a module with the symbols T in 1..128, S in 1..4 and C in 64..2048. Fails
// the test and returns nullptr when it cannot.
std::unique_ptr<ir::Module> ParseTestModule(absl::string_view body);
// The same text after plan-memory.
std::unique_ptr<ir::Module> PlannedTestModule(absl::string_view body);
// Runs passes by name; fails the test when one does.
void RunPasses(const std::vector<std::string>& names, ir::Module* module);

// The op whose result or defined global has this name.
const ir::Op& FindOp(const ir::Module& module, absl::string_view name);
// The specs of the kernels that the module's ops ask for, each once, in order.
std::vector<KernelSpec> SpecsOf(const ir::Module& module);
// The text of the kernel's LLVM IR, and its assembly.
absl::StatusOr<std::string> LlvmIrOf(const KernelSpec& spec, const Target& target,
                                     const ir::Module& module);
absl::StatusOr<std::string> AssemblyOf(const KernelSpec& spec, const Target& target,
                                       const ir::Module& module);

// Elements as the dtype stores them.
std::vector<char> Store(ir::DType dtype, const std::vector<float>& values);
// `count` reproducible numbers in [-1, 1).
std::vector<float> RandomFloats(int64_t count, uint32_t seed);

template <typename T>
std::vector<char> Bytes(const std::vector<T>& values) {
  std::vector<char> bytes(values.size() * sizeof(T));
  std::memcpy(bytes.data(), values.data(), bytes.size());
  return bytes;
}

// The function @f of a planned module, compiled, its weights random, to be run on so many threads.
class CompiledFunction {
 public:
  CompiledFunction(const ir::Module& module, const Target& target, int threads = 1);

  // A fresh set of states for these dims.
  std::unique_ptr<runtime::States> NewStates(const std::vector<int64_t>& dims) const;
  // The result of one call, `result_bytes` long.
  std::vector<char> Run(const runtime::States& states, const std::vector<int64_t>& dims,
                        const std::vector<std::vector<char>>& inputs, int64_t result_bytes) const;

 private:
  runtime::ThreadPool pool_;
  CompiledModule compiled_;
  std::map<std::string, std::vector<char>> weights_;
  std::unique_ptr<runtime::Executable> executable_;
};

}  // namespace lluda::codegen

#endif  // LLUDA_CODEGEN_CPU_KERNEL_TEST_UTIL_H_
