#include "bundle/gpu_part.h"

#include <utility>

#include "absl/status/status.h"

namespace lluda::bundle {

std::string EncodeGpuCode(const GpuPart& part) {
  GpuCode message;
  message.set_major(part.major);
  message.set_minor(part.minor);
  message.set_driver(part.driver);
  for (const auto& [name, kernel] : part.kernels) {
    GpuKernel* to = message.add_kernels();
    to->set_name(name);
    to->set_ptx(kernel.ptx);
    to->set_machine_code(kernel.machine_code);
  }
  return message.SerializeAsString();
}

absl::StatusOr<GpuPart> DecodeGpuCode(const GpuTarget& target, absl::string_view code) {
  GpuCode message;
  if (!message.ParseFromArray(code.data(), static_cast<int>(code.size()))) {
    return absl::InvalidArgumentError("the GPU's code cannot be read");
  }
  GpuPart part;
  part.target = {target.name(), target.major(), target.minor(), target.own(), target.driver()};
  part.major = message.major();
  part.minor = message.minor();
  part.driver = message.driver();
  for (GpuKernel& kernel : *message.mutable_kernels()) {
    part.kernels[kernel.name()] = {std::move(*kernel.mutable_ptx()),
                                   std::move(*kernel.mutable_machine_code())};
  }
  return part;
}

GpuTarget ToMessage(const runtime::GpuTarget& target) {
  GpuTarget message;
  message.set_name(target.name);
  message.set_major(target.major);
  message.set_minor(target.minor);
  message.set_own(target.own);
  message.set_driver(target.driver);
  return message;
}

}  // namespace lluda::bundle
