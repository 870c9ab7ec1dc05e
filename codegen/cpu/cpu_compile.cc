#include "codegen/cpu/cpu_compile.h"

#include <utility>

#include "codegen/cpu/cpu_backend.h"
#include "codegen/kernel_set.h"
#include "glog/logging.h"
#include "runtime/loaded_program.h"

namespace lluda::codegen {

absl::StatusOr<CompiledModule> Compile(const ir::Module& module, const Target& target,
                                       const CompileOptions& options) {
  CpuBackend backend(target, SymbolNames(module), Units::kPerKernel,
                     {options.threads, options.perf, options.gdb});
  return Compile(module, &backend, options.entries, options.cache);
}

absl::StatusOr<ObjectModule> CompileToObject(const ir::Module& module, const Target& target,
                                             const std::vector<std::string>& entries) {
  CpuBackend backend(target, SymbolNames(module), Units::kOne);
  KernelSet kernels(&backend, SymbolNames(module));
  absl::StatusOr<runtime::Program> program = BuildProgram(module, entries, &kernels);
  if (!program.ok()) return program.status();
  CHECK(backend.module() != nullptr) << "no statement needs a kernel";
  absl::StatusOr<std::string> object = ObjectFile(target, backend.module());
  if (!object.ok()) return object.status();
  return ObjectModule{*std::move(program), *std::move(object)};
}

absl::StatusOr<StepObject> CompileStepToObject(const ir::Module& module, const Target& target,
                                               const std::string& name, int64_t context,
                                               int64_t max_step) {
  CpuBackend backend(target, SymbolNames(module), Units::kOne);
  KernelSet kernels(&backend, SymbolNames(module));
  absl::StatusOr<runtime::Program> program =
      BuildProgram(module, {step_interface::kStep}, &kernels);
  if (!program.ok()) return program.status();
  const runtime::LoadedProgram loaded = runtime::MakeLoadedProgram(*program);
  absl::StatusOr<StepMemory> memory =
      EmitStepFunction(loaded.program, name, context, max_step, backend.module());
  if (!memory.ok()) return memory.status();
  absl::StatusOr<std::string> object = ObjectFile(target, backend.module());
  if (!object.ok()) return object.status();
  return StepObject{*std::move(object), *memory};
}

}  // namespace lluda::codegen
