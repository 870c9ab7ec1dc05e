#include "tests/compiled_model.h"

#include <utility>

#include "passes/default_pipeline.h"
#include "passes/pipeline.h"
#include "runtime/cpu_device.h"

namespace lluda::tests {

absl::StatusOr<std::unique_ptr<CompiledModel>> CompiledModel::Compile(
    ir::Module* module, const codegen::Target& target) {
  auto pipeline = passes::Pipeline::Create(passes::DefaultPipeline(), {});
  if (!pipeline.ok()) return pipeline.status();
  if (auto reports = pipeline->Run(module); !reports.ok()) return reports.status();
  codegen::CompileOptions options;
  options.threads = 2;
  auto compiled = codegen::Compile(*module, target, options);
  if (!compiled.ok()) return compiled.status();
  return std::unique_ptr<CompiledModel>(new CompiledModel(*std::move(compiled)));
}

absl::StatusOr<std::unique_ptr<runtime::Executable>> CompiledModel::Executable(
    runtime::WeightSource* weights, runtime::ThreadPool* pool) const {
  auto executable =
      runtime::Executable::Create(compiled_.program, std::make_unique<runtime::CpuDevice>(pool));
  if (!executable.ok()) return executable.status();
  if (absl::Status status = (*executable)->Load(weights, nullptr); !status.ok()) return status;
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
