#include "codegen/emit/block_values.h"

#include <vector>

#include "llvm/IR/Constants.h"
#include "llvm/IR/IntrinsicsX86.h"

namespace lluda::codegen {

Value* HalfPowerOfTwo(Emitter& e, Value* exponent) {
  auto& b = e.b();
  const int lanes = LanesOf(exponent);
  const auto constant = [&](int64_t value) { return e.ConstInt(value, 32, lanes); };
  Value* normal = b.CreateShl(b.CreateSub(exponent, constant(1)), constant(23));
  // For exponents below 2.
  Value* subnormal = b.CreateShl(constant(0x00200000), b.CreateAnd(exponent, constant(1)));
  Value* is_normal = b.CreateICmpUGE(exponent, constant(2));
  return b.CreateBitCast(b.CreateSelect(is_normal, normal, subnormal), e.F32(lanes));
}

BlockValues::BlockValues(Emitter& e, ir::DType dtype, Value* block, int lanes, int64_t stride)
    : e_(e),
      format_(ir::BlockFormatOf<BlockValues>(dtype)),
      block_(block),
      lanes_(lanes),
      stride_(stride) {}

Value* BlockValues::Bytes(int64_t at) {
  Value*& bytes = bytes_[at];
  if (bytes == nullptr) {
    Value* address = e_.Address(block_, e_.Const(at * stride_), ir::DType::kI8);
    bytes = e_.b().CreateAlignedLoad(e_.Int(8, lanes_), address, llvm::Align(1));
  }
  return bytes;
}

BlockValues::Int BlockValues::Byte(int64_t at) {
  return {this, e_.b().CreateZExt(Bytes(at), e_.Int(32, lanes_))};
}

BlockValues::Int BlockValues::SignedByte(int64_t at) {
  return {this, e_.b().CreateSExt(Bytes(at), e_.Int(32, lanes_))};
}

BlockValues::Real BlockValues::Half(int64_t at) {
  Value*& half = halves_[at];
  if (half == nullptr) half = e_.F16BitsToF32((Byte(at) | Byte(at + 1) << 8).value);
  return {this, half};
}

BlockValues::Real BlockValues::Single(int64_t at) {
  Value*& single = singles_[at];
  if (single == nullptr) {
    const Int low = Byte(at) | Byte(at + 1) << 8;
    const Int high = Byte(at + 2) | Byte(at + 3) << 8;
    single = e_.b().CreateBitCast((low | high << 16).value, e_.F32(lanes_));
  }
  return {this, single};
}

BlockValues::Real BlockValues::ToReal(Int value) {
  return {this, e_.b().CreateSIToFP(value.value, e_.F32(lanes_))};
}

// vpermps looks at the lowest 4 bits of each lane only.
BlockValues::Real BlockValues::Permuted(const float (&table)[16], Int bits) {
  std::vector<llvm::Constant*> entries;
  for (const float entry : table) {
    entries.push_back(llvm::cast<llvm::Constant>(e_.ConstF32(entry, 1)));
  }
  return {this, e_.b().CreateIntrinsic(llvm::Intrinsic::x86_avx512_permvar_sf_512, {},
                                       {llvm::ConstantVector::get(entries), bits.value})};
}

BlockValues::Real BlockValues::Nibble(Int bits, int less) {
  if (!e_.target().has_avx512() || lanes_ != kLanes) {
    const Int number = bits & 15;
    return ToReal(less == 0 ? number : number - less);
  }
  float table[16];
  for (int i = 0; i < 16; ++i) table[i] = static_cast<float>(i - less);
  return Permuted(table, bits);
}

BlockValues::Real BlockValues::Pick(const int8_t (&table)[16], Int bits) {
  if (e_.target().has_avx512() && lanes_ == kLanes) {
    float entries[16];
    for (int i = 0; i < 16; ++i) entries[i] = table[i];
    return Permuted(entries, bits);
  }
  auto& b = e_.b();
  std::vector<llvm::Constant*> entries;
  for (const int8_t entry : table) {
    entries.push_back(b.getInt8(static_cast<uint8_t>(entry)));
  }
  if (e_.target().has_fma() && lanes_ == kLanes) {  // and then there is vpshufb, too
    Value* index = b.CreateTrunc((bits & 15).value, e_.Int(8, kLanes));
    Value* numbers = b.CreateIntrinsic(llvm::Intrinsic::x86_ssse3_pshuf_b_128, {},
                                       {llvm::ConstantVector::get(entries), index});
    return ToReal({this, b.CreateSExt(numbers, e_.Int(32, kLanes))});
  }
  auto* array = llvm::ArrayType::get(b.getInt8Ty(), entries.size());
  auto* global = new llvm::GlobalVariable(*b.GetInsertBlock()->getModule(), array,
                                          /*isConstant=*/true, llvm::GlobalValue::PrivateLinkage,
                                          llvm::ConstantArray::get(array, entries), "numbers");
  Value* numbers = llvm::PoisonValue::get(e_.Int(32, lanes_));
  for (int lane = 0; lane < lanes_; ++lane) {
    Value* index = (bits & 15).value;
    if (lanes_ > 1) index = b.CreateExtractElement(index, static_cast<uint64_t>(lane));
    Value* at = e_.Address(global, b.CreateZExt(index, b.getInt64Ty()), ir::DType::kI8);
    Value* number = b.CreateSExt(b.CreateLoad(b.getInt8Ty(), at), b.getInt32Ty());
    if (lanes_ == 1) return ToReal({this, number});
    numbers = b.CreateInsertElement(numbers, number, static_cast<uint64_t>(lane));
  }
  return ToReal({this, numbers});
}

// A normal number's bits lie in an f32's order; a subnormal one is its mantissa times 2^-9.
BlockValues::Real BlockValues::E4M3(Int byte) {
  auto& b = e_.b();
  const Int exponent_and_mantissa = byte & 127;
  Value* normal = b.CreateAdd((exponent_and_mantissa << 20).value, Constant((127 - 7) << 23));
  Value* subnormal = b.CreateFMul(ToReal(byte & 7).value, e_.ConstF32(1.0f / 512, lanes_));
  Value* is_normal = b.CreateICmpUGE(exponent_and_mantissa.value, Constant(8));
  Value* bits = b.CreateSelect(is_normal, normal, b.CreateBitCast(subnormal, e_.Int(32, lanes_)));
  bits = b.CreateOr(bits, ((byte & 128) << 24).value);
  return {this, b.CreateBitCast(bits, e_.F32(lanes_))};
}

}  // namespace lluda::codegen
