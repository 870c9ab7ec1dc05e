#include "runtime/in_host_memory.h"

#include <cstddef>
#include <cstring>

namespace lluda::runtime {
namespace {

absl::Status CopyBytes(void* to, const void* from, int64_t bytes) {
  std::memcpy(to, from, static_cast<size_t>(bytes));
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Memory> InHostMemory::Allocate(int64_t bytes, Pages pages,
                                              absl::string_view purpose) {
  return Memory::Allocate(bytes, pages, purpose);
}

absl::Status InHostMemory::CopyIn(char* to, const void* from, int64_t bytes) {
  return CopyBytes(to, from, bytes);
}

absl::Status InHostMemory::CopyOut(void* to, const char* from, int64_t bytes) {
  return CopyBytes(to, from, bytes);
}

absl::Status InHostMemory::Copy(char* to, const char* from, int64_t bytes) {
  return CopyBytes(to, from, bytes);
}

}  // namespace lluda::runtime
