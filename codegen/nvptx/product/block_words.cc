#include "codegen/nvptx/product/block_words.h"

#include <array>

#include "codegen/emit/block_values.h"
#include "codegen/emit/integer.h"

namespace lluda::codegen::gpu {
namespace {

// bf16 of 128: with a number below 128 in its lower bits it is the sum.
constexpr int64_t kBase = 0x43, kBaseBytes = 0x43434343;
// Two bf16 of 1, of -1 and of 2^120, and a negative zero.
constexpr int64_t kOnes = 0x3F803F80, kMinusOnes = 0xBF80BF80, kPowers = 0x7B807B80;
constexpr int64_t kNegativeZeros = 0x80008000;

}  // namespace

BlockWords::BlockWords(GpuEmitter& e, ir::DType dtype, const BlockPlace& place, Value* quad,
                       int64_t align)
    : e_(e),
      format_(ir::BlockFormatOf<BlockWords>(dtype)),
      place_(place),
      quad_(quad),
      align_(align == 0 ? place.unit : align) {
  if (quad == nullptr) return;
  own_ = e.Address(place.address, Integer(e, quad) * (4 * place.stride), ir::DType::kI8);
}

std::pair<Value*, Value*> BlockWords::Numbers(int64_t i) {
  four_ = true;
  const Real numbers = ir::BlockNumberOf<BlockWords>(format_.dtype)(*this, i);
  four_ = false;
  return {numbers.value, numbers.second};
}

Value* BlockWords::Term(int64_t i) {
  if (format_.plus != nullptr) return format_.plus(*this, i).value;
  return b().CreateFNeg(format_.minus(*this, i).value);
}

std::array<Value*, 4> BlockWords::Values(int64_t i) {
  const auto [first, second] = Numbers(i);
  Value* scale = Scale(i);
  Value* term = format_.has_term() ? Term(i) : nullptr;
  std::array<Value*, 4> values;
  for (size_t n = 0; n < values.size(); ++n) {
    Value* word = n < 2 ? first : second;
    Value* bits = n % 2 == 0 ? b().CreateShl(word, 16) : b().CreateAnd(word, Word(0xFFFF0000));
    values[n] = b().CreateFMul(scale, b().CreateBitCast(bits, e_.F32(1)));
    if (term != nullptr) values[n] = b().CreateFAdd(values[n], term);
  }
  return values;
}

Value* BlockWords::Unit(bool of_quad, int64_t at) {
  Value*& unit = units_[{of_quad, at}];
  if (unit == nullptr) {
    Value* address =
        e_.Address(of_quad ? own_ : place_.address, e_.Const(at * place_.stride), ir::DType::kI8);
    Value* loaded = b().CreateAlignedLoad(e_.Int(static_cast<int>(8 * place_.unit), 1), address,
                                          llvm::Align(static_cast<uint64_t>(align_)));
    unit = b().CreateZExt(loaded, b().getInt32Ty());
  }
  return unit;
}

Value* BlockWords::Bytes(bool of_quad, int64_t at, int64_t count) {
  const int64_t unit = place_.unit;
  if (count < unit) {
    Value* shifted =
        b().CreateLShr(Unit(of_quad, at / unit * unit), static_cast<uint64_t>(8 * (at % unit)));
    return b().CreateAnd(shifted, Word((int64_t{1} << 8 * count) - 1));
  }
  Value* bytes = Unit(of_quad, at);
  for (int64_t i = unit; i < count; i += unit) {
    bytes = b().CreateOr(bytes, b().CreateShl(Unit(of_quad, at + i), static_cast<uint64_t>(8 * i)));
  }
  return bytes;
}

BlockWords::Int BlockWords::Byte(int64_t at) {
  return {this, Bytes(four_, at, four_ ? 4 : 1), four_};
}

BlockWords::Int BlockWords::SignedByte(int64_t at) {
  if (four_) return {this, Bytes(true, at, 4), true, true};
  return {this, b().CreateAShr(b().CreateShl(Bytes(false, at, 1), 24), 24)};
}

BlockWords::Real BlockWords::Half(int64_t at) {
  return {this, e_.F16BitsToF32(Bytes(false, at, 2))};
}

BlockWords::Real BlockWords::Single(int64_t at) {
  return {this, b().CreateBitCast(Bytes(false, at, 4), e_.F32(1))};
}

// Behind the byte of 128 a byte is a bf16 of its number more, from which that is taken away again. A
// sign in the byte's own place makes it 256 that is taken away: that bit is the exponent's last one.
BlockWords::Real BlockWords::ToReal(Int value) {
  if (!value.four) return {this, b().CreateSIToFP(value.value, e_.F32(1))};
  const auto pairs = [&](Value* bytes, int64_t selector) {
    return e_.PickBytes(bytes, Word(kBaseBytes), Word(selector));
  };
  constexpr int64_t kFirst = 0x4140, kSecond = 0x4342;
  if (value.has_sign) {
    const Int low = value & 0x7F, sign = value & 0x80;
    const auto number = [&](int64_t selector) {
      return e_.MultiplyAddPairs(pairs(sign.value, selector), Word(kMinusOnes),
                                 pairs(low.value, selector));
    };
    return {this, number(kFirst), number(kSecond)};
  }
  // -(128 + less), of at most eight bits.
  const int64_t base = (kBase << 8) + 0x8000 + value.less;
  const auto number = [&](int64_t selector) {
    return e_.MultiplyAddPairs(pairs(value.value, selector), Word(kOnes), Word(base << 16 | base));
  };
  return {this, number(kFirst), number(kSecond)};
}

BlockWords::Real BlockWords::Nibble(Int bits, int less) {
  const Int number = bits & 15;
  return ToReal(less == 0 ? number : number - less);
}

// The nibbles side by side choose among the table's bytes: by their lower three bits in each half of
// it, and by the fourth between what the halves gave.
BlockWords::Real BlockWords::Pick(const int8_t (&table)[16], Int bits) {
  std::array<Value*, 4> entries;
  for (size_t i = 0; i < entries.size(); ++i) {
    uint32_t word = 0;
    for (size_t n = 0; n < 4; ++n) {
      word |= static_cast<uint32_t>(static_cast<uint8_t>(table[4 * i + n])) << 8 * n;
    }
    entries[i] = Word(word);
  }
  Value* nibbles = (bits & 15).value;
  Value* neighbours = b().CreateOr(nibbles, b().CreateLShr(nibbles, 4));
  Value* selector = e_.PickBytes(neighbours, Word(0), Word(0x4420));
  Value* lower = b().CreateAnd(selector, Word(0x7777));
  Value* halves[] = {e_.PickBytes(entries[0], entries[1], lower),
                     e_.PickBytes(entries[2], entries[3], lower)};
  Value* which =
      b().CreateOr(b().CreateLShr(b().CreateAnd(selector, Word(0x8888)), 1), Word(0x3210));
  return ToReal({this, e_.PickBytes(halves[0], halves[1], which), true, true});
}

BlockWords::Real BlockWords::HalfPowerOfTwo(Int e) {
  return {this, codegen::HalfPowerOfTwo(e_, e.value)};
}

// With its exponent and mantissa in the place of a bf16's it is the number times 2^-120, also where it
// is subnormal.
BlockWords::Real BlockWords::E4M3(Int byte) {
  const auto number = [&](int64_t selector) {
    Value* upper = e_.PickBytes(byte.value, Word(0), Word(selector));
    Value* sign = b().CreateAnd(upper, Word(kNegativeZeros));
    Value* rest = b().CreateLShr(b().CreateAnd(upper, Word(0x7F007F00)), 4);
    return e_.MultiplyAddPairs(b().CreateOr(sign, rest), Word(kPowers), Word(kNegativeZeros));
  };
  return {this, number(0x1404), number(0x3424)};
}

// Each of a thread's four bits goes to a byte of its own.
BlockWords::Int BlockWords::FifthBit(int64_t at, int64_t i) {
  Value* first = b().CreateShl(b().CreateTrunc(quad_, b().getInt32Ty()), 2);
  Value* own = b().CreateLShr(Bytes(false, at + i / 8, 2), first);
  Value* apart = b().CreateMul(b().CreateAnd(own, Word(15)), Word(0x00204081));
  return {this, b().CreateShl(b().CreateAnd(apart, Word(0x01010101)), 4), true};
}

}  // namespace lluda::codegen::gpu
