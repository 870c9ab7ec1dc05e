// Machine code from LLVM modules, and the memory that holds it. The only file that knows ORC.
//
// Example:
//   auto jit = Jit::Create(target, {/*threads=*/2});
//   jit->AddModule(std::move(context), std::move(module));
//   auto library = std::move(*jit).Compile({"rmsnorm_f32_bf16_1024"});
//   KernelFn fn = (*library)->Find("rmsnorm_f32_bf16_1024");
#ifndef LLUDA_CODEGEN_LLVM_JIT_H_
#define LLUDA_CODEGEN_LLVM_JIT_H_

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "codegen/backend.h"
#include "codegen/kernel_library.h"
#include "codegen/llvm/target.h"
#include "llvm/IR/LLVMContext.h"
#include "llvm/IR/Module.h"

namespace llvm {
class ObjectCache;
}
namespace llvm::orc {
class LLJIT;
}

namespace lluda::codegen {

class TaskWorkers;

struct JitOptions {
  int threads = 1;  // how many modules are compiled at a time; fewer if there are no threads for it
  // Tells profilers and debuggers the kernels' names and code. Both cost time at the start.
  bool perf = false;             // perf's map file, /tmp/perf-PID.map
  bool gdb = false;              // GDB's JIT interface
  ObjectListener listener = {};  // may be empty
};

class Jit {
 public:
  static absl::StatusOr<std::unique_ptr<Jit>> Create(const Target& target,
                                                     const JitOptions& options);
  ~Jit();

  // Gives a module's functions to the compiler. The module's data layout and triple are set here.
  absl::Status AddModule(std::unique_ptr<llvm::LLVMContext> context,
                         std::unique_ptr<llvm::Module> module);

  // The same for what a listener was given earlier: it is only linked.
  absl::Status AddObject(const std::string& name, absl::string_view object);

  // Compiles everything added and looks the names up.
  absl::StatusOr<std::unique_ptr<KernelLibrary>> Compile(const std::vector<std::string>& names) &&;

 private:
  Jit();
  std::unique_ptr<llvm::ObjectCache> objects_;  // outlives the compiler that reports to it
  struct Announcement;
  class Problems;
  std::unique_ptr<llvm::orc::LLJIT> lljit_;
  TaskWorkers* workers_ = nullptr;  // the compiler's
  std::unique_ptr<Announcement> announcement_;
  std::shared_ptr<Problems> problems_;
  std::string triple_;
  std::string layout_;
  std::vector<std::pair<unsigned, std::string>> functions_;  // of modules, and their instructions
};

// A module's LLVM IR as it is compiled for a target, and its assembly; for reading.
absl::StatusOr<std::string> LlvmIr(const Target& target, llvm::Module* module);
absl::StatusOr<std::string> Assembly(const Target& target, llvm::Module* module);
// The module as a relocatable ELF file, its code independent of where it lies.
absl::StatusOr<std::string> ObjectFile(const Target& target, llvm::Module* module);

}  // namespace lluda::codegen

#endif  // LLUDA_CODEGEN_LLVM_JIT_H_
