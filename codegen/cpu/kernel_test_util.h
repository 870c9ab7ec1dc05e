// What the code generator's tests share: targets, specs and assembly of kernels, and functions
// compiled to be called with plain vectors.
//
//   auto module = ParseTestModule("  func @f(%x: f32 n[8]) -> ...");
//   for (const KernelSpec& spec : SpecsOf(*module)) ... AssemblyOf(spec, target, *module) ...
#ifndef LLUDA_CODEGEN_CPU_KERNEL_TEST_UTIL_H_
#define LLUDA_CODEGEN_CPU_KERNEL_TEST_UTIL_H_

#include <cstdint>
#include <cstring>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "codegen/cpu/cpu_compile.h"
#include "codegen/kernel_library.h"
#include "codegen/kernel_spec.h"
#include "codegen/llvm/target.h"
#include "ir/graph.h"
#include "runtime/executable.h"
#include "runtime/machine/thread_pool.h"

namespace lluda::codegen {

class Emitter;

// All instruction sets this machine can run, oldest first.
std::vector<Target> RunnableTargets();
// A target to compile for and not to run: any instruction set of x86, whatever this machine is.
Target TargetToRead(Isa isa);
// True when this LLVM compiles for x86, so that TargetToRead makes sense.
bool CompilesForX86();

// A module's text in which panels are written by the dtype whose elements they hold, as in
// `@panel($bf16, k)`: with the shape of machine/tiles.def, `@panel(16x2, k)`, or a GPU's.
std::string WithPanels(absl::string_view text,
                       machine::DeviceKind device = machine::DeviceKind::kCpu);
// Parses `body`, with panels so written, inside a module with the symbols T in 1..128, S in 1..4
// and C in 64..2048. Fails the test and returns nullptr when it cannot.
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

// Elements as the dtype stores them, and back. Of i8 they are integers in -127..127.
std::vector<char> Store(ir::DType dtype, const std::vector<float>& values);
std::vector<float> Widen(ir::DType dtype, const std::vector<char>& bytes);
// `count` reproducible numbers in [-1, 1).
std::vector<float> RandomFloats(int64_t count, uint32_t seed);

template <typename T>
std::vector<char> Bytes(const std::vector<T>& values) {
  std::vector<char> bytes(values.size() * sizeof(T));
  std::memcpy(bytes.data(), values.data(), bytes.size());
  return bytes;
}

// A kernel that a test writes with an Emitter, to see what one part of the code generator emits.
//
//   const EmittedKernel kernel(target, [](Emitter& e) {
//     e.Store(e.Buffer(1), ir::DType::kF32, e.Load(e.Buffer(0), ir::DType::kF32, kLanes));
//   });
//   kernel.Run({x.data(), y.data()});
class EmittedKernel {
 public:
  // The symbols are those of ParseTestModule.
  EmittedKernel(const Target& target, const std::function<void(Emitter& e)>& body);

  // Calls it for the work items [0, items).
  void Run(const std::vector<void*>& buffers, int64_t items = 1,
           const std::vector<int64_t>& dims = {1, 1, 64}) const;

 private:
  std::unique_ptr<KernelLibrary> library_;
};

// The function @f of a planned module, compiled, its weights random, to be run on so many threads.
class CompiledFunction {
 public:
  CompiledFunction(const ir::Module& module, const Target& target, int threads = 1);

  // The bytes of the weight `from "source"`.
  const std::vector<char>& weight(const std::string& source) const { return weights_.at(source); }
  // A fresh set of states for these dims.
  std::unique_ptr<runtime::States> NewStates(const std::vector<int64_t>& dims) const;
  // The result of one call, `result_bytes` long.
  std::vector<char> Run(const runtime::States& states, const std::vector<int64_t>& dims,
                        const std::vector<std::vector<char>>& inputs, int64_t result_bytes) const;
  runtime::Executable& executable() const { return *executable_; }

 private:
  runtime::ThreadPool pool_;
  CompiledModule compiled_;
  std::map<std::string, std::vector<char>> weights_;
  std::unique_ptr<runtime::Executable> executable_;
};

}  // namespace lluda::codegen

#endif  // LLUDA_CODEGEN_CPU_KERNEL_TEST_UTIL_H_
