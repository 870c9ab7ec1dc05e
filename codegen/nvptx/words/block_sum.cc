#include "codegen/nvptx/words/block_sum.h"

namespace lluda::codegen::gpu {

using runtime::kBlockThreads;
using runtime::kBlockWarps;

namespace {

// Of the threads' own sums.
Value* SumOfBlock(GpuEmitter& e, Value* own, Value* shared) {
  auto& b = e.b();
  Value* of_warp = e.WarpSum(own);
  const auto place = [&](Value* warp) { return e.Address(shared, warp, ir::DType::kF32); };
  e.If(e.IsFirstLane(), [&] { e.Store(place(e.Warp()), ir::DType::kF32, of_warp); });
  e.Barrier();
  Value* sum = e.ConstF32(0.0f, 1);
  for (int64_t warp = 0; warp < kBlockWarps; ++warp) {
    sum = b.CreateFAdd(sum, e.Load(place(e.Const(warp)), ir::DType::kF32, 1));
  }
  return sum;
}

Value* WithSquare(GpuEmitter& e, Value* sum, Value* x) {
  return e.b().CreateFAdd(sum, e.b().CreateFMul(x, x));
}

}  // namespace

Value* BlockSumOfSquares(GpuEmitter& e, int64_t count, Value* shared,
                         const std::function<Value*(Value* i)>& load) {
  Value* own = e.Loop(e.Thread(), e.Const(count), kBlockThreads, {e.ConstF32(0.0f, 1)},
                      [&](Value* i, const Emitter::Carried& c) {
                        return Emitter::Carried{WithSquare(e, c[0], load(i))};
                      })[0];
  return SumOfBlock(e, own, shared);
}

Value* BlockSumOfSquares(GpuEmitter& e, const std::vector<Value*>& elements, Value* shared) {
  Value* own = e.ConstF32(0.0f, 1);
  for (Value* x : elements) own = WithSquare(e, own, x);
  return SumOfBlock(e, own, shared);
}

}  // namespace lluda::codegen::gpu
