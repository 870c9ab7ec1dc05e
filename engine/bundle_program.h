// What a bundle has to run, and what runs it.
//
//   ASSIGN_OR_RETURN(BundleProgram ready, ProgramForGpu(*bundle, options, context, &pool));
//   Executable::CreateLoaded(std::move(ready.program), bundle->weights().data(),
//                            std::move(ready.device));
#ifndef LLUDA_ENGINE_BUNDLE_PROGRAM_H_
#define LLUDA_ENGINE_BUNDLE_PROGRAM_H_

#include <cstdint>
#include <memory>

#include "absl/status/statusor.h"
#include "bundle/reader.h"
#include "engine/model.h"
#include "runtime/device.h"
#include "runtime/machine/thread_pool.h"
#include "runtime/program.h"

namespace lluda::engine {

struct BundleProgram {
  runtime::Program program;
  std::unique_ptr<runtime::Device> device;
  bundle::Code code = {};  // where the program's kernels lie, if a CPU runs them
};

// Of a bundle for a GPU; errors are one line: those of the GPU, of its driver and of room. NVIDIA's
// driver is looked for at run time, which a static program cannot: lluda-run links nothing of this.
absl::StatusOr<BundleProgram> ProgramForGpu(const bundle::Bundle& bundle,
                                            const LoadOptions& options, int64_t context,
                                            runtime::ThreadPool* pool);

}  // namespace lluda::engine

#endif  // LLUDA_ENGINE_BUNDLE_PROGRAM_H_
