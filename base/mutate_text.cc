#include "base/mutate_text.h"

#include <algorithm>
#include <cstddef>

namespace lluda::base {
namespace {

constexpr size_t kMostMutations = 6;

}  // namespace

std::string MutateText(std::string text, absl::Span<const std::string_view> fragments,
                       std::mt19937* random) {
  const auto below = [random](size_t limit) { return (*random)() % limit; };
  const size_t count = 1 + below(kMostMutations);
  for (size_t i = 0; i < count && !text.empty(); ++i) {
    const size_t at = below(text.size());
    const size_t length = std::min<size_t>(1 + below(12), text.size() - at);
    const std::string_view fragment = fragments[below(fragments.size())];
    switch (below(6)) {
      case 0:
        text.erase(at, length);
        break;
      case 1:
        text.insert(at, fragment);
        break;
      case 2:
        text.replace(at, length, fragment);
        break;
      case 3:
        text[at] = static_cast<char>(below(256));
        break;
      case 4:
        text.insert(below(text.size()), text.substr(at, length));
        break;
      default:
        if (text[at] >= '0' && text[at] <= '9') text[at] = static_cast<char>('0' + below(10));
        break;
    }
  }
  return text;
}

}  // namespace lluda::base
