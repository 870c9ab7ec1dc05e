// Sizes and offsets as multiples of something.
//
//   RoundUp(70, kCacheLine) == 128
#ifndef LLUDA_BASE_ALIGN_H_
#define LLUDA_BASE_ALIGN_H_

#include <cstdint>

namespace lluda::base {

// Bytes of a line of the CPU's caches. Buffers begin at one.
inline constexpr int64_t kCacheLine = 64;

// The least multiple that is not below `value`. A Number is an integer, or stands for one in code
// that is being written: by an int64_t it has + / and *.
template <typename Number>
Number RoundUp(Number value, int64_t multiple) {
  return (value + (multiple - 1)) / multiple * multiple;
}

}  // namespace lluda::base

#endif  // LLUDA_BASE_ALIGN_H_
