#include "ir/text/suggest.h"

#include <algorithm>
#include <numeric>

namespace lluda::ir {
namespace {

constexpr size_t kMaxEdits = 2;

// Levenshtein distance by the row-wise algorithm of Wagner and Fischer (1974).
size_t EditDistance(absl::string_view a, absl::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), 0);
  for (size_t i = 0; i < a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i + 1;
    for (size_t j = 0; j < b.size(); ++j) {
      const size_t replaced = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({replaced, row[j] + 1, diagonal + 1});
    }
  }
  return row.back();
}

}  // namespace

std::string Nearest(absl::string_view name, const std::vector<absl::string_view>& candidates) {
  std::string nearest;
  size_t fewest = std::min(kMaxEdits + 1, name.size());
  for (const absl::string_view candidate : candidates) {
    const size_t edits = EditDistance(name, candidate);
    if (edits < fewest) {
      fewest = edits;
      nearest = std::string(candidate);
    }
  }
  return nearest;
}

}  // namespace lluda::ir
