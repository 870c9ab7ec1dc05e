// Machine code for a GPU: made of PTX by the driver's compiler, on several threads, and kept from one
// run to the next.
//
//   GpuKernels kernels = ...;   // with their PTX
//   const int64_t kept = MakeMachineCode(*gpu, cache, &pool, &kernels);
//   // kept == kernels.size(): nothing had to be compiled
//
// It is kept under the PTX, the GPU's compute capability and the driver's version, in the folder of
// all compiled code.
#ifndef LLUDA_RUNTIME_CUDA_MACHINE_CODE_H_
#define LLUDA_RUNTIME_CUDA_MACHINE_CODE_H_

#include <cstdint>

#include "base/files/file_cache.h"
#include "runtime/cuda/cuda_gpu.h"
#include "runtime/cuda/gpu_kernels.h"
#include "runtime/machine/thread_pool.h"

namespace lluda::runtime {

// Gives machine code to each kernel that has none; how many of these the cache had. `cache` may be
// null: nothing is kept. A kernel that the driver's compiler refuses is left as it is: the device
// loads its PTX, and says what is wrong with it.
int64_t MakeMachineCode(const CudaGpu& gpu, const base::CodeCache* cache, ThreadPool* pool,
                        GpuKernels* kernels);

}  // namespace lluda::runtime

#endif  // LLUDA_RUNTIME_CUDA_MACHINE_CODE_H_
