// Machine code in memory that may run: copied there, then made read-only and executable. A copy,
// not a mapping of a file: what was hashed cannot change any more.
//
//   absl::StatusOr<Code> code = Code::Load(image, code_start);
//   auto kernel = reinterpret_cast<runtime::KernelFn>(code->At(entry));
#ifndef LLUDA_BUNDLE_CODE_H_
#define LLUDA_BUNDLE_CODE_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "runtime/kernel_abi.h"
#include "runtime/machine/memory.h"

namespace lluda::bundle {

class Code {
 public:
  Code() = default;
  // Bytes from `code_start`, a multiple of 4096 inside the image, on may run; those before it are
  // read-only.
  // ResourceExhausted or FailedPrecondition, with the system's reason, if it refuses.
  static absl::StatusOr<Code> Load(absl::string_view image, uint64_t code_start);

  absl::string_view bytes() const { return {memory_.data(), static_cast<size_t>(memory_.size())}; }
  // The function that starts at this offset of the image.
  runtime::KernelFn At(uint64_t offset) const {
    return reinterpret_cast<runtime::KernelFn>(memory_.data() + offset);
  }

 private:
  runtime::Memory memory_;
};

}  // namespace lluda::bundle

#endif  // LLUDA_BUNDLE_CODE_H_
