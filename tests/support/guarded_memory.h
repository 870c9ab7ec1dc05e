// For tests of what kernels read and write: bytes that end where a page ends, between pages that
// nobody may touch. A read past the end, and any write, ends the process.
//
//   const GuardedMemory weight({bytes.data(), bytes.size()});
//   kernel(weight.data());
#ifndef LLUDA_TESTS_SUPPORT_GUARDED_MEMORY_H_
#define LLUDA_TESTS_SUPPORT_GUARDED_MEMORY_H_

#include <cstddef>

#include "absl/types/span.h"

namespace lluda::tests {

class GuardedMemory {
 public:
  explicit GuardedMemory(absl::Span<const char> contents);
  GuardedMemory(GuardedMemory&& other) noexcept;
  GuardedMemory& operator=(GuardedMemory&&) = delete;
  ~GuardedMemory();

  // As aligned as the size is: to 64 bytes for a multiple of 64.
  const char* data() const { return data_; }
  size_t size() const { return size_; }

 private:
  char* mapping_ = nullptr;
  size_t mapped_bytes_ = 0;
  const char* data_ = nullptr;
  size_t size_ = 0;
};

}  // namespace lluda::tests

#endif  // LLUDA_TESTS_SUPPORT_GUARDED_MEMORY_H_
