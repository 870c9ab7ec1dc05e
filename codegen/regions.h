// Which neighbouring calls of a step may run side by side: those of which none writes what another
// one reads or writes. What counts is memory, not values, for the frame's bytes are used again.
//
// Example: q's, k's and v's projections read one activation and write to three places: one region.
// The attention behind them reads what they wrote and begins the next.
#ifndef LLUDA_CODEGEN_REGIONS_H_
#define LLUDA_CODEGEN_REGIONS_H_

#include <cstdint>
#include <vector>

#include "runtime/program.h"

namespace lluda::codegen {

// Memory that a call may touch: `bytes` from the buffer's offset on. Of a weight, a state or an
// input it is taken for all.
struct MemoryUse {
  runtime::BufferRef buffer;
  int64_t bytes = 0;
  bool writes = false;
};

// Whether the uses share memory.
bool Overlap(const MemoryUse& a, const MemoryUse& b);

class Regions {
 public:
  // Whether the call that uses this memory may run side by side with all calls since the last one
  // for which this was false. Asked once for each call, in their order.
  bool Joins(std::vector<MemoryUse> uses);

 private:
  std::vector<MemoryUse> region_;
};

}  // namespace lluda::codegen

#endif  // LLUDA_CODEGEN_REGIONS_H_
