#include "codegen/cpu/matmul/blocks/block_pairs.h"

#include <algorithm>
#include <cstring>
#include <numeric>
#include <vector>

#include "glog/logging.h"
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
    : e_(e),
      parts_(PartsOf(dtype)),
      number_(ir::BlockNumberOf<BlockPairs>(dtype)),
      bytes_(e, dtype, group),
      group_(group) {}

Value* BlockPairs::Numbers(int64_t i) {
  auto* pairs = llvm::FixedVectorType::get(e_.b().getBFloatTy(), kWords);
  if (!parts_.several) return e_.b().CreateBitCast(number_(*this, i).value, pairs);
  const int64_t in_four = i % BlockBytes::kElements;
  Value*& four = fours_[i - in_four];
  if (four == nullptr) four = bytes_.Numbers(i - in_four);
  // The lowest bits of a byte tell the number.
  const int bits = std::max(parts_.bits, kTableBits), all = 1 << bits;
  Value* words = Looked(WordsOf(four, in_four), bits, [&](int index) {
    return static_cast<float>((index + parts_.less) % all - parts_.less);
  });
  return e_.b().CreateBitCast(words, pairs);
}

Value* BlockPairs::Constant(int64_t value) { return e_.ConstInt(value, 16, kWords); }

// The byte of each column as a dword.
Value* BlockPairs::SignedDwords(int64_t at) {
  Value*& dwords = dwords_[at];
  if (dwords == nullptr) {
    Value* address = e_.Address(group_, e_.Const(at * kLanes), ir::DType::kI8);
    Value* bytes = e_.b().CreateAlignedLoad(e_.Int(8, kLanes), address, llvm::Align(1));
    dwords = e_.b().CreateSExt(bytes, e_.Int(32, kLanes));
  }
  return dwords;
}

// The bytes of the columns lie behind one another, element after element.
Value* BlockPairs::WordsOf(Value* four, int64_t i) {
  auto& b = e_.b();
  const auto first = static_cast<int>(i * kLanes);
  if (!e_.target().HasFeature("avx512vbmi")) {
    std::vector<int> both(kWords);
    std::iota(both.begin(), both.end(), first);
    std::vector<llvm::Constant*> order;
    for (int column = 0; column < kLanes; ++column) {
      for (const int from : {column, column + kLanes}) {
        order.push_back(b.getInt16(static_cast<uint16_t>(from)));
      }
    }
    Value* words = b.CreateZExt(b.CreateShuffleVector(four, both), e_.Int(16, kWords));
    return b.CreateIntrinsic(llvm::Intrinsic::x86_avx512_permvar_hi_512, {},
                             {words, llvm::ConstantVector::get(order)});
  }
  // What is above a word's lower byte does not count: the same byte again.
  std::vector<llvm::Constant*> order;
  for (int column = 0; column < kLanes; ++column) {
    for (const int from : {column, column + kLanes}) {
      for (int half = 0; half < 2; ++half) {
        order.push_back(b.getInt8(static_cast<uint8_t>(first + from)));
      }
    }
  }
  Value* ordered = b.CreateIntrinsic(llvm::Intrinsic::x86_avx512_permvar_qi_512, {},
                                     {four, llvm::ConstantVector::get(order)});
  return b.CreateBitCast(ordered, e_.Int(16, kWords));
}

BlockPairs::Int BlockPairs::Byte(int64_t at) {
  Value*& words = words_[at];
  if (words == nullptr) {
    Value* address = e_.Address(group_, e_.Const(at * kLanes), ir::DType::kI8);
    Value* both = e_.b().CreateAlignedLoad(e_.Int(8, kWords), address, llvm::Align(1));
    std::vector<int> twice(2 * kWords);
    for (int j = 0; j < 2 * kWords; ++j) twice[static_cast<size_t>(j)] = j % kWords;
    words = WordsOf(e_.b().CreateShuffleVector(both, twice), 0);
  }
  return {this, words};
}

BlockPairs::Int BlockPairs::SignedByte(int64_t at) {
  return {this, nullptr, SignedDwords(at), SignedDwords(at + 1)};
}

BlockPairs::Int BlockPairs::And(Int a, int b) {
  return {this, e_.b().CreateAnd(a.value, Constant(b))};
}
BlockPairs::Int BlockPairs::ShiftLeft(Int a, int b) {
  return {this, e_.b().CreateShl(a.value, static_cast<uint64_t>(b))};
}
BlockPairs::Int BlockPairs::ShiftRight(Int a, int b) {
  return {this, e_.b().CreateLShr(a.value, static_cast<uint64_t>(b))};
}
BlockPairs::Int BlockPairs::PutTogether() {
  CHECK(false) << "BlockBytes makes such numbers";
  return {};
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
