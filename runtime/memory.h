// A block of zeroed memory from the system: committed page by page as it is touched, given back
// when the object goes.
//
// Example: auto block = Memory::Allocate(loaded_bytes, "packed weights");
#ifndef LLUDA_RUNTIME_MEMORY_H_
#define LLUDA_RUNTIME_MEMORY_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace lluda::runtime {

// kHuge, where the system has huge pages, is fastest for memory that is used as a whole. Memory of
// which only parts are used, here and there, wants kSmall: a huge page is committed as a whole.
enum class PageSize : uint8_t { kHuge, kSmall };

class Memory {
 public:
  Memory() = default;
  Memory(Memory&& other) noexcept;
  Memory& operator=(Memory&& other) noexcept;
  ~Memory();

  // `bytes` >= 0. ResourceExhausted, naming `purpose`, when the system refuses.
  static absl::StatusOr<Memory> Allocate(int64_t bytes, absl::string_view purpose,
                                         PageSize pages = PageSize::kHuge);

  char* data() const { return data_; }
  int64_t size() const { return size_; }

 private:
  char* data_ = nullptr;
  int64_t size_ = 0;
};

}  // namespace lluda::runtime

#endif  // LLUDA_RUNTIME_MEMORY_H_
