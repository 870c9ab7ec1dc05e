#include "base/mutate_bytes.h"

#include <cstddef>

namespace lluda::base {
namespace {

constexpr size_t kMostMutations = 4;
constexpr size_t kLongestCut = 8;

}  // namespace

std::string MutateBytes(std::string bytes, absl::Span<const std::string> pieces,
                        std::mt19937* random) {
  const auto below = [random](size_t limit) { return (*random)() % limit; };
  for (size_t i = 1 + below(kMostMutations); i > 0; --i) {
    const size_t at = below(bytes.size() + 1);
    const std::string& piece = pieces[below(pieces.size())];
    switch (below(6)) {
      case 0:
        if (at < bytes.size()) bytes[at] = static_cast<char>(below(256));
        break;
      case 1:
        if (at < bytes.size()) bytes[at] = static_cast<char>(bytes[at] ^ (1 << below(8)));
        break;
      case 2:
        bytes.erase(at, 1 + below(kLongestCut));
        break;
      case 3:
        bytes.insert(at, piece);
        break;
      case 4:
        if (at + piece.size() <= bytes.size()) bytes.replace(at, piece.size(), piece);
        break;
      default:
        bytes.resize(at);
        break;
    }
  }
  return bytes;
}

}  // namespace lluda::base
