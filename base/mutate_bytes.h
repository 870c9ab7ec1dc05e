// Damages a binary file for fuzz tests: bytes and bits change, parts are cut, and pieces that mean
// something to its reader (a length, a type's number, a name) are put in or written over others.
// Texts have base/mutate_text.h.
//
//   std::mt19937 random(1);
//   MutateBytes(file, {std::string("\0\0\0\1", 4)}, &random);
#ifndef LLUDA_BASE_MUTATE_BYTES_H_
#define LLUDA_BASE_MUTATE_BYTES_H_

#include <random>
#include <string>

#include "absl/types/span.h"

namespace lluda::base {

// One to four changes, drawn from `random`; the same bytes for the same state of it. There is at
// least one piece.
std::string MutateBytes(std::string bytes, absl::Span<const std::string> pieces,
                        std::mt19937* random);

}  // namespace lluda::base

#endif  // LLUDA_BASE_MUTATE_BYTES_H_
