#include "codegen/emit/top_key.h"

#include <cstdint>
#include <limits>

namespace lluda::codegen {
namespace {

constexpr int64_t kLowHalf = 0xFFFFFFFF;

}  // namespace

Value* TopKey(Emitter& e, Value* x, Value* index) {
  auto& b = e.b();
  Value* bits = b.CreateBitCast(b.CreateFAdd(x, e.ConstF32(0.0f, 1)), b.getInt32Ty());
  Value* magnitude = e.ConstInt(std::numeric_limits<int32_t>::max(), 32, 1);
  Value* key = b.CreateXor(bits, b.CreateAnd(b.CreateAShr(bits, 31), magnitude));
  Value* smallest = e.ConstInt(std::numeric_limits<int32_t>::min(), 32, 1);
  key = b.CreateSelect(b.CreateFCmpUNO(x, x), smallest, key);
  Value* from_behind = b.CreateSub(e.Const(kLowHalf), index);
  return b.CreateOr(b.CreateShl(b.CreateSExt(key, b.getInt64Ty()), 32), from_behind);
}

Value* IndexOfTopKey(Emitter& e, Value* key) {
  return e.b().CreateSub(e.Const(kLowHalf), e.b().CreateAnd(key, e.Const(kLowHalf)));
}

}  // namespace lluda::codegen
