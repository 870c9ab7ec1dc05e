#include "cli/flags/version.h"

#include "absl/strings/str_cat.h"
#include "bundle/layout.h"
#include "codegen/cpu/fingerprint.h"
#include "codegen/llvm/target.h"

namespace lluda::cli {

std::string VersionText() {
  const codegen::Target host = codegen::Target::Host();
  return absl::StrCat("lluda ", bundle::kLludaVersion, "\nLLVM ", codegen::LlvmVersion(),
                      "\ncode generator ", kCodegenFingerprint, "\nCPU ",
                      host.cpu.empty() ? "unknown" : host.cpu, ", instruction set ",
                      codegen::IsaName(host.isa));
}

}  // namespace lluda::cli
