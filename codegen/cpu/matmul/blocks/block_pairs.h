// The numbers of blocks as operand b of vdpbf16ps: ir/type/block_formats.h on words, two to a column.
//
// Of 16 blocks whose byte b is a vector at b * 16, a vector of 32 words has elements i and i + 1 of
// each column side by side. A number has at most eight bits, which bf16 holds exactly. Four bits are
// looked up by vpermw; numbers that are put together of several parts are made as bytes first
// (block_bytes.h) and looked up so, or by vpermi2w where they have six bits.
//
//   BlockPairs pairs(e, ir::DType::kQ4_0, group);
//   Value* columns = pairs.Numbers(16);  // <32 x bfloat>: elements 16 and 17 of each block
#ifndef LLUDA_CODEGEN_CPU_MATMUL_BLOCKS_BLOCK_PAIRS_H_
#define LLUDA_CODEGEN_CPU_MATMUL_BLOCKS_BLOCK_PAIRS_H_

#include <cstdint>
#include <functional>
#include <map>

#include "codegen/cpu/matmul/blocks/block_bytes.h"
#include "codegen/emit/emitter.h"
#include "ir/type/block_formats.h"

namespace lluda::codegen {

// The Machine of block_formats.h as far as numbers go that are not put together, for targets with
// AVX-512. What is said of element i, which is even, holds for i + 1 and the byte behind. What was
// loaded is kept, so it serves one straight piece of code.
class BlockPairs {
 public:
  struct Int {
    BlockPairs* pairs;
    Value* value;  // words
    // Of signed bytes, each as a dword.
    Value* even = nullptr;
    Value* odd = nullptr;

    Int operator&(int o) const { return pairs->And(*this, o); }
    Int operator<<(int o) const { return pairs->ShiftLeft(*this, o); }
    Int operator>>(int o) const { return pairs->ShiftRight(*this, o); }
    Int operator|(Int) const { return pairs->PutTogether(); }
    Int operator-(int) const { return pairs->PutTogether(); }
  };
  struct Real {
    Value* value;  // words
  };

  // Of the 16 blocks at `group`.
  BlockPairs(Emitter& e, ir::DType dtype, Value* group);

  // Elements i and i + 1, i even.
  Value* Numbers(int64_t i);

  Int Byte(int64_t at);
  Int SignedByte(int64_t at);
  Real ToReal(Int value);
  Real Nibble(Int bits, int less);
  Real Pick(const int8_t (&table)[16], Int bits);
  Real E4M3(Int byte);
  Int FifthBit(int64_t /*at*/, int64_t /*i*/) { return PutTogether(); }

 private:
  Int And(Int a, int b);
  Int ShiftLeft(Int a, int b);
  Int ShiftRight(Int a, int b);
  // What formulas do that BlockBytes is asked for.
  Int PutTogether();
  Value* Constant(int64_t value);
  Value* SignedDwords(int64_t at);
  // Of <64 x i8>, elements i and i + 1 of the four in it, as words.
  Value* WordsOf(Value* four, int64_t i);
  // entry(i) for the lowest kTableBits bits i of each word, or one more.
  Value* Looked(Value* index, int bits, const std::function<float(int i)>& entry);

  Emitter& e_;
  const NumberParts parts_;
  const ir::BlockNumber<BlockPairs> number_;
  BlockBytes bytes_;
  Value* group_;
  std::map<int64_t, Value*> words_, dwords_, fours_;
};

}  // namespace lluda::codegen

#endif  // LLUDA_CODEGEN_CPU_MATMUL_BLOCKS_BLOCK_PAIRS_H_
