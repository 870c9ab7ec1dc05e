// PTX from LLVM modules, for the rows of gpus.def. The only file that knows LLVM's NVPTX back end.
//
//   const Gpu* gpu = FindGpu(9, 0);                           // "sm_90a"
//   absl::StatusOr<std::string> ptx = PtxOf(*gpu, &module);   // ".version 8.0 ..."
#ifndef LLUDA_CODEGEN_NVPTX_PTX_H_
#define LLUDA_CODEGEN_NVPTX_PTX_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "llvm/IR/Module.h"

namespace lluda::codegen {

// A row of gpus.def.
struct Gpu {
  const char* name;
  int major;  // of the compute capability
  int minor;
  const char* ptx;
  int driver;
  bool own;
  bool overlaps;
  bool tiles;
};
absl::Span<const Gpu> AllGpus();
// The newest row whose PTX runs on this compute capability; null for those before 8.0.
const Gpu* FindGpu(int major, int minor);
// The row of this name. NotFound, naming all, if there is none.
absl::StatusOr<const Gpu*> FindGpu(absl::string_view name);

// A module's LLVM IR as PTX is made of it, for reading, and its PTX. Internal for IR that is malformed,
// FailedPrecondition where this LLVM has no NVPTX.
absl::StatusOr<std::string> PtxIrOf(const Gpu& gpu, llvm::Module* module);
absl::StatusOr<std::string> PtxOf(const Gpu& gpu, llvm::Module* module);

}  // namespace lluda::codegen

#endif  // LLUDA_CODEGEN_NVPTX_PTX_H_
