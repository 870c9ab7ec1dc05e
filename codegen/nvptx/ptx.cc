#include "codegen/nvptx/ptx.h"

#include <memory>
#include <optional>
#include <tuple>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/status_macros.h"
#include "codegen/llvm/llvm_targets.h"
#include "llvm/Analysis/TargetTransformInfo.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/IR/Verifier.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Pass.h"
#include "llvm/Support/raw_ostream.h"
#include "llvm/Target/TargetMachine.h"
#include "llvm/Transforms/Scalar.h"
#include "llvm/Transforms/Scalar/EarlyCSE.h"
#include "llvm/Transforms/Scalar/LICM.h"

namespace lluda::codegen {
namespace {

constexpr Gpu kGpus[] = {
#define LLUDA_GPU(name, major, minor, ptx, driver, own, overlaps, tiles) \
  {name, major, minor, ptx, driver, own, overlaps, tiles},
#include "codegen/nvptx/gpus.def"
#undef LLUDA_GPU
};

constexpr char kTriple[] = "nvptx64-nvidia-cuda";

absl::StatusOr<std::unique_ptr<llvm::TargetMachine>> MachineFor(const Gpu& gpu) {
  RegisterTargets();
  std::string problem;
  const llvm::Target* target = llvm::TargetRegistry::lookupTarget(kTriple, problem);
  if (target == nullptr) {
    return absl::FailedPreconditionError(absl::StrCat("this LLVM makes no PTX: ", problem));
  }
  return std::unique_ptr<llvm::TargetMachine>(target->createTargetMachine(
      kTriple, gpu.name, absl::StrCat("+", gpu.ptx), llvm::TargetOptions(), llvm::Reloc::PIC_,
      std::nullopt, llvm::CodeGenOptLevel::Default));
}

// Brings the module into the form that PTX is made of: of this GPU, checked, with what the emitters
// leave to the optimiser.
absl::StatusOr<std::unique_ptr<llvm::TargetMachine>> PrepareFor(const Gpu& gpu,
                                                                llvm::Module* module) {
  ASSIGN_OR_RETURN(std::unique_ptr<llvm::TargetMachine> machine, MachineFor(gpu));
  module->setTargetTriple(kTriple);
  module->setDataLayout(machine->createDataLayout());
  std::string problems;
  llvm::raw_string_ostream out(problems);
  if (llvm::verifyModule(*module, &out)) {
    return absl::InternalError(absl::StrCat("LLVM IR is malformed: ", problems));
  }
  llvm::legacy::FunctionPassManager passes(module);
  passes.add(llvm::createEarlyCSEPass());
  passes.add(llvm::createLICMPass());
  passes.doInitialization();
  for (llvm::Function& function : *module) passes.run(function);
  passes.doFinalization();
  return machine;
}

}  // namespace

absl::Span<const Gpu> AllGpus() { return kGpus; }

const Gpu* FindGpu(int major, int minor) {
  const Gpu* found = nullptr;
  for (const Gpu& gpu : kGpus) {
    const bool same = gpu.major == major && gpu.minor == minor;
    const bool earlier = std::tie(gpu.major, gpu.minor) <= std::tie(major, minor);
    if (gpu.own ? same : earlier) found = &gpu;
  }
  return found;
}

absl::StatusOr<const Gpu*> FindGpu(absl::string_view name) {
  std::vector<absl::string_view> names;
  for (const Gpu& gpu : kGpus) {
    if (gpu.name == name) return &gpu;
    names.push_back(gpu.name);
  }
  return absl::NotFoundError(
      absl::StrCat("kernels are for no GPU '", name, "'; there are ", absl::StrJoin(names, ", ")));
}

absl::StatusOr<std::string> PtxIrOf(const Gpu& gpu, llvm::Module* module) {
  ASSIGN_OR_RETURN(const auto machine, PrepareFor(gpu, module));
  std::string text;
  llvm::raw_string_ostream out(text);
  module->print(out, nullptr);
  return text;
}

absl::StatusOr<std::string> PtxOf(const Gpu& gpu, llvm::Module* module) {
  ASSIGN_OR_RETURN(const auto machine, PrepareFor(gpu, module));
  llvm::SmallVector<char, 0> text;
  llvm::raw_svector_ostream out(text);
  llvm::legacy::PassManager passes;
  // The search for the cheapest addresses in loops, which LLVM leaves out for a CPU's sake
  // (llvm_targets): PTX has few ways to write an address.
  passes.add(llvm::createTargetTransformInfoWrapperPass(machine->getTargetIRAnalysis()));
  passes.add(llvm::createLoopStrengthReducePass());
  if (machine->addPassesToEmitFile(passes, out, nullptr, llvm::CodeGenFileType::AssemblyFile)) {
    return absl::InternalError("LLVM's NVPTX back end writes no PTX");
  }
  passes.run(*module);
  return std::string(text.begin(), text.end());
}

}  // namespace lluda::codegen
