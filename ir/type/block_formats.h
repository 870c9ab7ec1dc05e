// What the elements of a block mean, written once for numbers and for code that is being written.
//
// A block's bytes are little-endian without padding. Element i of each format is a formula on some of
// them, in the words of a Machine: the decoder computes with numbers (ir/type/blocks.cc), kernels
// with vectors that hold the same byte of 16 blocks (codegen/cpu/emit/block_values.cc). Which bytes
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
// An Int has & | << >> (logical, on what is not negative) and - by an int; a Real has * + -, each of
// which rounds once. The order of these is the reference's, so that results are the same bits.
//
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

// Bit i of the 32 bits at `at`, in the place of bit 4.
template <typename M>
typename M::Int FifthBit(M& m, int64_t at, int64_t i) {
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

template <typename M>
typename M::Real Q8_0(M& m, int64_t i) {
  return m.Half(0) * m.ToReal(m.SignedByte(2 + i));
}

template <typename M>
typename M::Real Q4_0(M& m, int64_t i) {
  return m.Half(0) * m.Nibble(Nibbles(m, 2, i), 8);
}

template <typename M>
typename M::Real Q4_1(M& m, int64_t i) {
  return m.Half(0) * m.Nibble(Nibbles(m, 4, i), 0) + m.Half(2);
}

template <typename M>
typename M::Real Q5_0(M& m, int64_t i) {
  return m.Half(0) * m.ToReal(((Nibbles(m, 6, i) & 15) | FifthBit(m, 2, i)) - 16);
}

template <typename M>
typename M::Real Q5_1(M& m, int64_t i) {
  return m.Half(0) * m.ToReal((Nibbles(m, 8, i) & 15) | FifthBit(m, 4, i)) + m.Half(2);
}

template <typename M>
typename M::Real Q2K(M& m, int64_t i) {
  const int shift = static_cast<int>(i % 128 / 32 * 2);
  const auto q = (m.Byte(16 + i / 128 * 32 + i % 32) >> shift) & 3;
  const auto scales = m.Byte(i / 16);
  return (m.Half(80) * m.Nibble(scales, 0)) * m.ToReal(q) - m.Half(82) * m.Nibble(scales >> 4, 0);
}

template <typename M>
typename M::Real Q3K(M& m, int64_t i) {
  const int shift = static_cast<int>(i % 128 / 32 * 2);
  const int bit = static_cast<int>(i / 32);
  const auto low = (m.Byte(32 + i / 128 * 32 + i % 32) >> shift) & 3;
  const auto high = m.Byte(i % 32);
  // The number's third bit stands for 4 that are not taken away.
  const auto third = (bit <= 2 ? high << (2 - bit) : high >> (bit - 2)) & 4;
  const int64_t j = i / 16;
  const auto scale_low = j < 8 ? m.Byte(96 + j) & 15 : m.Byte(96 + j - 8) >> 4;
  const auto scale_high = (m.Byte(96 + 8 + j % 4) >> static_cast<int>(j / 4 * 2)) & 3;
  const auto scale = (scale_low | scale_high << 4) - 32;
  return (m.Half(108) * m.ToReal(scale)) * m.ToReal((low | third) - 4);
}

template <typename M>
typename M::Real Q4K(M& m, int64_t i) {
  const int64_t j = i / 32;
  const auto byte = m.Byte(16 + i / 64 * 32 + i % 32);
  const auto scale = m.Half(0) * m.ToReal(ScaleK4(m, 4, j));
  const auto minimum = m.Half(2) * m.ToReal(MinimumK4(m, 4, j));
  return scale * m.Nibble(j % 2 == 0 ? byte : byte >> 4, 0) - minimum;
}

template <typename M>
typename M::Real Q5K(M& m, int64_t i) {
  const int64_t j = i / 32;
  const int bit = static_cast<int>(j);
  const auto byte = m.Byte(48 + i / 64 * 32 + i % 32);
  const auto high = m.Byte(16 + i % 32);
  const auto fifth = (bit <= 4 ? high << (4 - bit) : high >> (bit - 4)) & 16;
  const auto scale = m.Half(0) * m.ToReal(ScaleK4(m, 4, j));
  const auto minimum = m.Half(2) * m.ToReal(MinimumK4(m, 4, j));
  return scale * m.ToReal(((j % 2 == 0 ? byte : byte >> 4) & 15) | fifth) - minimum;
}

template <typename M>
typename M::Real Q6K(M& m, int64_t i) {
  const int64_t half = i / 128, quarter = i % 128 / 32, l = i % 32;
  const auto low = m.Byte(64 * half + 32 * (quarter % 2) + l);
  const auto high = (m.Byte(128 + 32 * half + l) >> static_cast<int>(2 * quarter)) & 3;
  const auto q = (((quarter < 2 ? low : low >> 4) & 15) | high << 4) - 32;
  return (m.Half(208) * m.ToReal(m.SignedByte(192 + i / 16))) * m.ToReal(q);
}

template <typename M>
typename M::Real IQ4NL(M& m, int64_t i) {
  return m.Half(0) * m.Pick(kIQ4Values, Nibbles(m, 2, i));
}

template <typename M>
typename M::Real IQ4XS(M& m, int64_t i) {
  const int64_t j = i / 32;
  const auto low = j % 2 == 0 ? m.Byte(4 + j / 2) & 15 : m.Byte(4 + j / 2) >> 4;
  const auto high = (m.Byte(2 + j / 4) >> static_cast<int>(j % 4 * 2)) & 3;
  const auto scale = (low | high << 4) - 32;
  return (m.Half(0) * m.ToReal(scale)) * m.Pick(kIQ4Values, Nibbles(m, 8 + 16 * j, i % 32));
}

template <typename M>
typename M::Real MXFP4(M& m, int64_t i) {
  return m.HalfPowerOfTwo(m.Byte(0)) * m.Pick(kE2M1Doubled, Nibbles(m, 1, i));
}

// Those that are no format of GGML: the 32 numbers behind an f32 that they are multiplied by. They
// hold what Hugging Face's quantised folders do (frontends/quantised).
template <typename M>
typename M::Real Q8F32(M& m, int64_t i) {
  return m.Single(0) * m.ToReal(m.SignedByte(4 + i));
}

template <typename M>
typename M::Real F8F32(M& m, int64_t i) {
  return m.Single(0) * m.E4M3(m.Byte(4 + i));
}

}  // namespace block_formats

