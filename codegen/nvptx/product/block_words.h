// The elements of blocks for a GPU's threads: ir/type/block_formats.h on words.
//
// A block's numbers are made four neighbours at a time, byte by byte in one word, and become two words
// of two bf16, which hold them exactly: operand b of a tensor core's product. Of the numbers from i on,
// i a whole multiple of 16, a thread makes the four from i + 4 * quad on, so that four threads make all
// 16. Scales and terms are numbers of the whole block, in f32.
//
//   BlockWords block(e, dtype, BlockAt(e, weight, e.Buffer(1), {{"n", %n}, {"k", %k}}), %quad);
//   const auto [first, second] = block.Numbers(16);   // elements 16 + 4 * quad and the next, ...
//   Value* x = block.Scale(16);
#ifndef LLUDA_CODEGEN_NVPTX_PRODUCT_BLOCK_WORDS_H_
#define LLUDA_CODEGEN_NVPTX_PRODUCT_BLOCK_WORDS_H_

#include <cstdint>
#include <map>
#include <utility>

#include "codegen/emit/block_access.h"
#include "codegen/nvptx/words/words.h"
#include "ir/type/block_formats.h"

namespace lluda::codegen::gpu {

// Elements whose numbers four threads make together.
inline constexpr int64_t kQuads = 16;

// The Machine of block_formats.h. What was loaded is kept, so it serves one straight piece of code,
// and whatever that dominates.
class BlockWords {
 public:
  // An i32, or four neighbours' bytes in one.
  struct Int {
    BlockWords* words;
    Value* value;
    bool four = false;
    bool has_sign = false;  // each of the four
    int less = 0;           // still to be taken away from each of the four

    Int operator&(int o) const { return {words, words->b().CreateAnd(value, Constant(o)), four}; }
    Int operator|(Int o) const { return {words, words->b().CreateOr(value, o.value), four}; }
    Int operator<<(int o) const {
      const Int shifted{words, words->b().CreateShl(value, static_cast<uint64_t>(o)), four};
      return four ? shifted & (0xFF << o & 0xFF) : shifted;
    }
    Int operator>>(int o) const {
      const Int shifted{words, words->b().CreateLShr(value, static_cast<uint64_t>(o)), four};
      return four ? shifted & 0xFF >> o : shifted;
    }
    Int operator-(int o) const {
      if (four) return {words, value, true, false, o};
      return {words, words->b().CreateSub(value, Constant(o))};
    }
    // The same in each of the four.
    Value* Constant(int64_t o) const {
      return words->e_.ConstInt(four ? o * 0x01010101 : o, 32, 1);
    }
  };
  // An f32, or four bf16 in two words.
  struct Real {
    BlockWords* words;
    Value* value;
    Value* second = nullptr;

    Real operator*(Real o) const { return {words, words->b().CreateFMul(value, o.value)}; }
    Real operator+(Real o) const { return {words, words->b().CreateFAdd(value, o.value)}; }
    Real operator-(Real o) const { return {words, words->b().CreateFSub(value, o.value)}; }
  };

  // `quad`: an i64 below 4; null where no numbers are asked for. `align`: of the units, 0: their size.
  BlockWords(GpuEmitter& e, ir::DType dtype, const BlockPlace& place, Value* quad = nullptr,
             int64_t align = 0);

  std::pair<Value*, Value*> Numbers(int64_t i);
  Value* Scale(int64_t i) { return format_.scale(*this, i).value; }
  Value* Term(int64_t i);
  // The elements from i + 4 * quad on as f32, each product and sum rounded for itself.
  std::array<Value*, 4> Values(int64_t i);

  Int Byte(int64_t at);
  Int SignedByte(int64_t at);
  Real Half(int64_t at);
  Real Single(int64_t at);
  Real ToReal(Int value);
  Real Nibble(Int bits, int less);
  Real Pick(const int8_t (&table)[16], Int bits);
  Real HalfPowerOfTwo(Int e);
  Real E4M3(Int byte);
  Int FifthBit(int64_t at, int64_t i);

 private:
  llvm::IRBuilder<>& b() { return e_.b(); }
  Value* Word(int64_t value) { return e_.ConstInt(value, 32, 1); }
  // The unit of these bytes of a block, as i32.
  Value* Unit(bool of_quad, int64_t at);
  // `count` bytes, the first one lowest, others zero.
  Value* Bytes(bool of_quad, int64_t at, int64_t count);

  GpuEmitter& e_;
  const ir::BlockFormat<BlockWords>& format_;
  const BlockPlace place_;
  Value* quad_;
  const int64_t align_;
  Value* own_ = nullptr;  // the block, a thread's own numbers on
  bool four_ = false;     // bytes are asked for by fours
  std::map<std::pair<bool, int64_t>, Value*> units_;
};

}  // namespace lluda::codegen::gpu

#endif  // LLUDA_CODEGEN_NVPTX_PRODUCT_BLOCK_WORDS_H_
