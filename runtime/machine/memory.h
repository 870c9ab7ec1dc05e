// A block of memory. The system's is zeroed at first, committed page by page as it is touched, in
// huge pages where the system has them, given back when the object goes.
//
// Example: auto block = Memory::Allocate(loaded_bytes, Pages::kHuge, "packed weights");
#ifndef LLUDA_RUNTIME_MACHINE_MEMORY_H_
#define LLUDA_RUNTIME_MACHINE_MEMORY_H_

#include <cstdint>
#include <functional>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace lluda::runtime {

// kHuge asks for huge pages: for memory that is used whole, such as weights. A cache that fills
// slowly would be committed far ahead of its use.
enum class Pages : uint8_t { kSmall, kHuge };

// What the system hands out and takes back at a time.
inline constexpr int64_t kSystemPageBytes = 4096;

// Gives the contents of whole pages of the system's memory back: they are zero when they are touched
// again. `data` is at a multiple of a page.
void DiscardPages(char* data, int64_t bytes);

// The system never hands out more of this memory than is touched. Advice, as all about huge pages.
void UseSmallPages(char* data, int64_t bytes);

// The system hands this memory out in large pieces where it can: for what will be touched as a whole.
void UseHugePages(char* data, int64_t bytes);

class Memory {
 public:
  Memory() = default;
  // Memory of another kind, a device's, say: `release` gives it back.
  using Release = std::function<void(char* data, int64_t size)>;
  Memory(char* data, int64_t size, Release release)
      : data_(data), size_(size), release_(std::move(release)) {}
  Memory(Memory&& other) noexcept;
  Memory& operator=(Memory&& other) noexcept;
  ~Memory();

  // `bytes` >= 0. ResourceExhausted, naming `purpose`, when the system refuses.
  static absl::StatusOr<Memory> Allocate(int64_t bytes, Pages pages, absl::string_view purpose);

  char* data() const { return data_; }
  int64_t size() const { return size_; }

 private:
  char* data_ = nullptr;
  int64_t size_ = 0;
  Release release_;  // empty for the system's
};

}  // namespace lluda::runtime

#endif  // LLUDA_RUNTIME_MACHINE_MEMORY_H_
