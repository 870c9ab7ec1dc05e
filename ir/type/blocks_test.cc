#include "ir/type/blocks.h"

#include <cmath>
#include <cstring>
#include <fstream>
#include <limits>
#include <random>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "base/random.h"
#include "base/sha256.h"
#include "gtest/gtest.h"
#include "ir/type/encoding.h"

namespace lluda::ir {
namespace {

// A line of testdata/blocks.txt; reference_data/make_blocks.py says what they mean.
struct Line {
  std::string kind, dtype, what, sha256;
  uint64_t seed = 0;
  int64_t blocks = 0;
};

std::vector<Line> Lines(const std::string& kind) {
  std::ifstream file("ir/type/testdata/blocks.txt");
  std::vector<Line> lines;
  Line line;
  while (file >> line.kind >> line.dtype >> line.seed >> line.blocks >> line.what >> line.sha256) {
    if (line.kind == kind) lines.push_back(line);
  }
  return lines;
}

std::vector<std::byte> RandomBlocks(const Line& line, const Encoding& encoding) {
  base::SplitMix64 random(line.seed);
  std::vector<std::byte> bytes(line.blocks * encoding.bytes);
  uint64_t number = 0;
  for (size_t i = 0; i < bytes.size(); ++i) {
    if (i % 8 == 0) number = random.Next();
    bytes[i] = static_cast<std::byte>(number >> (i % 8 * 8));
  }
  if (line.what == "-") return bytes;
  for (const absl::string_view word : absl::StrSplit(line.what, ',')) {
    int at = 0;
    EXPECT_TRUE(absl::SimpleAtoi(word, &at));
    for (int64_t block = 0; block < line.blocks; ++block) {
      bytes[block * encoding.bytes + at + 1] &= std::byte{0xBF};
    }
  }
  return bytes;
}

std::vector<float> RandomValues(const Line& line) {
  base::SplitMix64 random(line.seed);
  std::vector<float> values(line.blocks * 32);
  for (int64_t i = 0; i < line.blocks * 32; ++i) {
    const int64_t block = i / 32;
    const double scale = std::pow(4.0, static_cast<double>(block % 7 - 3));
    const auto value = static_cast<float>((random.NextUnit() - 0.5) * scale);
    values[i] = block == 3 ? 0 : line.what == "bf16" ? RoundTo(DType::kBF16, value) : value;
  }
  return values;
}

template <typename Element>
std::string Sha256(const std::vector<Element>& elements) {
  const auto* bytes = reinterpret_cast<const char*>(elements.data());
  return base::HexOf(base::Sha256({bytes, elements.size() * sizeof(Element)}));
}

TEST(BlocksTest, EveryFormatDecodesToTheReferencesBits) {
  const std::vector<Line> lines = Lines("decode");
  // All but the two formats with f32 scales, which are no others' than lluda's.
  ASSERT_EQ(lines.size(), kDTypeCount - static_cast<size_t>(DType::kQ8_0) - 2);
  for (const Line& line : lines) {
    const std::optional<DType> dtype = DTypeFromName(line.dtype);
    ASSERT_TRUE(dtype.has_value()) << line.dtype;
    const Encoding& encoding = EncodingOf(*dtype);
    const std::vector<std::byte> blocks = RandomBlocks(line, encoding);
    std::vector<float> values(line.blocks * encoding.elements);
    DecodeBlocks(*dtype, blocks, absl::MakeSpan(values));
    EXPECT_EQ(Sha256(values), line.sha256) << line.dtype;
  }
}

// A block of 32 with this f32 in front.
std::vector<float> DecodedBehind(DType dtype, float scale, const std::vector<uint8_t>& bytes) {
  std::vector<std::byte> block(36);
  std::memcpy(block.data(), &scale, sizeof(scale));
  std::memcpy(block.data() + sizeof(scale), bytes.data(), bytes.size());
  std::vector<float> values(32);
  DecodeBlocks(dtype, block, absl::MakeSpan(values));
  return values;
}

TEST(BlocksTest, Q8F32IsAnF32TimesSignedBytes) {
  const std::vector<float> values = DecodedBehind(DType::kQ8F32, 0.3f, {0, 1, 127, 128, 255});
  EXPECT_EQ(values[0], 0);
  EXPECT_EQ(values[1], 0.3f);
  EXPECT_EQ(values[2], 0.3f * 127);
  EXPECT_EQ(values[3], 0.3f * -128);
  EXPECT_EQ(values[4], -0.3f);
}

// By the definition: 1 sign, 4 exponent bits with a bias of 7, 3 mantissa bits, no infinities.
TEST(BlocksTest, F8F32IsAnF32TimesEveryE4M3Number) {
  for (int first = 0; first < 256; first += 32) {
    std::vector<uint8_t> bytes;
    for (int i = 0; i < 32; ++i) bytes.push_back(static_cast<uint8_t>(first + i));
    const std::vector<float> values = DecodedBehind(DType::kF8F32, 1.5f, bytes);
    for (int i = 0; i < 32; ++i) {
      const int byte = first + i, exponent = byte / 8 % 16;
      if (byte % 128 == 127) continue;  // no number
      const double mantissa = byte % 8 / 8.0;
      const double magnitude = exponent == 0 ? mantissa * std::pow(2.0, -6)
                                             : (1 + mantissa) * std::pow(2.0, exponent - 7);
      EXPECT_EQ(values[i], 1.5 * (byte < 128 ? magnitude : -magnitude)) << byte;
    }
  }
}

TEST(BlocksTest, QuantisersWriteTheReferencesBytes) {
  const std::vector<Line> lines = Lines("encode");
  ASSERT_EQ(lines.size(), 10u);
  for (const Line& line : lines) {
    const std::optional<DType> dtype = DTypeFromName(line.dtype);
    ASSERT_TRUE(dtype.has_value() && CanEncodeBlocks(*dtype)) << line.dtype;
    std::vector<std::byte> blocks(line.blocks * EncodingOf(*dtype).bytes);
    EncodeBlocks(*dtype, RandomValues(line), absl::MakeSpan(blocks));
    EXPECT_EQ(Sha256(blocks), line.sha256) << line.dtype << " of " << line.what;
  }
  EXPECT_FALSE(CanEncodeBlocks(DType::kMXFP4));
  EXPECT_FALSE(CanEncodeBlocks(DType::kF32));
}

// The largest is 127 scales, and what lies half-way between two integers becomes the even one.
TEST(BlocksTest, Q8F32RoundsToNearestEven) {
  std::vector<float> values(32, 0.0f), back(32);
  values[0] = -63.5f;
  for (int i = 1; i < 32; ++i) values[i] = 0.25f * static_cast<float>(i);
  std::vector<std::byte> block(EncodingOf(DType::kQ8F32).bytes);
  EncodeBlocks(DType::kQ8F32, values, absl::MakeSpan(block));
  DecodeBlocks(DType::kQ8F32, block, absl::MakeSpan(back));
  EXPECT_EQ(back[0], -63.5f);
  EXPECT_EQ(back[1], 0.0f);   // 0.5 scales
  EXPECT_EQ(back[3], 1.0f);   // 1.5
  EXPECT_EQ(back[5], 1.0f);   // 2.5
  EXPECT_EQ(back[31], 8.0f);  // 15.5
}

TEST(BlocksTest, WhatIsDecodedIsEncodedToWithinHalfAStep) {
  for (const DType dtype :
       {DType::kQ8_0, DType::kQ4_0, DType::kQ4_1, DType::kQ5_0, DType::kQ5_1, DType::kQ8F32}) {
    std::vector<float> values(32), back(32);
    for (int i = 0; i < 32; ++i) values[i] = static_cast<float>(i) - 31;  // -31 to 0
    std::vector<std::byte> blocks(EncodingOf(dtype).bytes);
    EncodeBlocks(dtype, values, absl::MakeSpan(blocks));
    DecodeBlocks(dtype, blocks, absl::MakeSpan(back));
    for (int i = 0; i < 32; ++i) {
      // Of 4 bits a step is 31/8 or less.
      EXPECT_NEAR(back[i], values[i], 31.0 / 16 + 0.02) << DTypeName(dtype) << " " << i;
    }
  }
}

// The error of blocks by the sum of their numbers' squares; each column counts by its weight, if there
// are any, and weighs as much in the search where that is `known`.
double ErrorOf(DType dtype, const std::vector<float>& values,
               const std::vector<float>& weights = {}, bool known = true) {
  const Encoding& encoding = EncodingOf(dtype);
  const auto count = static_cast<int64_t>(values.size());
  std::vector<std::byte> blocks(static_cast<size_t>(count / encoding.elements * encoding.bytes));
  std::vector<float> back(values.size());
  EncodeBlocks(dtype, values, absl::MakeSpan(blocks), known ? weights : std::vector<float>());
  DecodeBlocks(dtype, blocks, absl::MakeSpan(back));
  double error = 0, total = 0;
  for (size_t i = 0; i < values.size(); ++i) {
    const double weight = weights.empty() ? 1 : weights[i % weights.size()];
    error += weight * std::pow(static_cast<double>(back[i]) - values[i], 2);
    total += weight * std::pow(static_cast<double>(values[i]), 2);
  }
  return error / total;
}

TEST(BlocksTest, SearchedBlocksAreAsNearAsTheirBitsAllow) {
  std::mt19937 random(3);
  std::normal_distribution<float> normal(0, 0.02f);
  std::vector<float> values(256 * 64);
  for (float& value : values) value = normal(random);
  // What the reference's quantisers (ggml) lose of normal numbers.
  EXPECT_LT(ErrorOf(DType::kQ6K, values), 3.18e-4);
  EXPECT_LT(ErrorOf(DType::kQ5K, values), 1.31e-3);
  EXPECT_LT(ErrorOf(DType::kQ4K, values), 5.14e-3);
  EXPECT_LT(ErrorOf(DType::kQ3K, values), 2.29e-2);
  EXPECT_LT(ErrorOf(DType::kQ2K, values), 8.85e-2);
  EXPECT_LT(ErrorOf(DType::kIQ4NL, values), 5.81e-3);
  EXPECT_LT(ErrorOf(DType::kIQ4XS, values), 5.90e-3);
  EXPECT_LT(ErrorOf(DType::kQ4K, values), 0.9 * ErrorOf(DType::kQ4_0, values));
  EXPECT_LT(ErrorOf(DType::kQ5K, values), 0.9 * ErrorOf(DType::kQ5_0, values));
}

constexpr DType kSearched[] = {DType::kQ2K, DType::kQ3K,   DType::kQ4K,  DType::kQ5K,
                               DType::kQ6K, DType::kIQ4NL, DType::kIQ4XS};

TEST(BlocksTest, WhatIsImportantIsLessOff) {
  std::mt19937 random(4);
  std::normal_distribution<float> normal(0, 0.02f), spread(0, 1.5f);
  std::vector<float> values(1024 * 16), importance(1024);
  for (float& value : values) value = normal(random);
  for (float& each : importance) each = std::exp(spread(random));
  for (const DType dtype : kSearched) {
    EXPECT_TRUE(TakesImportance(dtype));
    EXPECT_LT(ErrorOf(dtype, values, importance), 0.75 * ErrorOf(dtype, values, importance, false))
        << DTypeName(dtype);
    // That all are equally important changes nothing.
    const std::vector<float> ones(1024, 1.0f);
    EXPECT_EQ(ErrorOf(dtype, values, ones), ErrorOf(dtype, values)) << DTypeName(dtype);
  }
  EXPECT_FALSE(TakesImportance(DType::kQ4_0));
}

TEST(BlocksTest, SearchedBlocksHoldWhatLiesOnTheirGrid) {
  // Sub-blocks of whole numbers 0 .. 15 less a minimum, and of -32 .. 31.
  std::vector<float> affine, symmetric;
  for (int i = 0; i < 256; ++i) {
    affine.push_back(static_cast<float>(i * 7 % 16 - 5));
    symmetric.push_back(static_cast<float>(i * 11 % 64 - 32));
  }
  EXPECT_LT(ErrorOf(DType::kQ4K, affine), 1e-5);
  EXPECT_LT(ErrorOf(DType::kQ6K, symmetric), 1e-3);
  for (const DType dtype : kSearched) {
    const Encoding& encoding = EncodingOf(dtype);
    std::vector<float> zeros(256, 0.0f), back(256, 1.0f);
    std::vector<std::byte> block(static_cast<size_t>(256 / encoding.elements * encoding.bytes));
    EncodeBlocks(dtype, zeros, absl::MakeSpan(block));
    DecodeBlocks(dtype, block, absl::MakeSpan(back));
    EXPECT_EQ(back, zeros) << DTypeName(dtype);
    // Numbers of one sign, and all the same.
    EXPECT_LT(ErrorOf(dtype, std::vector<float>(256, -0.75f)), 1e-5) << DTypeName(dtype);
    EXPECT_LT(ErrorOf(dtype, std::vector<float>(256, 0.75f)), 1e-3) << DTypeName(dtype);
  }
}

TEST(BlocksTest, NumbersThatAreNoneGiveBlocksAllTheSame) {
  const float infinity = std::numeric_limits<float>::infinity();
  for (const float odd : {infinity, -infinity, std::nanf(""), 1e-42f, 3e38f}) {
    for (const DType dtype : {DType::kQ8_0, DType::kQ4_0, DType::kQ4_1, DType::kQ5_0, DType::kQ5_1,
                              DType::kQ8F32, DType::kQ2K, DType::kQ3K, DType::kQ4K, DType::kQ5K,
                              DType::kQ6K, DType::kIQ4NL, DType::kIQ4XS}) {
      std::vector<float> values(static_cast<size_t>(EncodingOf(dtype).elements), 1);
      values[7] = odd;
      std::vector<std::byte> blocks(EncodingOf(dtype).bytes);
      EncodeBlocks(dtype, values, absl::MakeSpan(blocks));  // the sanitizers would object
    }
  }
}

TEST(BlocksTest, AScaleThatIsNotFiniteIsFoundByItsBlock) {
  std::vector<std::byte> blocks(3 * 20);
  EXPECT_TRUE(CheckBlockScales(DType::kQ4_1, blocks).ok());
  blocks[20 + 3] = std::byte{0x7C};  // the second one's minimum
  EXPECT_EQ(CheckBlockScales(DType::kQ4_1, blocks).message(),
            "block 1 of q4_1 has a scale that is not finite");
  std::vector<std::byte> last(2 * 210);
  last[419] = std::byte{0xFE};
  EXPECT_EQ(CheckBlockScales(DType::kQ6K, last).message(),
            "block 1 of q6_k has a scale that is not finite");
}

TEST(BlocksTest, PowersOfTwoAreCheckedToo) {
  std::vector<std::byte> blocks(3 * 17, std::byte{0x77});  // 6 times the power, all of it
  for (const int power : {253, 254, 255}) {
    blocks[17] = std::byte{static_cast<uint8_t>(power)};
    EXPECT_EQ(CheckBlockScales(DType::kMXFP4, blocks).message(),
              "block 1 of mxfp4 has a scale that is not finite");
  }
  blocks[17] = std::byte{252};
  EXPECT_TRUE(CheckBlockScales(DType::kMXFP4, blocks).ok());
  std::vector<float> values(3 * 32);
  DecodeBlocks(DType::kMXFP4, blocks, absl::MakeSpan(values));
  EXPECT_EQ(values[32], 6 * 0x1p125f);
}

}  // namespace
}  // namespace lluda::ir