// A row of the formats on a Machine: the value of element i, and where the f16s of a block lie that
// its elements are multiplied by or added to.
template <typename M>
struct BlockFormat {
  DType dtype;
  typename M::Real (*value)(M& machine, int64_t i);
  std::vector<int64_t> halves;
};

// In the order of the enum, from kQ8_0 on.
template <typename M>
const std::vector<BlockFormat<M>>& BlockFormats() {
  namespace f = block_formats;
  static const auto& formats = *new std::vector<BlockFormat<M>>{
      {DType::kQ8_0, f::Q8_0<M>, {0}},    {DType::kQ4_0, f::Q4_0<M>, {0}},
      {DType::kQ4_1, f::Q4_1<M>, {0, 2}}, {DType::kQ5_0, f::Q5_0<M>, {0}},
      {DType::kQ5_1, f::Q5_1<M>, {0, 2}}, {DType::kQ2K, f::Q2K<M>, {80, 82}},
      {DType::kQ3K, f::Q3K<M>, {108}},    {DType::kQ4K, f::Q4K<M>, {0, 2}},
      {DType::kQ5K, f::Q5K<M>, {0, 2}},   {DType::kQ6K, f::Q6K<M>, {208}},
      {DType::kIQ4NL, f::IQ4NL<M>, {0}},  {DType::kIQ4XS, f::IQ4XS<M>, {0}},
      {DType::kMXFP4, f::MXFP4<M>, {}},   {DType::kQ8F32, f::Q8F32<M>, {}},
      {DType::kF8F32, f::F8F32<M>, {}},
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
