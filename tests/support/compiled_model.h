// An optimised module compiled for a target and loaded with a checkpoint's weights.
//
//   auto program = CompiledModel::Compile(&module, target);     // runs the passes, then LLVM
//   auto executable = (*program)->Executable(&weights, &pool);  // as often as wanted
#ifndef LLUDA_TESTS_SUPPORT_COMPILED_MODEL_H_
#define LLUDA_TESTS_SUPPORT_COMPILED_MODEL_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "codegen/cpu/cpu_compile.h"
#include "codegen/llvm/target.h"
#include "ir/graph.h"
#include "runtime/executable.h"
#include "runtime/machine/thread_pool.h"

namespace lluda::tests {

class CompiledModel {
 public:
  // Runs the default pipeline on `module` and compiles @step.
  static absl::StatusOr<std::unique_ptr<CompiledModel>> Compile(ir::Module* module,
                                                                const codegen::Target& target);

  // The program with its load list run; the source, the pool and this object must outlive it.
  absl::StatusOr<std::unique_ptr<runtime::Executable>> Executable(runtime::WeightSource* weights,
                                                                  runtime::ThreadPool* pool) const;

 private:
  explicit CompiledModel(codegen::CompiledModule compiled) : compiled_(std::move(compiled)) {}

  codegen::CompiledModule compiled_;
};

// The instruction sets that this CPU can run, oldest first.
std::vector<std::string> RunnableIsas();

}  // namespace lluda::tests

#endif  // LLUDA_TESTS_SUPPORT_COMPILED_MODEL_H_
