// What a bundle holds for a GPU: the PTX of each kernel, machine code for one kind of GPU where it was
// at hand, and which GPUs run it.
//
//   std::string code = EncodeGpuCode(part);                     // the section `code`
//   absl::StatusOr<GpuPart> part = DecodeGpuCode(target, code);
#ifndef LLUDA_BUNDLE_GPU_PART_H_
#define LLUDA_BUNDLE_GPU_PART_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "bundle/header.pb.h"
#include "runtime/cuda/gpu_kernels.h"

namespace lluda::bundle {

struct GpuPart {
  runtime::GpuTarget target;
  runtime::GpuKernels kernels;
  // The compute capability that the machine code is for, and the CUDA version of the driver that made
  // it: older ones may refuse it.
  int major = 0;
  int minor = 0;
  int driver = 0;
};

std::string EncodeGpuCode(const GpuPart& part);
// InvalidArgument, which does not name the file, for what is no such code.
absl::StatusOr<GpuPart> DecodeGpuCode(const GpuTarget& target, absl::string_view code);

GpuTarget ToMessage(const runtime::GpuTarget& target);

}  // namespace lluda::bundle

#endif  // LLUDA_BUNDLE_GPU_PART_H_
