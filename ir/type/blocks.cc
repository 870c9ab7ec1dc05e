#include "ir/type/blocks.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "glog/logging.h"
#include "ir/type/block_formats.h"
#include "ir/type/block_search.h"
#include "ir/type/encoding.h"
#include "ir/type/search_numbers.h"

namespace lluda::ir {
namespace {

uint16_t ReadHalf(const std::byte* from) {
  uint16_t bits;
  std::memcpy(&bits, from, sizeof(bits));
  return bits;
}

// ir/type/block_formats.h on the bytes of one block.
struct Numbers {
  using Int = int32_t;
  using Real = float;

  const std::byte* block;

  Int Byte(int64_t at) const { return std::to_integer<int32_t>(block[at]); }
  Int SignedByte(int64_t at) const { return static_cast<int8_t>(block[at]); }
  Real Half(int64_t at) const { return F16ToFloat(ReadHalf(block + at)); }
  Real ToReal(Int value) const { return static_cast<float>(value); }
  Real Nibble(Int bits, int less) const { return static_cast<float>((bits & 15) - less); }
  Real Pick(const int8_t (&table)[16], Int bits) const { return table[bits & 15]; }
  Real HalfPowerOfTwo(Int e) const { return std::ldexp(1.0f, e - 128); }
  Int FifthBit(int64_t at, int64_t i) const { return block_formats::FifthBitOf(*this, at, i); }
  Real Single(int64_t at) const {
    float value;
    std::memcpy(&value, block + at, sizeof(value));
    return value;
  }
  Real E4M3(Int byte) const {
    const int exponent = byte >> 3 & 15, mantissa = byte & 7;
    const auto significand = static_cast<float>(exponent == 0 ? mantissa : mantissa + 8);
    const float magnitude = std::ldexp(significand, std::max(exponent, 1) - 10);
    return byte >= 128 ? -magnitude : magnitude;
  }
};

// What a quantiser has found about a block's numbers.
struct Range {
  float least, most;  // of all
  float largest;      // the first of the largest magnitude
};

Range RangeOf(const float* x, int64_t count) {
  Range range{x[0], x[0], 0};
  float magnitude = 0;
  for (int64_t i = 0; i < count; ++i) {
    range.least = std::min(range.least, x[i]);
    range.most = std::max(range.most, x[i]);
    if (magnitude < std::fabs(x[i])) {
      magnitude = std::fabs(x[i]);
      range.largest = x[i];
    }
  }
  return range;
}

// How a block of 32 numbers becomes integers: `bits` each, the value being d * q + m.
struct Quantiser {
  DType dtype;
  int bits;
  // d and m of a block, and what is added to (x - m) / d before it is cut to a whole number.
  float (*scale)(const Range& range);
  bool has_minimum;
  float rounding;
  // d is an f32, and integers are the nearest ones, of two the even one.
  bool is_wide = false;
};

float OfMagnitude127(const Range& range) { return std::fabs(range.largest) / 127.0f; }
template <int kLevels>
float OfLargest(const Range& range) {
  return range.largest / -static_cast<float>(kLevels);
}
template <int kLevels>
float OfRange(const Range& range) {
  return (range.most - range.least) / static_cast<float>(kLevels);
}

constexpr Quantiser kQuantisers[] = {
    {DType::kQ8_0, 8, OfMagnitude127, false, 0.0f},
    {DType::kQ4_0, 4, OfLargest<8>, false, 8.5f},
    {DType::kQ4_1, 4, OfRange<15>, true, 0.5f},
    {DType::kQ5_0, 5, OfLargest<16>, false, 16.5f},
    {DType::kQ5_1, 5, OfRange<31>, true, 0.5f},
    {DType::kQ8F32, 8, OfMagnitude127, false, 0.0f, true},
};

const Quantiser* FindQuantiser(DType dtype) {
  for (const Quantiser& quantiser : kQuantisers) {
    if (quantiser.dtype == dtype) return &quantiser;
  }
  return nullptr;
}

std::byte* WriteSingle(float value, std::byte* to) {
  std::memcpy(to, &value, sizeof(value));
  return to + sizeof(value);
}

std::byte* WriteHalf(float value, std::byte* to) {
  const uint16_t bits = FloatToF16(value);
  std::memcpy(to, &bits, sizeof(bits));
  return to + sizeof(bits);
}

constexpr int64_t kBlock = 32;  // of all these formats

// The whole number towards zero of what should lie within these limits; no number becomes the least.
int32_t Whole(float x, float least, float most) {
  return static_cast<int32_t>(x > least ? std::min(x, most) : least);
}

void EncodeBlock(const Quantiser& quantiser, const float* x, std::byte* to) {
  const Range range = RangeOf(x, kBlock);
  const float d = quantiser.scale(range);
  const float inverse = d != 0 ? 1.0f / d : 0.0f;
  const float least = quantiser.has_minimum ? range.least : 0.0f;
  to = quantiser.is_wide ? WriteSingle(d, to) : WriteHalf(d, to);
  if (quantiser.has_minimum) to = WriteHalf(range.least, to);
  if (quantiser.bits == 8) {
    for (int64_t i = 0; i < kBlock; ++i) {
      const float quotient = x[i] * inverse;
      const float nearest = quantiser.is_wide ? std::nearbyint(quotient) : std::round(quotient);
      to[i] = static_cast<std::byte>(Whole(nearest, -127, 127));
    }
    return;
  }
  const auto most = static_cast<float>((1 << quantiser.bits) - 1);
  uint32_t fifth_bits = 0;
  std::byte* nibbles = quantiser.bits == 5 ? to + sizeof(fifth_bits) : to;
  for (int64_t i = 0; i < kBlock; ++i) {
    const float quotient = (x[i] - least) * inverse;
    const auto q = static_cast<uint32_t>(Whole(quotient + quantiser.rounding, 0, most));
    fifth_bits |= (q >> 4 & 1) << i;
    const auto nibble = static_cast<std::byte>(q & 15);
    if (i < kBlock / 2) {
      nibbles[i] = nibble;
    } else {
      nibbles[i - kBlock / 2] |= nibble << 4;
    }
  }
  if (quantiser.bits == 5) std::memcpy(to, &fifth_bits, sizeof(fifth_bits));
}

// How many blocks the bytes are.
int64_t BlockCount(DType dtype, size_t bytes) {
  const Encoding& encoding = EncodingOf(dtype);
  CHECK(!encoding.is_plain()) << DTypeName(dtype);
  CHECK_EQ(static_cast<int64_t>(bytes) % encoding.bytes, 0) << DTypeName(dtype);
  return static_cast<int64_t>(bytes) / encoding.bytes;
}

}  // namespace

void DecodeBlocks(DType dtype, absl::Span<const std::byte> blocks, absl::Span<float> values) {
  const Encoding& encoding = EncodingOf(dtype);
  const int64_t count = BlockCount(dtype, blocks.size());
  CHECK_EQ(static_cast<int64_t>(values.size()), count * encoding.elements);
  const BlockFormat<Numbers>& format = BlockFormatOf<Numbers>(dtype);
  float* next = values.data();
  for (int64_t block = 0; block < count; ++block) {
    Numbers numbers{blocks.data() + block * encoding.bytes};
    for (int64_t i = 0; i < encoding.elements; ++i) *next++ = format.value(numbers, i);
  }
}

absl::Span<const int64_t> HalvesOfBlock(DType dtype) {
  CHECK(IsBlock(dtype)) << DTypeName(dtype);
  return BlockFormatOf<Numbers>(dtype).halves;
}

absl::Status CheckBlockScales(DType dtype, absl::Span<const std::byte> blocks) {
  constexpr uint16_t kExponent = 0x7C00;  // all ones: infinite or no number
  // Of an mxfp4 block the largest number is 6 times the power of two, and 6 * 2^125 is the largest float.
  constexpr int kMostPower = 127 + 125;
  const Encoding& encoding = EncodingOf(dtype);
  const int64_t count = BlockCount(dtype, blocks.size());
  const absl::Span<const int64_t> halves = HalvesOfBlock(dtype);
  const auto is_finite = [&](const std::byte* block) {
    if (dtype == DType::kMXFP4) return std::to_integer<int>(block[0]) <= kMostPower;
    return std::all_of(halves.begin(), halves.end(),
                       [&](int64_t at) { return (ReadHalf(block + at) & kExponent) != kExponent; });
  };
  for (int64_t block = 0; block < count; ++block) {
    if (is_finite(blocks.data() + block * encoding.bytes)) continue;
    return absl::InvalidArgumentError(
        absl::StrCat("block ", block, " of ", DTypeName(dtype), " has a scale that is not finite"));
  }
  return absl::OkStatus();
}

bool TakesImportance(DType dtype) { return FindSearchedEncoder<SearchNumbers>(dtype) != nullptr; }

bool CanEncodeBlocks(DType dtype) {
  return FindQuantiser(dtype) != nullptr || TakesImportance(dtype);
}

void EncodeBlocks(DType dtype, absl::Span<const float> values, absl::Span<std::byte> blocks,
                  absl::Span<const float> importance) {
  const int64_t count = BlockCount(dtype, blocks.size());
  const auto& [elements, bytes] = EncodingOf(dtype);
  CHECK_EQ(static_cast<int64_t>(values.size()), count * elements);
  if (const auto searched = FindSearchedEncoder<SearchNumbers>(dtype); searched != nullptr) {
    const auto row = static_cast<int64_t>(importance.size());
    CHECK(row == 0 || (count * elements % row == 0 && row % elements == 0)) << row;
    for (int64_t block = 0; block < count; ++block) {
      const int64_t first = block * elements;
      SearchNumbers numbers{values.data() + first,
                            row == 0 ? nullptr : importance.data() + first % row,
                            blocks.data() + block * bytes};
      searched(numbers);
    }
    return;
  }
  const Quantiser* quantiser = FindQuantiser(dtype);
  CHECK(quantiser != nullptr && importance.empty()) << DTypeName(dtype);
  for (int64_t block = 0; block < count; ++block) {
    EncodeBlock(*quantiser, values.data() + block * kBlock, blocks.data() + block * bytes);
  }
}

}  // namespace lluda::ir
