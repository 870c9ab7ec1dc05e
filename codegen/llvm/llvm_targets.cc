#include "codegen/llvm/llvm_targets.h"

#include <mutex>

#include "llvm/Support/CommandLine.h"
#include "llvm/Support/TargetSelect.h"

namespace lluda::codegen {
namespace {

// LLVM's scheduler holds every access to memory against every other of its block, until a block has so
// many; from then on it keeps groups of them in their order. Unrolled loops have thousands, and at
// LLVM's own 1000 a third of attention's compile time went there. The code hardly differs.
void BoundScheduling() {
  constexpr unsigned kComparedAccesses = 100;
  const auto& options = llvm::cl::getRegisteredOptions();
  const auto found = options.find("dag-maps-huge-region");
  if (found == options.end()) return;
  static_cast<llvm::cl::opt<unsigned>*>(found->second)->setValue(kComparedAccesses);
}

}  // namespace

void RegisterTargets() {
  static std::once_flag once;
  std::call_once(once, [] {
    llvm::InitializeNativeTarget();
    llvm::InitializeNativeTargetAsmPrinter();
    llvm::InitializeNativeTargetDisassembler();
    LLVMInitializeNVPTXTargetInfo();
    LLVMInitializeNVPTXTarget();
    LLVMInitializeNVPTXTargetMC();
    LLVMInitializeNVPTXAsmPrinter();
    BoundScheduling();
  });
}

}  // namespace lluda::codegen
