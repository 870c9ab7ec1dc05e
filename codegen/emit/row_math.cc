#include "codegen/emit/row_math.h"

#include "llvm/IR/Intrinsics.h"

namespace lluda::codegen {

Value* InverseRootMeanSquare(Emitter& e, Value* squares, int64_t count, double eps) {
  auto& b = e.b();
  Value* mean = b.CreateFDiv(squares, e.ConstF32(static_cast<float>(count), 1));
  Value* shifted = b.CreateFAdd(mean, e.ConstF32(static_cast<float>(eps), 1));
  Value* root = b.CreateUnaryIntrinsic(llvm::Intrinsic::sqrt, shifted);
  return b.CreateFDiv(e.ConstF32(1.0f, 1), root);
}

Rotated Rotate(Emitter& e, const Rotated& pair, Value* cos, Value* sin) {
  auto& b = e.b();
  return {b.CreateFSub(b.CreateFMul(pair.lo, cos), b.CreateFMul(pair.hi, sin)),
          b.CreateFAdd(b.CreateFMul(pair.hi, cos), b.CreateFMul(pair.lo, sin))};
}

}  // namespace lluda::codegen
