#include "codegen/cpu/matmul/blocks/block_pairs.h"

#include <algorithm>
#include <cstring>
#include <numeric>
#include <vector>

#include "llvm/ADT/bit.h"
#include "llvm/IR/Constants.h"
#include "llvm/IR/IntrinsicsX86.h"

namespace lluda::codegen {
namespace {

constexpr int kWords = 2 * kLanes;
constexpr int kTableBits = 5;  // of an index into the words of a vector
constexpr int kExponentBias = 127;
constexpr int kMantissaBits = 7;

// A number that bf16 holds exactly.
int64_t BF16Bits(float number) {
  uint32_t bits;
  std::memcpy(&bits, &number, sizeof(bits));
  return bits >> 16;
}

}  // namespace

BlockPairs::BlockPairs(Emitter& e, ir::DType dtype, Value* group)
    : e_(e), number_(ir::BlockNumberOf<BlockPairs>(dtype)), group_(group) {}

Value* BlockPairs::Numbers(int64_t i) {
  auto* pairs = llvm::FixedVectorType::get(e_.b().getBFloatTy(), kWords);
  return e_.b().CreateBitCast(number_(*this, i).value, pairs);
}

Value* BlockPairs::Constant(int64_t value) { return e_.ConstInt(value, 16, kWords); }

Value* BlockPairs::Dwords(int64_t at, bool is_signed) {
  Value*& dwords = dwords_[2 * at + (is_signed ? 1 : 0)];
  if (dwords == nullptr) {
    Value* address = e_.Address(group_, e_.Const(at * kLanes), ir::DType::kI8);
    Value* bytes = e_.b().CreateAlignedLoad(e_.Int(8, kLanes), address, llvm::Align(1));
    llvm::Type* type = e_.Int(32, kLanes);
    dwords = is_signed ? e_.b().CreateSExt(bytes, type) : e_.b().CreateZExt(bytes, type);
  }
  return dwords;
}

// The bytes of the columns lie behind one another, first those at `at`.
BlockPairs::Int BlockPairs::Byte(int64_t at) {
  Value*& words = words_[at];
  if (words != nullptr) return {this, words, 8};
  auto& b = e_.b();
  Value* address = e_.Address(group_, e_.Const(at * kLanes), ir::DType::kI8);
  Value* both = b.CreateAlignedLoad(e_.Int(8, kWords), address, llvm::Align(1));
  if (!e_.target().HasFeature("avx512vbmi")) {
    std::vector<llvm::Constant*> order;
    for (int column = 0; column < kLanes; ++column) {
      for (const int from : {column, column + kLanes}) {
        order.push_back(b.getInt16(static_cast<uint16_t>(from)));
      }
    }
    words = b.CreateIntrinsic(
        llvm::Intrinsic::x86_avx512_permvar_hi_512, {},
        {b.CreateZExt(both, e_.Int(16, kWords)), llvm::ConstantVector::get(order)});
    return {this, words, 8};
  }
  // Behind the 32 bytes there are as many zeros.
  std::vector<int> all(2 * kWords);
  std::iota(all.begin(), all.end(), 0);
  Value* bytes = b.CreateShuffleVector(both, e_.ConstInt(0, 8, kWords), all);
  std::vector<llvm::Constant*> order;
  for (int column = 0; column < kLanes; ++column) {
    for (const int from : {column, kWords, column + kLanes, kWords}) {
      order.push_back(b.getInt8(static_cast<uint8_t>(from)));
    }
  }
  Value* ordered = b.CreateIntrinsic(llvm::Intrinsic::x86_avx512_permvar_qi_512, {},
                                     {bytes, llvm::ConstantVector::get(order)});
  words = b.CreateBitCast(ordered, e_.Int(16, kWords));
  return {this, words, 8};
}

BlockPairs::Int BlockPairs::SignedByte(int64_t at) {
  Int bytes{this, nullptr, 8};
  bytes.even = Dwords(at, /*is_signed=*/true);
  bytes.odd = Dwords(at + 1, /*is_signed=*/true);
  return bytes;
}

BlockPairs::Int BlockPairs::FifthBit(int64_t at, int64_t i) {
  auto& b = e_.b();
  Value* both = Dwords(at + i / 8, /*is_signed=*/false);
  both = b.CreateBitCast(b.CreateOr(both, b.CreateShl(both, 16)), e_.Int(16, kWords));
  // Bit i comes to bit 4: up by four, and down by its number in the byte.
  std::vector<llvm::Constant*> down;
  for (int column = 0; column < kLanes; ++column) {
    down.push_back(b.getInt16(static_cast<uint16_t>(i % 8)));
    down.push_back(b.getInt16(static_cast<uint16_t>(i % 8 + 1)));
  }
  Value* shifted = b.CreateLShr(b.CreateShl(both, 4), llvm::ConstantVector::get(down));
  return {this, b.CreateAnd(shifted, Constant(16)), 5};
}

BlockPairs::Int BlockPairs::And(Int a, int b) {
  const int bits = llvm::bit_width(static_cast<unsigned>(b));
  return {this, e_.b().CreateAnd(a.value, Constant(b)), std::min(a.bits, bits)};
}
BlockPairs::Int BlockPairs::Or(Int a, Int b) {
  return {this, e_.b().CreateOr(a.value, b.value), std::max(a.bits, b.bits)};
}
BlockPairs::Int BlockPairs::ShiftLeft(Int a, int b) {
  return {this, e_.b().CreateShl(a.value, static_cast<uint64_t>(b)), a.bits + b};
}
BlockPairs::Int BlockPairs::ShiftRight(Int a, int b) {
  return {this, e_.b().CreateLShr(a.value, static_cast<uint64_t>(b)), a.bits - b};
}

Value* BlockPairs::Looked(Value* index, int bits, const std::function<float(int i)>& entry) {
  const auto table = [&](int first) {
    std::vector<llvm::Constant*> words;
    for (int i = 0; i < kWords; ++i) {
      words.push_back(e_.b().getInt16(static_cast<uint16_t>(BF16Bits(entry(first + i)))));
    }
    return llvm::ConstantVector::get(words);
  };
  if (bits <= kTableBits) {
    return e_.b().CreateIntrinsic(llvm::Intrinsic::x86_avx512_permvar_hi_512, {},
                                  {table(0), index});
  }
  return e_.b().CreateIntrinsic(llvm::Intrinsic::x86_avx512_vpermi2var_hi_512, {},
                                {table(0), index, table(kWords)});
}

BlockPairs::Real BlockPairs::ToReal(Int value) {
  if (value.even == nullptr) {
    // Formulas keep what is not signed below 64.
    return {
        Looked(value.value, value.bits, [&](int i) { return static_cast<float>(i - value.less); })};
  }
  auto& b = e_.b();
  const auto bits = [&](Value* number) {
    return b.CreateBitCast(b.CreateSIToFP(number, e_.F32(kLanes)), e_.Int(32, kLanes));
  };
  // A number of eight bits is in the upper half of its f32.
  Value* words = b.CreateOr(b.CreateLShr(bits(value.even), 16), bits(value.odd));
  return {b.CreateBitCast(words, e_.Int(16, kWords))};
}

// What is above a nibble does not count: the lowest of it is in the index.
BlockPairs::Real BlockPairs::Nibble(Int bits, int less) {
  return {Looked(bits.value, kTableBits, [&](int i) { return static_cast<float>(i % 16 - less); })};
}
BlockPairs::Real BlockPairs::Pick(const int8_t (&table)[16], Int bits) {
  return {Looked(bits.value, kTableBits, [&](int i) { return static_cast<float>(table[i % 16]); })};
}

// A normal number's bits lie in a bf16's order; a subnormal one is its mantissa times 2^-9.
BlockPairs::Real BlockPairs::E4M3(Int byte) {
  auto& b = e_.b();
  Value* magnitude = (byte & 127).value;
  Value* normal = b.CreateAdd(b.CreateShl(magnitude, kMantissaBits - 3),
                              Constant(int64_t{kExponentBias - 7} << kMantissaBits));
  Value* subnormal =
      Looked(magnitude, kTableBits, [](int i) { return static_cast<float>(i % 8) / 512; });
  Value* is_normal = b.CreateICmpUGE(magnitude, Constant(8));
  Value* sign = ((byte & 128) << 8).value;
  return {b.CreateOr(b.CreateSelect(is_normal, normal, subnormal), sign)};
}

}  // namespace lluda::codegen
