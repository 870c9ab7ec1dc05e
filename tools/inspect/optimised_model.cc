#include "tools/inspect/optimised_model.h"

#include <map>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "bundle/layout.h"
#include "runtime/machine/cpu_count.h"

namespace lluda::tools {
namespace {

// Each call has to be a statement of the module, with a buffer for each operand and the result.
absl::Status CheckCalls(const OptimisedModel& model, const runtime::Program& program) {
  const std::map<std::string, const ir::Op*> statements = StatementsByName(*model.module);
  for (const runtime::Entry& entry : program.entries) {
    for (const runtime::Call& call : entry.calls) {
      const auto it = statements.find(StatementOf(call.site));
      if (it == statements.end() ||
          call.buffers.size() != static_cast<size_t>(it->second->operand_count()) + 1) {
        return absl::InvalidArgumentError(absl::StrCat(model.bundle()->path(),
                                                       ": is damaged: call ", ToString(call.site),
                                                       " is no statement of its module"));
      }
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<OptimisedModel> OpenOptimised(const engine::LoadOptions& options,
                                             engine::Weights weights, const SeeModule& see) {
  const bundle::Bundle* bundle = options.source->bundle();
  ASSIGN_OR_RETURN(codegen::Target target, bundle != nullptr
                                               ? codegen::Target::Portable(bundle->isa())
                                               : codegen::Target::Named(options.isa));
  OptimisedModel model;
  ASSIGN_OR_RETURN(engine::OpenedModule opened,
                   engine::OpenModule(options.source.get(), options, weights));
  static_cast<engine::OpenedModule&>(model) = std::move(opened);
  model.source = options.source;
  model.target = std::move(target);
  model.numbers = options.module;
  model.lluda_version =
      bundle != nullptr ? std::string(bundle->lluda_version()) : bundle::kLludaVersion;
  model.llvm_version =
      bundle != nullptr ? std::string(bundle->llvm_version()) : codegen::LlvmVersion();
  ASSIGN_OR_RETURN(model.history,
                   RunPasses(model.module.get(), see,
                             options.device == engine::Device::kCpu ? machine::DeviceKind::kCpu
                                                                    : machine::DeviceKind::kGpu));
  return model;
}

absl::StatusOr<NativeProgram> NativeProgramOf(const OptimisedModel& model) {
  NativeProgram native;
  if (model.bundle() == nullptr) {
    codegen::CompileOptions options;
    options.threads = runtime::UsablePhysicalCores();
    ASSIGN_OR_RETURN(codegen::CompiledModule compiled,
                     codegen::Compile(*model.module, model.target, options));
    native.program = std::move(compiled.program);
    native.library = std::move(compiled.library);
    return native;
  }
  ASSIGN_OR_RETURN(bundle::Runnable runnable, model.bundle()->Prepare());
  native.program = std::move(runnable.program);
  native.code = std::move(runnable.code);
  RETURN_IF_ERROR(CheckCalls(model, native.program));
  return native;
}

}  // namespace lluda::tools
