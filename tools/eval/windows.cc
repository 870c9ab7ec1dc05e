#include "tools/eval/windows.h"

#include <algorithm>

#include "glog/logging.h"

namespace lluda::tools {

std::vector<Window> CutWindows(int64_t tokens, int64_t window, int64_t stride, bool has_front) {
  CHECK(stride >= 1 && stride <= window) << stride << " of " << window;
  std::vector<Window> windows;
  int64_t counted_to = 0;
  for (int64_t begin = 0; counted_to < tokens; begin += stride) {
    const int64_t end = std::min(tokens, begin + window);
    const int64_t counted = std::max(counted_to, has_front ? begin : begin + 1);
    if (counted < end) windows.push_back({begin, end, counted});
    counted_to = end;
  }
  return windows;
}

}  // namespace lluda::tools
