// Finds what a misspelt name was meant to be.
//
// Example: Nearest("matmull", {"matmul", "merge"}) == "matmul".
#ifndef LLUDA_IR_TEXT_SUGGEST_H_
#define LLUDA_IR_TEXT_SUGGEST_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace lluda::ir {

// The candidate with the fewest insertions, deletions and replacements of bytes, the first of them
// when several have as few; "" when even that one needs more than two, or as many as the name is
// long.
std::string Nearest(absl::string_view name, const std::vector<absl::string_view>& candidates);

}  // namespace lluda::ir

#endif  // LLUDA_IR_TEXT_SUGGEST_H_
