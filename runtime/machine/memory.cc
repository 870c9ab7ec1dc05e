#include "runtime/machine/memory.h"

#include <sys/mman.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace lluda::runtime {

void DiscardPages(char* data, int64_t bytes) {
  madvise(data, static_cast<size_t>(bytes), MADV_DONTNEED);
}

void UseSmallPages(char* data, int64_t bytes) {
  madvise(data, static_cast<size_t>(bytes), MADV_NOHUGEPAGE);
}

void UseHugePages(char* data, int64_t bytes) {
  const auto begin = reinterpret_cast<uintptr_t>(data);
  const uintptr_t first = (begin + kSystemPageBytes - 1) / kSystemPageBytes * kSystemPageBytes;
  const uintptr_t end = begin + static_cast<uintptr_t>(bytes);
  // Advice only: a system without huge pages works all the same.
  if (first < end) madvise(reinterpret_cast<void*>(first), end - first, MADV_HUGEPAGE);
}

Memory::Memory(Memory&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)),
      size_(std::exchange(other.size_, 0)),
      release_(std::exchange(other.release_, nullptr)) {}

Memory& Memory::operator=(Memory&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  std::swap(release_, other.release_);
  return *this;
}

Memory::~Memory() {
  if (data_ == nullptr) return;
  if (release_) {
    release_(data_, size_);
  } else {
    munmap(data_, static_cast<size_t>(size_));
  }
}

absl::StatusOr<Memory> Memory::Allocate(int64_t bytes, Pages pages, absl::string_view purpose) {
  Memory memory;
  if (bytes == 0) return memory;
  void* data = mmap(nullptr, static_cast<size_t>(bytes), PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (data == MAP_FAILED) {
    return absl::ResourceExhaustedError(
        absl::StrCat("no memory for ", purpose, " (", bytes, " bytes): ", std::strerror(errno)));
  }
  memory.data_ = static_cast<char*>(data);
  memory.size_ = bytes;
  if (pages == Pages::kHuge) UseHugePages(memory.data_, bytes);
  return memory;
}

}  // namespace lluda::runtime
