#include "frontends/quantised/encode.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <iterator>
#include <numeric>
#include <vector>

#include "absl/strings/str_cat.h"
#include "glog/logging.h"
#include "ir/type/blocks.h"
#include "ir/type/dtype.h"
#include "ir/type/encoding.h"

namespace lluda::frontends::quantised {
namespace {

constexpr int64_t kBlock = 32;  // elements of all these blocks
constexpr int64_t kTileRows =
    16;  // read at a time: where columns lie together, a cache line of them

// A block's scale and numbers to its bytes.
using WriteBlock = void (*)(float scale, const int16_t* numbers, std::byte* to);

std::byte* WriteHalf(float value, std::byte* to) {
  const uint16_t bits = ir::FloatToF16(value);
  std::memcpy(to, &bits, sizeof(bits));
  return to + sizeof(bits);
}

std::byte* WriteSingle(float value, std::byte* to) {
  std::memcpy(to, &value, sizeof(value));
  return to + sizeof(value);
}

// Of two numbers that are 16 apart, the nibbles of a byte.
void WriteNibbles(const int16_t* numbers, int middle, std::byte* to) {
  for (int64_t i = 0; i < kBlock / 2; ++i) {
    const auto low = static_cast<uint32_t>(numbers[i] + middle) & 15;
    const auto high = static_cast<uint32_t>(numbers[i + kBlock / 2] + middle) & 15;
    to[i] = static_cast<std::byte>(low | high << 4);
  }
}

void WriteBytes(const int16_t* numbers, std::byte* to) {
  for (int64_t i = 0; i < kBlock; ++i) to[i] = static_cast<std::byte>(numbers[i]);
}

void WriteQ4_0(float scale, const int16_t* numbers, std::byte* to) {
  WriteNibbles(numbers, 8, WriteHalf(scale, to));
}

void WriteQ5_0(float scale, const int16_t* numbers, std::byte* to) {
  to = WriteHalf(scale, to);
  uint32_t fifth_bits = 0;
  for (int64_t i = 0; i < kBlock; ++i) {
    fifth_bits |= (static_cast<uint32_t>(numbers[i] + 16) >> 4 & 1) << i;
  }
  std::memcpy(to, &fifth_bits, sizeof(fifth_bits));
  WriteNibbles(numbers, 16, to + sizeof(fifth_bits));
}

void WriteQ8_0(float scale, const int16_t* numbers, std::byte* to) {
  WriteBytes(numbers, WriteHalf(scale, to));
}

// q8_f32 and f8_f32.
void WriteBehindSingle(float scale, const int16_t* numbers, std::byte* to) {
  WriteBytes(numbers, WriteSingle(scale, to));
}

struct Encoded {
  ir::DType dtype;
  bool is_float;        // 8-bit floats, not integers
  int least, most;      // integers
  bool has_half_scale;  // whether scales are f16
  WriteBlock write;     // null: not in blocks
};
constexpr Encoded kEncoded[] = {
    {ir::DType::kQ4_0, false, -8, 7, true, WriteQ4_0},
    {ir::DType::kQ5_0, false, -16, 15, true, WriteQ5_0},
    {ir::DType::kQ8_0, false, -128, 127, true, WriteQ8_0},
    {ir::DType::kQ8F32, false, -128, 127, false, WriteBehindSingle},
    {ir::DType::kF8F32, true, 0, 255, false, WriteBehindSingle},
    {ir::DType::kF32, false, 0, 0, false, nullptr},
};
constexpr ir::DType kDTypes[] = {ir::DType::kQ4_0,  ir::DType::kQ5_0,  ir::DType::kQ8_0,
                                 ir::DType::kQ8F32, ir::DType::kF8F32, ir::DType::kF32};

const Encoded& RowOf(ir::DType dtype) {
  const auto* row = std::find_if(std::begin(kEncoded), std::end(kEncoded),
                                 [&](const Encoded& entry) { return entry.dtype == dtype; });
  CHECK(row != std::end(kEncoded));
  return *row;
}

// Are all 32 inputs of each block in one group?
bool HasBlocks(const Linear& linear) {
  if (linear.columns % kBlock != 0) return false;
  for (int64_t i = 0; i < linear.columns; ++i) {
    if (linear.groups[i] != linear.groups[i / kBlock * kBlock]) return false;
  }
  return true;
}

// What the 256 bytes of 8-bit floats mean.
const std::array<float, 256>& E4M3Values() {
  static const auto& values = *new std::array<float, 256>([] {
    std::array<float, 256> decoded;
    for (int64_t first = 0; first < 256; first += kBlock) {
      std::array<int16_t, kBlock> numbers;
      std::iota(numbers.begin(), numbers.end(), static_cast<int16_t>(first));
      std::array<std::byte, 36> block;
      WriteBehindSingle(1, numbers.data(), block.data());
      ir::DecodeBlocks(ir::DType::kF8F32, block,
                       absl::MakeSpan(decoded).subspan(static_cast<size_t>(first), kBlock));
    }
    return decoded;
  }());
  return values;
}

absl::Status CheckFloats(const Linear& linear, int64_t row, const int16_t* numbers) {
  constexpr int kNoNumber = 127;
  for (int64_t column = 0; column < linear.columns; ++column) {
    if ((numbers[column] & kNoNumber) != kNoNumber) continue;
    return absl::InvalidArgumentError(
        absl::StrCat("the weight of output ", row, " and input ", column, " is no number"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Span<const ir::DType> EncodedDTypes() { return kDTypes; }

bool CanEncode(const Linear& linear, ir::DType dtype) {
  const Encoded& row = RowOf(dtype);
  if (row.write == nullptr) return true;
  if (row.is_float != linear.is_float() || !HasBlocks(linear)) return false;
  if (row.is_float) return true;
  return (linear.has_half_scales || !row.has_half_scale) && linear.least >= row.least &&
         linear.most <= row.most;
}

absl::Status EncodeRows(const Linear& linear, ir::DType dtype, int64_t begin, int64_t end,
                        std::byte* rows) {
  const Encoded& encoded = RowOf(dtype);
  const int64_t columns = linear.columns, block_bytes = ir::EncodingOf(encoded.dtype).bytes;
  std::vector<int16_t> tile(static_cast<size_t>(kTileRows * columns));
  for (int64_t first = begin; first < end; first += kTileRows) {
    const int64_t count = std::min(kTileRows, end - first);
    linear.ReadNumbers(first, count, tile.data());
    for (int64_t row = first; row < first + count; ++row) {
      const int16_t* numbers = tile.data() + (row - first) * columns;
      if (linear.is_float()) {
        const absl::Status status = CheckFloats(linear, row, numbers);
        if (!status.ok()) return status;
      }
      if (encoded.write != nullptr) {
        for (int64_t i = 0; i < columns; i += kBlock, rows += block_bytes) {
          encoded.write(linear.Scale(row, linear.groups[i]), numbers + i, rows);
        }
        continue;
      }
      for (int64_t i = 0; i < columns; ++i) {
        const float number =
            linear.is_float() ? E4M3Values()[numbers[i]] : static_cast<float>(numbers[i]);
        rows = WriteSingle(linear.Scale(row, linear.groups[i]) * number, rows);
      }
    }
  }
  return absl::OkStatus();
}

}  // namespace lluda::frontends::quantised
