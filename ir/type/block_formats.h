// What the elements of a block mean, written once for numbers and for code that is being written.
//
// A block's bytes are little-endian without padding. Element i of each format is a formula on some of
// them, in the words of a Machine: the decoder computes with numbers (ir/type/blocks.cc), kernels
// with vectors that hold the same byte of 16 blocks (codegen/emit/block_values.cc). Which bytes
// and bits an element takes depends on i alone, so i is a number for both.
//
// A Machine has the types Int (32 bits) and Real (f32) and
//   Int Byte(int64_t at), SignedByte(int64_t at)     the block's byte there
//   Real Half(int64_t at)                            the f16 there, widened
//   Real Single(int64_t at)                          the f32 there
//   Real ToReal(Int)                                 exact: an Int here has at most 24 bits
//   Real Nibble(Int bits, int less)                  (bits & 15) - less
//   Real Pick(const int8_t (&table)[16], Int bits)   table[bits & 15]
//   Real HalfPowerOfTwo(Int e)                       2^(e - 128), subnormal for e < 2
//   Real E4M3(Int byte)                              the 8-bit float of 4 and 3 bits, not a NaN
//   Int FifthBit(int64_t at, int64_t i)              bit i of the 32 bits there, in the place of bit 4
// An Int has & | << >> (logical, on what is not negative) and - by an int; a Real has * + -, each of
// which rounds once. The order of these is the reference's, so that results are the same bits.
//
// A value is a number of few bits times a scale that neighbours share, and perhaps a term.
// Example: BlockFormatOf<M>(DType::kQ4_0).value(machine, 17) is Half(0) * ((Byte(3) >> 4 & 15) - 8).
#ifndef LLUDA_IR_TYPE_BLOCK_FORMATS_H_
#define LLUDA_IR_TYPE_BLOCK_FORMATS_H_

#include <cstdint>
#include <vector>

#include "ir/type/dtype.h"

