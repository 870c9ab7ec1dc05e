#include "tests/support/compiled_model.h"

#include <utility>

#include "base/status_macros.h"
#include "passes/default_pipeline.h"
#include "passes/pipeline.h"
#include "runtime/cpu_device.h"

namespace lluda::tests {

absl::StatusOr<std::unique_ptr<CompiledModel>> CompiledModel::Compile(
    ir::Module* module, const codegen::Target& target) {
  ASSIGN_OR_RETURN(auto pipeline, passes::Pipeline::Create(passes::DefaultPipeline(), {}));
  RETURN_IF_ERROR(pipeline.Run(module));
  codegen::CompileOptions options;
  options.threads = 2;
  ASSIGN_OR_RETURN(auto compiled, codegen::Compile(*module, target, options));
  return std::unique_ptr<CompiledModel>(new CompiledModel(std::move(compiled)));
}

absl::StatusOr<std::unique_ptr<runtime::Executable>> CompiledModel::Executable(
    runtime::WeightSource* weights, runtime::ThreadPool* pool) const {
  ASSIGN_OR_RETURN(
      auto executable,
      runtime::Executable::Create(compiled_.program, std::make_unique<runtime::CpuDevice>(pool)));
  RETURN_IF_ERROR(executable->Load(weights, nullptr));
  return executable;
}

std::vector<std::string> RunnableIsas() {
  std::vector<std::string> names;
  for (const codegen::Isa isa : codegen::AllIsas()) {
    const std::string name(codegen::IsaName(isa));
    if (codegen::Target::Named(name).ok()) names.push_back(name);
  }
  return names;
}

}  // namespace lluda::tests
