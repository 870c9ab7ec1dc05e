#include "codegen/nvptx/words/eights.h"

namespace lluda::codegen::gpu {

std::vector<Value*> LoadEight(GpuEmitter& e, Value* pointer, ir::DType dtype) {
  auto& b = e.b();
  std::vector<Value*> elements;
  const bool wide = dtype == ir::DType::kF32;
  const int64_t pieces = wide ? 2 : 1;
  for (int64_t piece = 0; piece < pieces; ++piece) {
    Value* words = b.CreateAlignedLoad(
        e.Int(32, 4), b.CreateConstInBoundsGEP1_64(e.Int(32, 4), pointer, piece), llvm::Align(16));
    for (uint64_t i = 0; i < 4; ++i) {
      Value* word = b.CreateExtractElement(words, i);
      if (wide) {
        elements.push_back(b.CreateBitCast(word, e.F32(1)));
        continue;
      }
      Value* low = b.CreateAnd(word, e.ConstInt(0xFFFF, 32, 1));
      Value* high = b.CreateLShr(word, 16);
      const bool is_bf16 = dtype == ir::DType::kBF16;
      elements.push_back(is_bf16 ? e.BF16BitsToF32(low) : e.F16BitsToF32(low));
      elements.push_back(is_bf16 ? e.BF16BitsToF32(high) : e.F16BitsToF32(high));
    }
  }
  return elements;
}

}  // namespace lluda::codegen::gpu
