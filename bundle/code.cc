#include "bundle/code.h"

#include <sys/mman.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace lluda::bundle {

absl::StatusOr<Code> Code::Load(absl::string_view image, uint64_t code_start) {
  ASSIGN_OR_RETURN(runtime::Memory memory,
                   runtime::Memory::Allocate(static_cast<int64_t>(image.size()),
                                             runtime::Pages::kSmall, "machine code"));
  std::memcpy(memory.data(), image.data(), image.size());
  if (mprotect(memory.data(), code_start, PROT_READ) != 0 ||
      mprotect(memory.data() + code_start, image.size() - code_start, PROT_READ | PROT_EXEC) != 0) {
    return absl::FailedPreconditionError(
        absl::StrCat("memory cannot be made executable: ", std::strerror(errno)));
  }
  Code code;
  code.memory_ = std::move(memory);
  return code;
}

}  // namespace lluda::bundle
