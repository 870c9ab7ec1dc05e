#include "codegen/cpu/emit/transpose.h"

namespace lluda::codegen {

// In each stage, squares of s x s off the diagonal change places.
std::vector<Value*> Transpose(Emitter& e, std::vector<Value*> rows) {
  const int count = static_cast<int>(rows.size());
  const auto lanes =
      static_cast<int>(llvm::cast<llvm::FixedVectorType>(rows[0]->getType())->getNumElements());
  for (int s = count / 2; s >= 1; s /= 2) {
    std::vector<int> low(lanes), high(lanes);
    for (int lane = 0; lane < lanes; ++lane) {
      const bool second = (lane & s) != 0;
      low[lane] = second ? lanes + lane - s : lane;
      high[lane] = second ? lanes + lane : lane + s;
    }
    for (int row = 0; row < count; ++row) {
      if ((row & s) != 0) continue;
      Value* upper = rows[row];
      Value* lower = rows[row + s];
      rows[row] = e.b().CreateShuffleVector(upper, lower, low);
      rows[row + s] = e.b().CreateShuffleVector(upper, lower, high);
    }
  }
  return rows;
}

}  // namespace lluda::codegen
