// Damages a text for fuzz tests: cuts, doubles and overwrites parts of it, and puts in fragments that
// mean something to its reader.
//
//   std::mt19937 random(1);
//   MutateText("{\"a\": 1}", {"null", "[["}, &random);   // "{\"a\": [[", say
#ifndef LLUDA_BASE_MUTATE_TEXT_H_
#define LLUDA_BASE_MUTATE_TEXT_H_

#include <random>
#include <string>
#include <string_view>

#include "absl/types/span.h"

namespace lluda::base {

// One to six changes, drawn from `random`; the same bytes for the same state of it. There is at
// least one fragment.
std::string MutateText(std::string text, absl::Span<const std::string_view> fragments,
                       std::mt19937* random);

}  // namespace lluda::base

#endif  // LLUDA_BASE_MUTATE_TEXT_H_
