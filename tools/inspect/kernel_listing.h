// Which kernels compute a model's statements, and one statement's kernels as assembly or LLVM IR:
// what `lluda asm` prints.
//
//   absl::StatusOr<NativeProgram> native = NativeProgramOf(*model);
//   std::vector<ComputedStatement> statements = ComputedStatements(native->program);
//   statements[3];       // {"attn.q4", {"matmul_bf16_..._24"}, 6 calls}
//   auto listing = ListKernels(*model, *native, "@attn %q4", codegen::KernelForm::kAssembly);
//   KernelListingText(*listing);
#ifndef LLUDA_TOOLS_INSPECT_KERNEL_LISTING_H_
#define LLUDA_TOOLS_INSPECT_KERNEL_LISTING_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "codegen/cpu/kernel_text.h"
#include "runtime/program.h"
#include "tools/inspect/optimised_model.h"

namespace lluda::tools {

// A statement of the module and the kernels that compute it: one, or one per part of a pack.
struct ComputedStatement {
  std::string name;  // "attn.qkv"
  std::vector<std::string> kernels;
  int64_t calls = 0;  // of the first kernel, in the load list or in a run of an entry
};

// In the order in which they first run: of the load list and then of all entries, or those of one
// that the program has.
std::vector<ComputedStatement> ComputedStatements(const runtime::Program& program,
                                                  absl::string_view entry = "");
std::string ComputedStatementsText(const std::vector<ComputedStatement>& statements);
std::string ComputedStatementsJson(const std::vector<ComputedStatement>& statements);

struct ListedStatement {
  std::string name;
  int64_t calls = 0;
  std::vector<std::string> lines;  // of a dump: the views that it reads through, then itself
};

struct ListedKernel {
  std::string name;
  std::string code;
};

enum class CodeForm : uint8_t { kAssembly, kLlvm, kPtx };

struct KernelListing {
  CodeForm form = CodeForm::kAssembly;
  std::vector<ListedStatement> statements;
  std::vector<ListedKernel> kernels;  // each once
};

// Of the statement that a user names as tools/inspect/statement_name.h says, or of all statements
// that the kernel of this name computes; looked for in one entry, if one is named. A bundle's
// kernels are as they lie in the file, others are compiled for the model's target. InvalidArgument,
// with the nearest name, if no kernel computes it; for LLVM IR of a bundle, which holds none; and
// as codegen::KernelText.
absl::StatusOr<KernelListing> ListKernels(const OptimisedModel& model, const NativeProgram& native,
                                          absl::string_view name, codegen::KernelForm form,
                                          absl::string_view entry = "");

// The same of a GPU's kernels, as PTX. A kernel that has another form for many rows is followed by that
// form.
absl::StatusOr<KernelListing> ListGpuKernels(const OptimisedModel& model, const NativeProgram& gpu,
                                             absl::string_view name);
std::string KernelListingText(const KernelListing& listing);
std::string KernelListingJson(const KernelListing& listing);

}  // namespace lluda::tools

#endif  // LLUDA_TOOLS_INSPECT_KERNEL_LISTING_H_
