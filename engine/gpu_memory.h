// Whether a GPU has room for a model.
//
//   RETURN_IF_ERROR(CheckGpuMemory(*gpu, "Qwen3-8B", program, context));
//   // "Qwen3-8B: needs 16.4 GB on the GPU, NVIDIA A10G, which has 9.1 GB left"
#ifndef LLUDA_ENGINE_GPU_MEMORY_H_
#define LLUDA_ENGINE_GPU_MEMORY_H_

#include <cstdint>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "runtime/cuda/cuda_gpu.h"
#include "runtime/program.h"

namespace lluda::engine {

// ResourceExhausted, with what is needed and what is free, if the GPU cannot hold the program and a
// session of `context` tokens.
absl::Status CheckGpuMemory(const runtime::CudaGpu& gpu, absl::string_view model,
                            const runtime::Program& program, int64_t context);

}  // namespace lluda::engine

#endif  // LLUDA_ENGINE_GPU_MEMORY_H_
