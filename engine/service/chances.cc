#include "engine/service/chances.h"

#include <algorithm>
#include <cmath>

#include "base/portable_exp.h"
#include "base/portable_log.h"

namespace lluda::engine {
namespace {

// Sorted so; at most `top`.
std::vector<int32_t> Likeliest(absl::Span<const float> logits, int top) {
  const auto before = [&](int32_t a, int32_t b) {
    return logits[a] > logits[b] || (logits[a] == logits[b] && a < b);
  };
  std::vector<int32_t> ids;  // a heap whose front is the least likely
  for (size_t i = 0; i < logits.size() && top > 0; ++i) {
    const auto id = static_cast<int32_t>(i);
    if (std::isinf(logits[i])) continue;
    if (static_cast<int>(ids.size()) == top) {
      if (!before(id, ids.front())) continue;
      std::pop_heap(ids.begin(), ids.end(), before);
      ids.pop_back();
    }
    ids.push_back(id);
    std::push_heap(ids.begin(), ids.end(), before);
  }
  std::sort_heap(ids.begin(), ids.end(), before);
  return ids;
}

}  // namespace

TokenChances ChancesOf(absl::Span<const float> logits, int32_t token, int top) {
  const double largest = *std::max_element(logits.begin(), logits.end());
  double sum = 0;
  for (const float logit : logits) sum += base::PortableExp(static_cast<double>(logit) - largest);
  const double log_sum = base::PortableLog(sum);
  const auto log_probability = [&](int32_t id) {
    return static_cast<double>(logits[id]) - largest - log_sum;
  };
  TokenChances chances = {log_probability(token), {}};
  for (const int32_t id : Likeliest(logits, top)) {
    chances.likeliest.push_back({id, log_probability(id)});
  }
  return chances;
}

}  // namespace lluda::engine
