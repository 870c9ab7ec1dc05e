// The elements of blocks in code that is being written: ir/type/block_formats.h on vectors that hold
// the same byte of several blocks.
//
// Where blocks lie in panels, byte b of 16 blocks is a vector at b * 16, and one BlockValues decodes
// 16 columns side by side. A block that lies alone is decoded as a scalar.
//
//   BlockValues values(e, ir::DType::kQ4_0, group, kLanes, kLanes);
//   Value* column_k = values.At(17);  // <16 x float>: element 17 of each block
#ifndef LLUDA_CODEGEN_EMIT_BLOCK_VALUES_H_
#define LLUDA_CODEGEN_EMIT_BLOCK_VALUES_H_

#include <cstdint>
#include <map>

#include "codegen/emit/emitter.h"
#include "ir/type/block_formats.h"

namespace lluda::codegen {

// HalfPowerOfTwo of block_formats.h of i32s, as f32.
Value* HalfPowerOfTwo(Emitter& e, Value* exponent);

// The Machine of block_formats.h that writes code. Bytes that were loaded are kept, so it serves one
// straight piece of code.
class BlockValues {
 public:
  // An i32, or one in each lane.
  struct Int {
    BlockValues* values;
    Value* value;

    Int operator&(int o) const { return values->And(*this, o); }
    Int operator|(Int o) const { return values->Or(*this, o); }
    Int operator<<(int o) const { return values->ShiftLeft(*this, o); }
    Int operator>>(int o) const { return values->ShiftRight(*this, o); }
    Int operator-(int o) const { return values->Subtract(*this, o); }
  };
  struct Real {
    BlockValues* values;
    Value* value;

    Real operator*(Real o) const { return {values, values->e_.b().CreateFMul(value, o.value)}; }
    Real operator+(Real o) const { return {values, values->e_.b().CreateFAdd(value, o.value)}; }
    Real operator-(Real o) const { return {values, values->e_.b().CreateFSub(value, o.value)}; }
  };

  // Of `lanes` blocks (1 or 16) whose first byte is at `block` and that have `stride` bytes between
  // one byte and the next.
  BlockValues(Emitter& e, ir::DType dtype, Value* block, int lanes, int64_t stride);

  // Element i of each block as f32.
  Value* At(int64_t i) { return format_.value(*this, i).value; }
  // What it is made of: At(i) is Scale(i) * Number(i), and where the format has a term, plus Term(i).
  Value* Number(int64_t i) { return ir::BlockNumberOf<BlockValues>(format_.dtype)(*this, i).value; }
  Value* Scale(int64_t i) { return format_.scale(*this, i).value; }
  Value* Term(int64_t i) {
    if (format_.plus != nullptr) return format_.plus(*this, i).value;
    return e_.b().CreateFNeg(format_.minus(*this, i).value);
  }

  Int Byte(int64_t at);
  Int SignedByte(int64_t at);
  Real Half(int64_t at);
  Real Single(int64_t at);
  Real ToReal(Int value);
  Real Nibble(Int bits, int less);
  Real Pick(const int8_t (&table)[16], Int bits);
  Real HalfPowerOfTwo(Int e) { return {this, codegen::HalfPowerOfTwo(e_, e.value)}; }
  Real E4M3(Int byte);
  Int FifthBit(int64_t at, int64_t i) { return ir::block_formats::FifthBitOf(*this, at, i); }

 private:
  Int And(Int a, int b) { return {this, e_.b().CreateAnd(a.value, Constant(b))}; }
  Int Or(Int a, Int b) { return {this, e_.b().CreateOr(a.value, b.value)}; }
  Int ShiftLeft(Int a, int b) { return {this, e_.b().CreateShl(a.value, Constant(b))}; }
  Int ShiftRight(Int a, int b) { return {this, e_.b().CreateLShr(a.value, Constant(b))}; }
  Int Subtract(Int a, int b) { return {this, e_.b().CreateSub(a.value, Constant(b))}; }
  Value* Constant(int64_t value) { return e_.ConstInt(value, 32, lanes_); }
  Value* Bytes(int64_t at);
  Real Permuted(const float (&table)[16], Int bits);

  Emitter& e_;
  const ir::BlockFormat<BlockValues>& format_;
  Value* block_;
  const int lanes_;
  const int64_t stride_;
  std::map<int64_t, Value*> bytes_;
  std::map<int64_t, Value*> halves_, singles_;
};

}  // namespace lluda::codegen

#endif  // LLUDA_CODEGEN_EMIT_BLOCK_VALUES_H_
