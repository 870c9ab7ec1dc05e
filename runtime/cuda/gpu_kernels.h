// What a GPU runs of a program, kernel by kernel, and which GPUs run it.
//
//   GpuKernels kernels;
//   kernels["rmsnorm_gpu"].ptx = ".version 8.0 ...";
//   MakeMachineCode(*gpu, cache, &pool, &kernels);   // runtime/cuda/machine_code.h
//   CudaDevice device(gpu, std::move(kernels), &pool);
#ifndef LLUDA_RUNTIME_CUDA_GPU_KERNELS_H_
#define LLUDA_RUNTIME_CUDA_GPU_KERNELS_H_

#include <map>
#include <string>

namespace lluda::runtime {

struct GpuKernel {
  std::string ptx;           // which a driver compiles for any GPU that is new enough
  std::string machine_code;  // a cubin, for one kind of GPU; empty: there is none
};

// By the kernels' names.
using GpuKernels = std::map<std::string, GpuKernel>;

// What PTX is for: GPUs of this compute capability and of later ones.
struct GpuTarget {
  std::string name;  // "sm_90a"
  int major = 0;
  int minor = 0;
  bool own = false;  // no later one runs it
  int driver = 0;    // the first CUDA version whose driver reads it
};

}  // namespace lluda::runtime

#endif  // LLUDA_RUNTIME_CUDA_GPU_KERNELS_H_