namespace lluda::ir {

// The numbers that the 4 bits of iq4_nl and iq4_xs stand for, and twice those of mxfp4's E2M1.
inline constexpr int8_t kIQ4Values[16] = {-127, -104, -83, -65, -49, -35, -22, -10,
                                          1,    13,   25,  38,  53,  69,  89,  113};
inline constexpr int8_t kE2M1Doubled[16] = {0, 1,  2,  3,  4,  6,  8,  12,
                                            0, -1, -2, -3, -4, -6, -8, -12};

namespace block_formats {

// Of the 32 nibbles in 16 bytes the byte's lower one is element j, the upper one j + 16. Bits above
// the nibble are left in.
template <typename M>
typename M::Int Nibbles(M& m, int64_t at, int64_t i) {
  const auto byte = m.Byte(at + i % 16);
  return i < 16 ? byte : byte >> 4;
}

// M::FifthBit of a machine that finds bits in bytes.
template <typename M>
typename M::Int FifthBitOf(M& m, int64_t at, int64_t i) {
  const auto byte = m.Byte(at + i / 8);
  const int bit = static_cast<int>(i % 8);
  return (bit <= 4 ? byte << (4 - bit) : byte >> (bit - 4)) & 16;
}

// The six-bit scales and minimums of sub-block j, of q4_k and q5_k.
template <typename M>
typename M::Int ScaleK4(M& m, int64_t at, int64_t j) {
  if (j < 4) return m.Byte(at + j) & 63;
  return (m.Byte(at + j + 4) & 15) | (m.Byte(at + j - 4) >> 6) << 4;
}
template <typename M>
typename M::Int MinimumK4(M& m, int64_t at, int64_t j) {
  if (j < 4) return m.Byte(at + j + 4) & 63;
  return m.Byte(at + j + 4) >> 4 | (m.Byte(at + j) >> 6) << 4;
}

// The numbers.

template <typename M>
typename M::Real Q8Number(M& m, int64_t i) {
  return m.ToReal(m.SignedByte(2 + i));
}

template <typename M>
typename M::Real Q4_0Number(M& m, int64_t i) {
  return m.Nibble(Nibbles(m, 2, i), 8);
}

template <typename M>
typename M::Real Q4_1Number(M& m, int64_t i) {
  return m.Nibble(Nibbles(m, 4, i), 0);
}

template <typename M>
typename M::Real Q5_0Number(M& m, int64_t i) {
  return m.ToReal(((Nibbles(m, 6, i) & 15) | m.FifthBit(2, i)) - 16);
}

template <typename M>
typename M::Real Q5_1Number(M& m, int64_t i) {
  return m.ToReal((Nibbles(m, 8, i) & 15) | m.FifthBit(4, i));
}

template <typename M>
typename M::Real Q2KNumber(M& m, int64_t i) {
  const int shift = static_cast<int>(i % 128 / 32 * 2);
  return m.ToReal((m.Byte(16 + i / 128 * 32 + i % 32) >> shift) & 3);
}

template <typename M>
typename M::Real Q3KNumber(M& m, int64_t i) {
  const int shift = static_cast<int>(i % 128 / 32 * 2);
  const int bit = static_cast<int>(i / 32);
  const auto low = (m.Byte(32 + i / 128 * 32 + i % 32) >> shift) & 3;
  const auto high = m.Byte(i % 32);
  // The number's third bit stands for 4 that are not taken away.
  const auto third = (bit <= 2 ? high << (2 - bit) : high >> (bit - 2)) & 4;
  return m.ToReal((low | third) - 4);
}

template <typename M>
typename M::Real Q4KNumber(M& m, int64_t i) {
  const auto byte = m.Byte(16 + i / 64 * 32 + i % 32);
  return m.Nibble(i / 32 % 2 == 0 ? byte : byte >> 4, 0);
}

template <typename M>
typename M::Real Q5KNumber(M& m, int64_t i) {
  const int bit = static_cast<int>(i / 32);
  const auto byte = m.Byte(48 + i / 64 * 32 + i % 32);
  const auto high = m.Byte(16 + i % 32);
  const auto fifth = (bit <= 4 ? high << (4 - bit) : high >> (bit - 4)) & 16;
  return m.ToReal(((bit % 2 == 0 ? byte : byte >> 4) & 15) | fifth);
}

template <typename M>
typename M::Real Q6KNumber(M& m, int64_t i) {
  const int64_t half = i / 128, quarter = i % 128 / 32, l = i % 32;
  const auto low = m.Byte(64 * half + 32 * (quarter % 2) + l);
  const auto high = (m.Byte(128 + 32 * half + l) >> static_cast<int>(2 * quarter)) & 3;
  return m.ToReal((((quarter < 2 ? low : low >> 4) & 15) | high << 4) - 32);
}

template <typename M>
typename M::Real IQ4NLNumber(M& m, int64_t i) {
  return m.Pick(kIQ4Values, Nibbles(m, 2, i));
}

template <typename M>
typename M::Real IQ4XSNumber(M& m, int64_t i) {
  return m.Pick(kIQ4Values, Nibbles(m, 8 + i / 32 * 16, i % 32));
}

template <typename M>
typename M::Real MXFP4Number(M& m, int64_t i) {
  return m.Pick(kE2M1Doubled, Nibbles(m, 1, i));
}

template <typename M>
typename M::Real Q8F32Number(M& m, int64_t i) {
  return m.ToReal(m.SignedByte(4 + i));
}

template <typename M>
typename M::Real F8F32Number(M& m, int64_t i) {
  return m.E4M3(m.Byte(4 + i));
}

// What they are multiplied by, and what is added or taken away.

template <typename M, int64_t kAt>
typename M::Real HalfAt(M& m, int64_t /*i*/) {
  return m.Half(kAt);
}

template <typename M>
typename M::Real SingleAtStart(M& m, int64_t /*i*/) {
  return m.Single(0);
}

template <typename M>
typename M::Real Q2KScale(M& m, int64_t i) {
  return m.Half(80) * m.Nibble(m.Byte(i / 16), 0);
}
template <typename M>
typename M::Real Q2KMinimum(M& m, int64_t i) {
  return m.Half(82) * m.Nibble(m.Byte(i / 16) >> 4, 0);
}

template <typename M>
typename M::Real Q3KScale(M& m, int64_t i) {
  const int64_t j = i / 16;
  const auto low = j < 8 ? m.Byte(96 + j) & 15 : m.Byte(96 + j - 8) >> 4;
  const auto high = (m.Byte(96 + 8 + j % 4) >> static_cast<int>(j / 4 * 2)) & 3;
  return m.Half(108) * m.ToReal((low | high << 4) - 32);
}

template <typename M>
typename M::Real K4Scale(M& m, int64_t i) {
  return m.Half(0) * m.ToReal(ScaleK4(m, 4, i / 32));
}
template <typename M>
typename M::Real K4Minimum(M& m, int64_t i) {
  return m.Half(2) * m.ToReal(MinimumK4(m, 4, i / 32));
}

template <typename M>
typename M::Real Q6KScale(M& m, int64_t i) {
  return m.Half(208) * m.ToReal(m.SignedByte(192 + i / 16));
}

template <typename M>
typename M::Real IQ4XSScale(M& m, int64_t i) {
  const int64_t j = i / 32;
  const auto low = j % 2 == 0 ? m.Byte(4 + j / 2) & 15 : m.Byte(4 + j / 2) >> 4;
  const auto high = (m.Byte(2 + j / 4) >> static_cast<int>(j % 4 * 2)) & 3;
  return m.Half(0) * m.ToReal((low | high << 4) - 32);
}

template <typename M>
typename M::Real MXFP4Scale(M& m, int64_t /*i*/) {
  return m.HalfPowerOfTwo(m.Byte(0));
}

}  // namespace block_formats

// The number of element i, of each format on a Machine: whole, or an E4M3, at most eight bits.
template <typename M>
using BlockNumber = typename M::Real (*)(M& machine, int64_t i);

// Of a block dtype, in the order of the enum, from kQ8_0 on. It asks the Machine for no more than
// numbers need: Byte, SignedByte, ToReal, Nibble, Pick, E4M3 and FifthBit, and no operator of Real.
template <typename M>
BlockNumber<M> BlockNumberOf(DType dtype) {
  namespace f = block_formats;
  static constexpr BlockNumber<M> kNumbers[] = {
      f::Q8Number<M>,    f::Q4_0Number<M>,  f::Q4_1Number<M>,  f::Q5_0Number<M>,
      f::Q5_1Number<M>,  f::Q2KNumber<M>,   f::Q3KNumber<M>,   f::Q4KNumber<M>,
      f::Q5KNumber<M>,   f::Q6KNumber<M>,   f::IQ4NLNumber<M>, f::IQ4XSNumber<M>,
      f::MXFP4Number<M>, f::Q8F32Number<M>, f::F8F32Number<M>};
  return kNumbers[static_cast<size_t>(dtype) - static_cast<size_t>(DType::kQ8_0)];
}

// A row of the formats on a Machine: what the value of element i is made of beside its number, each
// part rounded for itself, and where the f16s of a block lie that it is computed from.
template <typename M>
struct BlockFormat {
  using Real = typename M::Real;
  using Part = Real (*)(M& machine, int64_t i);

