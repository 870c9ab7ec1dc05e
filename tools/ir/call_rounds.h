// Calls of one layer after the other, told once: "28 times:" and the calls of a layer.
#ifndef LLUDA_TOOLS_IR_CALL_ROUNDS_H_
#define LLUDA_TOOLS_IR_CALL_ROUNDS_H_

#include <cstdint>
#include <vector>

#include "runtime/program.h"

namespace lluda::tools {

// Calls [begin, end) of a list, followed by `times` - 1 further rounds that call the same kernels
// for the same statements of other layers.
struct CallRound {
  size_t begin = 0;
  size_t end = 0;
  int64_t times = 1;
};
std::vector<CallRound> RoundsOf(const std::vector<runtime::Call>& calls);

}  // namespace lluda::tools

#endif  // LLUDA_TOOLS_IR_CALL_ROUNDS_H_
