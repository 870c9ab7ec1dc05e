#include "codegen/llvm/llvm_targets.h"

#include <mutex>

#include "llvm/Support/CommandLine.h"
#include "llvm/Support/TargetSelect.h"

namespace lluda::codegen {
namespace {

// What LLVM lets be said in no other way than as on a command line. None changes what a kernel computes.
struct Setting {
  const char* option;
  const char* value;
};
constexpr Setting kSettings[] = {
    // The scheduler holds every access to memory against every other of its block, until a block has so
    // many; from then on it keeps groups of them in their order. Unrolled loops have thousands, and at
    // LLVM's own 1000 a third of attention's compile time went there. The code hardly differs.
    {"dag-maps-huge-region", "100"},
    // Looks for the cheapest addresses in loops: a quarter of the compile time. Emitters write addresses
    // that are cheap (Emitter::Address).
    {"disable-lsr", "true"},
    // Orders instructions once more, behind the registers: CPUs that run them out of order do that.
    {"post-RA-scheduler", "false"},
    // Moves values between general and mask registers, of which kernels have no use.
    {"disable-x86-domain-reassignment", "true"},
};

void Configure() {
  const auto& options = llvm::cl::getRegisteredOptions();
  for (const Setting& setting : kSettings) {
    const auto found = options.find(setting.option);
    // With a place on the line, as LLVM asks some whether they were there.
    if (found != options.end()) found->second->addOccurrence(1, setting.option, setting.value);
  }
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
    Configure();
  });
}

}  // namespace lluda::codegen