  DType dtype;
  int64_t scaled;  // so many neighbours have one scale, and one term
  Part scale;
  Part plus;   // null: nothing is added
  Part minus;  // null: nothing is taken away
  std::vector<int64_t> halves;

  bool has_term() const { return plus != nullptr || minus != nullptr; }

  // scale * number, + plus or - minus, each rounded.
  Real value(M& m, int64_t i) const {
    const Real factor = scale(m, i);
    const Real product = factor * BlockNumberOf<M>(dtype)(m, i);
    if (plus != nullptr) return product + plus(m, i);
    return minus != nullptr ? product - minus(m, i) : product;
  }
};

// In the order of the enum, from kQ8_0 on. The last two are no formats of GGML: the 32 numbers
// behind an f32 that they are multiplied by hold what Hugging Face's quantised folders do
// (frontends/quantised).
template <typename M>
const std::vector<BlockFormat<M>>& BlockFormats() {
  namespace f = block_formats;
  static const auto& formats = *new std::vector<BlockFormat<M>>{
      {DType::kQ8_0, 32, f::HalfAt<M, 0>, nullptr, nullptr, {0}},
      {DType::kQ4_0, 32, f::HalfAt<M, 0>, nullptr, nullptr, {0}},
      {DType::kQ4_1, 32, f::HalfAt<M, 0>, f::HalfAt<M, 2>, nullptr, {0, 2}},
      {DType::kQ5_0, 32, f::HalfAt<M, 0>, nullptr, nullptr, {0}},
      {DType::kQ5_1, 32, f::HalfAt<M, 0>, f::HalfAt<M, 2>, nullptr, {0, 2}},
      {DType::kQ2K, 16, f::Q2KScale<M>, nullptr, f::Q2KMinimum<M>, {80, 82}},
      {DType::kQ3K, 16, f::Q3KScale<M>, nullptr, nullptr, {108}},
      {DType::kQ4K, 32, f::K4Scale<M>, nullptr, f::K4Minimum<M>, {0, 2}},
      {DType::kQ5K, 32, f::K4Scale<M>, nullptr, f::K4Minimum<M>, {0, 2}},
      {DType::kQ6K, 16, f::Q6KScale<M>, nullptr, nullptr, {208}},
      {DType::kIQ4NL, 32, f::HalfAt<M, 0>, nullptr, nullptr, {0}},
      {DType::kIQ4XS, 32, f::IQ4XSScale<M>, nullptr, nullptr, {0}},
      {DType::kMXFP4, 32, f::MXFP4Scale<M>, nullptr, nullptr, {}},
      {DType::kQ8F32, 32, f::SingleAtStart<M>, nullptr, nullptr, {}},
      {DType::kF8F32, 32, f::SingleAtStart<M>, nullptr, nullptr, {}},
  };
  return formats;
}

// Of a block dtype.
template <typename M>
const BlockFormat<M>& BlockFormatOf(DType dtype) {
  return BlockFormats<M>()[static_cast<size_t>(dtype) - static_cast<size_t>(DType::kQ8_0)];
}

}  // namespace lluda::ir

#endif  // LLUDA_IR_TYPE_BLOCK_FORMATS_H_
