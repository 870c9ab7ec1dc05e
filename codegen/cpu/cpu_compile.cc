#include "codegen/cpu/cpu_compile.h"

#include <utility>

#include "base/status_macros.h"
#include "codegen/cpu/cpu_backend.h"
#include "codegen/kernel_set.h"
#include "glog/logging.h"
#include "runtime/loaded_program.h"

namespace lluda::codegen {
namespace {

std::vector<std::string> EntriesOr(const std::vector<std::string>& entries,
                                   const ir::Module& module) {
  return entries.empty() ? EntriesOf(module) : entries;
}

}  // namespace

absl::StatusOr<CompiledModule> Compile(const ir::Module& module, const Target& target,
                                       const CompileOptions& options) {
  CpuBackend backend(target, SymbolNames(module), KernelModules::kPerKernel,
                     {options.threads, options.perf, options.gdb});
  return Compile(module, &backend, EntriesOr(options.entries, module), options.cache);
}

absl::StatusOr<ObjectModule> CompileToObject(const ir::Module& module, const Target& target,
                                             const std::vector<std::string>& entries) {
  CpuBackend backend(target, SymbolNames(module), KernelModules::kOne);
  KernelSet kernels(&backend, SymbolNames(module));
  ASSIGN_OR_RETURN(runtime::Program program,
                   BuildProgram(module, EntriesOr(entries, module), &kernels));
  CHECK(backend.module() != nullptr) << "no statement needs a kernel";
  ASSIGN_OR_RETURN(std::string object, ObjectFile(target, backend.module()));
  return ObjectModule{std::move(program), std::move(object)};
}

absl::StatusOr<StepObject> CompileStepToObject(const ir::Module& module, const Target& target,
                                               const std::string& name, int64_t context,
                                               int64_t max_step) {
  CpuBackend backend(target, SymbolNames(module), KernelModules::kOne);
  KernelSet kernels(&backend, SymbolNames(module));
  ASSIGN_OR_RETURN(runtime::Program program,
                   BuildProgram(module, {step_interface::kStep}, &kernels));
  const runtime::LoadedProgram loaded = runtime::MakeLoadedProgram(program);
  ASSIGN_OR_RETURN(StepMemory memory,
                   EmitStepFunction(loaded.program, name, context, max_step, backend.module()));
  ASSIGN_OR_RETURN(std::string object, ObjectFile(target, backend.module()));
  return StepObject{std::move(object), memory};
}

}  // namespace lluda::codegen
