#include "tools/ir/call_rounds.h"

namespace lluda::tools {
namespace {

bool SameCalls(const std::vector<runtime::Call>& calls, const CallRound& a, const CallRound& b) {
  if (a.end - a.begin != b.end - b.begin) return false;
  for (size_t i = 0; i < a.end - a.begin; ++i) {
    const runtime::Call& x = calls[a.begin + i];
    const runtime::Call& y = calls[b.begin + i];
    if (x.kernel != y.kernel || StatementOf(x.site) != StatementOf(y.site)) return false;
  }
  return true;
}

}  // namespace

std::vector<CallRound> RoundsOf(const std::vector<runtime::Call>& calls) {
  std::vector<CallRound> rounds;
  for (size_t begin = 0, end = 0; begin < calls.size(); begin = end) {
    const int64_t index = calls[begin].site.index;
    for (end = begin + 1; end < calls.size(); ++end) {
      if (calls[end].site.index != index) break;
    }
    const CallRound round{begin, end, 1};
    if (index >= 0 && !rounds.empty() && SameCalls(calls, rounds.back(), round)) {
      ++rounds.back().times;
    } else {
      rounds.push_back(round);
    }
  }
  return rounds;
}

}  // namespace lluda::tools
