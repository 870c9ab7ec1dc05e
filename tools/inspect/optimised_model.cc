#include "tools/inspect/optimised_model.h"

#include <map>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "base/step_interface.h"
#include "bundle/layout.h"
#include "codegen/nvptx/gpu_backend.h"
#include "engine/gpu_model.h"
#include "runtime/machine/cpu_count.h"

namespace lluda::tools {
namespace {

// Each part of a call has to be a statement of the module, with a buffer for each operand and the
// result.
absl::Status CheckCalls(const OptimisedModel& model, const runtime::Program& program) {
  const std::map<std::string, const ir::Op*> statements = StatementsByName(*model.module);
  for (const runtime::Entry& entry : program.entries) {
    for (const runtime::Call& call : entry.calls) {
      for (const runtime::CallPart& part : runtime::PartsOf(call)) {
        const auto it = statements.find(StatementOf(part.site));
        if (it == statements.end() ||
            part.buffers != static_cast<uint32_t>(it->second->operand_count()) + 1) {
          return absl::InvalidArgumentError(absl::StrCat(model.bundle()->path(),
                                                         ": is damaged: call ", ToString(part.site),
                                                         " is no statement of its module"));
        }
      }
    }
  }
  return absl::OkStatus();
}

// Without a GPU's name, the newest row: whatever GPU there is, none is needed to look at code.
absl::StatusOr<const codegen::Gpu*> RowOf(const engine::LoadOptions& options) {
  return options.isa == "host" ? &codegen::AllGpus().back() : codegen::FindGpu(options.isa);
}

absl::Status TakeFromBundle(const bundle::Bundle& bundle, NativeProgram* native) {
  if (bundle.is_for_gpu()) {
    ASSIGN_OR_RETURN(bundle::GpuRunnable runnable, bundle.PrepareForGpu());
    native->program = std::move(runnable.program);
    for (auto& [name, kernel] : runnable.part.kernels) native->ptx[name] = std::move(kernel.ptx);
    return absl::OkStatus();
  }
  ASSIGN_OR_RETURN(bundle::Runnable runnable, bundle.Prepare());
  native->program = std::move(runnable.program);
  native->code = std::move(runnable.code);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<OptimisedModel> OpenOptimised(const engine::LoadOptions& options,
                                             engine::Weights weights, const SeeModule& see) {
  const bundle::Bundle* bundle = options.source->bundle();
  ASSIGN_OR_RETURN(codegen::Target target, bundle != nullptr && !bundle->is_for_gpu()
                                               ? codegen::Target::Portable(bundle->isa())
                                               : engine::CpuTargetOf(options.device, options.isa));
  OptimisedModel model;
  model.device = options.device;
  if (options.device == engine::Device::kCuda) {
    ASSIGN_OR_RETURN(model.gpu, RowOf(options));
  }
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
  if (model.bundle() != nullptr) {
    RETURN_IF_ERROR(TakeFromBundle(*model.bundle(), &native));
    RETURN_IF_ERROR(CheckCalls(model, native.program));
    return native;
  }
  const int threads = runtime::UsablePhysicalCores();
  codegen::CompiledModule compiled;
  if (model.device == engine::Device::kCpu) {
    codegen::CompileOptions options;
    options.threads = threads;
    ASSIGN_OR_RETURN(compiled, codegen::Compile(*model.module, model.target, options));
  } else {
    codegen::GpuBackend backend(model.gpu, model.target, codegen::SymbolNames(*model.module),
                                {threads});
    ASSIGN_OR_RETURN(compiled,
                     codegen::Compile(*model.module, &backend, {step_interface::kStep}, nullptr));
    native.ptx = backend.ptx();
  }
  native.program = std::move(compiled.program);
  native.library = std::move(compiled.library);
  return native;
}

codegen::Limit ArithmeticLimit(const codegen::Target& target, engine::Device device, ir::DType a,
                               ir::DType b) {
  if (device == engine::Device::kCpu) return codegen::LimitOfMatmul(target, a, b);
  const bool tensor_cores = a == ir::DType::kBF16 && b == ir::DType::kBF16;
  return tensor_cores ? codegen::Limit::kBf16 : codegen::Limit::kF32;
}

}  // namespace lluda::tools
