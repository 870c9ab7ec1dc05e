// How many bytes a person means.
//
//   ParseByteSize("1.5GiB")  ==  1610612736
#ifndef LLUDA_BASE_BYTE_SIZE_H_
#define LLUDA_BASE_BYTE_SIZE_H_

#include <cstdint>
#include <optional>

#include "absl/strings/string_view.h"

namespace lluda::base {

// A number of bytes, or one with a unit of 1024: K, M, G, T or P, which B or iB may follow, in letters of
// any case. None for anything else, for a negative one, for a part of a byte, and for 2^63 and more.
std::optional<int64_t> ParseByteSize(absl::string_view text);

}  // namespace lluda::base

#endif  // LLUDA_BASE_BYTE_SIZE_H_
