// The numbers of blocks as bytes, four elements of 16 blocks at a time: ir/type/block_formats.h on
// vectors of 64 bytes, of which one operation does what takes four on dwords.
//
// Of 16 blocks whose byte b is a vector at b * 16, the bytes of four elements that follow one another
// lie together.
//
//   BlockBytes bytes(e, ir::DType::kQ6K, group);
//   Value* numbers = bytes.Numbers(20);  // <64 x i8>: element 20 of each block, then element 21, ...
//
// Example: of q6_k an element takes 1.1 operations instead of 6, and then one to widen it.
#ifndef LLUDA_CODEGEN_CPU_MATMUL_BLOCKS_BLOCK_BYTES_H_
#define LLUDA_CODEGEN_CPU_MATMUL_BLOCKS_BLOCK_BYTES_H_

#include <cstdint>
#include <map>

#include "codegen/emit/emitter.h"
#include "ir/type/block_formats.h"

namespace lluda::codegen {

// How the numbers of a format come about. Those that are put together of several parts are from -less to
// 2^bits - 1 - less. Others are a byte of their own, or four bits that are looked up, and are no sooner
// there as bytes of this class.
struct NumberParts {
  bool several = false;
  int bits = 0;
  int less = 0;
};
NumberParts PartsOf(ir::DType dtype);

// The Machine of block_formats.h as far as numbers go that are put together, for targets with AVX-512.
// What is said of element i, a multiple of four, holds for the three behind it and their bytes. Bytes
// that were loaded are kept, so it serves one straight piece of code.
class BlockBytes {
 public:
  struct Int {
    BlockBytes* bytes;
    Value* value;

    Int operator&(int o) const { return bytes->And(*this, o); }
    Int operator|(Int o) const { return bytes->Or(*this, o); }
    Int operator<<(int o) const { return bytes->ShiftLeft(*this, o); }
    Int operator>>(int o) const { return bytes->ShiftRight(*this, o); }
    Int operator-(int o) const { return bytes->Subtract(*this, o); }
  };
  struct Real {
    Value* value;
  };

  static constexpr int kElements = 4;

  // Of the 16 blocks at `group`, of a dtype whose PartsOf says `several` where Numbers is called.
  BlockBytes(Emitter& e, ir::DType dtype, Value* group);

  // Elements i to i + 3, i a multiple of four, as signed bytes.
  Value* Numbers(int64_t i) { return number_(*this, i).value; }

  Int Byte(int64_t at);
  Int FifthBit(int64_t at, int64_t i);
  Real ToReal(Int value) { return {value.value}; }
  Int SignedByte(int64_t /*at*/) { return {this, NotPutTogether().value}; }
  Real Nibble(Int /*bits*/, int /*less*/) { return NotPutTogether(); }
  Real Pick(const int8_t (&)[16], Int /*bits*/) { return NotPutTogether(); }
  Real E4M3(Int /*byte*/) { return NotPutTogether(); }

 private:
  Int And(Int a, int b);
  Int Or(Int a, Int b);
  Int ShiftLeft(Int a, int b);
  Int ShiftRight(Int a, int b);
  Int Subtract(Int a, int b);
  // What the formulas of other formats do.
  Real NotPutTogether();
  Value* Constant(int64_t value);

  Emitter& e_;
  const ir::BlockNumber<BlockBytes> number_;
  Value* group_;
  std::map<int64_t, Value*> bytes_;
};

}  // namespace lluda::codegen

#endif  // LLUDA_CODEGEN_CPU_MATMUL_BLOCKS_BLOCK_BYTES_H_
