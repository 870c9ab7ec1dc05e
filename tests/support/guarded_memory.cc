#include "tests/support/guarded_memory.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "glog/logging.h"

namespace lluda::tests {

GuardedMemory::GuardedMemory(absl::Span<const char> contents) : size_(contents.size()) {
  const auto page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  const size_t inner = (size_ + page - 1) / page * page;
  mapped_bytes_ = inner + 2 * page;
  void* mapping =
      mmap(nullptr, mapped_bytes_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  PCHECK(mapping != MAP_FAILED);
  mapping_ = static_cast<char*>(mapping);
  char* data = mapping_ + page + inner - size_;
  std::copy(contents.begin(), contents.end(), data);
  data_ = data;
  PCHECK(mprotect(mapping_, page, PROT_NONE) == 0);
  PCHECK(mprotect(mapping_ + page + inner, page, PROT_NONE) == 0);
  if (inner > 0) PCHECK(mprotect(mapping_ + page, inner, PROT_READ) == 0);
}

GuardedMemory::GuardedMemory(GuardedMemory&& other) noexcept
    : mapping_(std::exchange(other.mapping_, nullptr)),
      mapped_bytes_(other.mapped_bytes_),
      data_(other.data_),
      size_(other.size_) {}

GuardedMemory::~GuardedMemory() {
  if (mapping_ != nullptr) munmap(mapping_, mapped_bytes_);
}

}  // namespace lluda::tests
