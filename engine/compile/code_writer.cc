#include "engine/compile/code_writer.h"

#include <string>
#include <utility>
#include <vector>

#include "base/status_macros.h"
#include "bundle/code.h"
#include "codegen/cpu/cpu_compile.h"
#include "codegen/llvm/image.h"
#include "codegen/llvm/target.h"
#include "engine/gpu_model.h"
#include "runtime/cpu_device.h"

namespace lluda::engine {
namespace {

std::vector<std::string> KernelNames(const runtime::Program& program) {
  std::vector<std::string> names;
  for (const runtime::Kernel& kernel : program.kernels) names.push_back(kernel.name);
  return names;
}

class CpuCodeWriter : public CodeWriter {
 public:
  explicit CpuCodeWriter(codegen::Target target) : target_(std::move(target)) {}

  absl::StatusOr<LoadableProgram> Compile(const ir::Module& module,
                                          runtime::ThreadPool* pool) override {
    ASSIGN_OR_RETURN(compiled_, codegen::CompileToObject(module, target_));
    ASSIGN_OR_RETURN(const codegen::Image image,
                     codegen::LinkImage(compiled_.object, KernelNames(compiled_.program)));
    ASSIGN_OR_RETURN(code_,
                     bundle::Code::Load(image.bytes, static_cast<uint64_t>(image.code_offset)));
    for (size_t i = 0; i < compiled_.program.kernels.size(); ++i) {
      compiled_.program.kernels[i].fn = code_.At(static_cast<uint64_t>(image.entries[i]));
    }
    return LoadableProgram{std::move(compiled_.program),
                           std::make_unique<runtime::CpuDevice>(pool)};
  }

  absl::Status Write(bundle::Contents* contents) override {
    ASSIGN_OR_RETURN(image_, codegen::LinkImage(compiled_.object, KernelNames(contents->program)));
    contents->entries = image_.entries;
    contents->code = image_.bytes;
    contents->code_start = static_cast<uint64_t>(image_.code_offset);
    contents->isa = std::string(codegen::IsaName(target_.isa));
    contents->cpu_features = target_.EnabledFeatures();
    return absl::OkStatus();
  }

 private:
  codegen::Target target_;
  codegen::ObjectModule compiled_;
  bundle::Code code_;     // what loads the weights
  codegen::Image image_;  // what is written
};

// The GPU need not be here: a simulated one runs the load block, by the very same kernels.
class GpuCodeWriter : public CodeWriter {
 public:
  GpuCodeWriter(GpuModel gpu, GpuModel simulated, int threads)
      : gpu_(std::move(gpu)), simulated_(std::move(simulated)), threads_(threads) {}

  absl::StatusOr<LoadableProgram> Compile(const ir::Module& module,
                                          runtime::ThreadPool* pool) override {
    const codegen::Target host = codegen::Target::Host();
    RETURN_IF_ERROR(gpu_.Compile(module, host, threads_, /*cache=*/nullptr).status());
    ASSIGN_OR_RETURN(codegen::CompiledModule simulated,
                     simulated_.Compile(module, host, threads_, /*cache=*/nullptr));
    library_ = std::move(simulated.library);
    return LoadableProgram{std::move(simulated.program), simulated_.MakeDevice(pool)};
  }

  absl::Status Write(bundle::Contents* contents) override {
    contents->isa = gpu_.name();
    bundle::GpuPart part = gpu_.TakePart();
    runtime::GpuKernels kept;  // those that the load list does not leave behind
    for (const runtime::Kernel& kernel : contents->program.kernels) {
      kept[kernel.name] = std::move(part.kernels[kernel.name]);
    }
    part.kernels = std::move(kept);
    contents->gpu = std::move(part);
    return absl::OkStatus();
  }

 private:
  GpuModel gpu_;
  GpuModel simulated_;
  int threads_;
  std::unique_ptr<codegen::KernelLibrary> library_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<CodeWriter>> WriterFor(const LoadOptions& options, int threads) {
  if (options.device == Device::kSimulatedGpu) {
    return absl::InvalidArgumentError(
        "a simulated GPU's code is not kept in files; --device cuda compiles for a GPU");
  }
  if (options.device == Device::kCuda) {
    ASSIGN_OR_RETURN(GpuModel gpu, GpuModel::ForFile(options.isa));
    ASSIGN_OR_RETURN(GpuModel simulated, GpuModel::Open(Device::kSimulatedGpu, options.isa));
    return std::make_unique<GpuCodeWriter>(std::move(gpu), std::move(simulated), threads);
  }
  ASSIGN_OR_RETURN(codegen::Target target, codegen::Target::Portable(options.isa));
  return std::make_unique<CpuCodeWriter>(std::move(target));
}

}  // namespace lluda::engine
