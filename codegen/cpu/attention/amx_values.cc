#include "codegen/cpu/attention/amx_values.h"

#include <algorithm>
#include <numeric>

#include "base/align.h"
#include "codegen/cpu/emit/amx.h"
#include "codegen/emit/integer.h"
#include "ir/type/encoding.h"

namespace lluda::codegen {
namespace {

constexpr int kDigits = 3;
constexpr int64_t kTileRowBytes = 64;
constexpr int64_t kTileBytes = kAmxTileBytes;
// Bytes of a column's values in a panel, as a tile's row has two of them.
constexpr int64_t kPanelColumnBytes = kTileRowBytes / 2;
// Elements of 16 bits in a register of 512.
constexpr int kWords = 2 * kLanes;
constexpr int64_t kAlign = base::kCacheLine;

// Numbers first, first + step, ... for a shuffle.
std::vector<int> Every(int first, int step, int count) {
  std::vector<int> numbers(static_cast<size_t>(count));
  for (int i = 0; i < count; ++i) numbers[static_cast<size_t>(i)] = first + i * step;
  return numbers;
}

}  // namespace

AmxValues::AmxValues(const AttentionOperands& operands, Emitter& e, int64_t at, int64_t rows,
                     int64_t positions)
    : o_(operands),
      e_(e),
      tiles_((rows + kAmxRows - 1) / kAmxRows),
      positions_(positions),
      weights_at_(at),
      pairs_at_(weights_at_ + positions / kAmxDepth * kDigits * tiles_ * kTileBytes),
      sums_at_(pairs_at_ + o_.Vectors() * positions * kPanelColumnBytes),
      scratch_bytes_(sums_at_ + tiles_ * kAmxRows * o_.Vectors() * kTileRowBytes - at) {}

Value* AmxValues::At(int64_t part, Value* bytes) {
  return e_.Address(e_.Scratch(), Integer(e_, bytes) + part, ir::DType::kI8);
}

Value* AmxValues::StepOfWeights(Value* column) {
  return At(weights_at_, Integer(e_, column) / kAmxDepth * (kDigits * tiles_ * kTileBytes));
}

void AmxValues::StoreWeights(Value* row, Value* column, Value* first, Value* second) {
  auto& b = e_.b();
  const Integer number(e_, row);
  Value* line = e_.Address(StepOfWeights(column),
                           number / kAmxRows * kTileBytes + number % kAmxRows * kTileRowBytes,
                           ir::DType::kI8);
  llvm::Type* words = e_.Int(16, kWords);
  Value* high = e_.ConstInt(0xFFFF0000, 32, kLanes);
  Value* rest[] = {first, second};
  for (int digit = 0; digit < kDigits; ++digit) {
    Value* halves[2];
    for (int i = 0; i < 2; ++i) halves[i] = b.CreateBitCast(rest[i], words);
    // The upper halves of all.
    Value* digits = b.CreateShuffleVector(halves[0], halves[1], Every(1, 2, kWords));
    b.CreateAlignedStore(digits,
                         e_.Address(line, e_.Const(digit * tiles_ * kTileBytes), ir::DType::kI8),
                         llvm::Align(kAlign));
    for (int i = 0; i < 2 && digit + 1 < kDigits; ++i) {
      Value* bits = b.CreateBitCast(rest[i], e_.Int(32, kLanes));
      Value* leading = b.CreateBitCast(b.CreateAnd(bits, high), e_.F32(kLanes));
      rest[i] = b.CreateFSub(rest[i], leading);
    }
  }
}

// Of the column whose values begin at offset `row`.
Value* AmxValues::LoadElements(Value* row, Value* first) {
  Value* at = e_.Address(e_.Buffer(AttentionOperands::kV), Integer(e_, row) + first, o_.v.dtype);
  return e_.b().CreateAlignedLoad(e_.Int(16, kWords), at, Emitter::AlignOf(o_.v.dtype));
}

void AmxValues::StorePairs(Value* column, Value* first, Value* even, Value* odd) {
  auto& b = e_.b();
  for (int half = 0; half < 2; ++half) {
    std::vector<int> order;
    for (int i = half * kLanes; i < (half + 1) * kLanes; ++i) {
      order.push_back(i);
      order.push_back(i + kWords);
    }
    const Integer panel = Integer(e_, first) / kLanes + half;
    Value* to = At(pairs_at_, (panel * positions_ + column) * kPanelColumnBytes);
    b.CreateAlignedStore(b.CreateShuffleVector(even, odd, order), to, llvm::Align(kAlign));
  }
}

void AmxValues::Pair(const Cached& cached, Value* begin, Value* end) {
  e_.Loop(begin, end, 2, [&](Value* column) {
    Value* next = Integer(e_, column) + 1;
    Value* even = e_.Offset(o_.v.axes, cached(column));
    Value* odd = e_.Offset(o_.v.axes, cached(next));
    e_.InRounds(o_.dims / kWords, [&](Value* i) {
      Value* first = Integer(e_, i) * kWords;
      StorePairs(column, first, LoadElements(even, first), LoadElements(odd, first));
    });
  });
}

Value* AmxValues::PairSeen(const Cached& cached, Value* begin, Value* end, Value* hidden,
                           Value* seen) {
  auto& b = e_.b();
  Value* exponent = e_.ConstInt(0x7F80, 16, kWords);
  Value* zero = e_.ConstInt(0, 16, kWords);
  const auto load = [&](Value* row, Value* column, Value* first) {
    Value* is_seen = b.CreateAnd(b.CreateICmpSGE(column, hidden), b.CreateICmpSLT(column, seen));
    return b.CreateSelect(is_seen, LoadElements(row, first), zero);
  };
  const Emitter::Carried none = {llvm::Constant::getNullValue(e_.Int(1, kWords))};
  Value* odd_ones =
      e_.Loop(begin, end, 2, none, [&](Value* column, const Emitter::Carried& so_far) {
        Value* next = Integer(e_, column) + 1;
        Value* even = e_.Offset(o_.v.axes, cached(column));
        Value* odd = e_.Offset(o_.v.axes, cached(next));
        const auto pair = [&](Value* first, const Emitter::Carried& before) {
          Value* both[] = {load(even, column, first), load(odd, next, first)};
          Value* found = before[0];
          for (Value* elements : both) {
            found = b.CreateOr(found, b.CreateICmpEQ(b.CreateAnd(elements, exponent), exponent));
          }
          StorePairs(column, first, both[0], both[1]);
          return Emitter::Carried{found};
        };
        return e_.Loop(e_.Const(0), e_.Const(o_.dims), kWords, so_far, pair);
      })[0];
  return b.CreateOrReduce(odd_ones);
}

int64_t AmxValues::Steps() const { return o_.Vectors() / 2 * (positions_ / kAmxDepth); }

void AmxValues::Multiply(int rows, Value* begin, Value* end,
                         const std::function<void(Value* step)>& visit) {
  const int tiles = rows > kAmxRows ? 2 : 1;
  const int64_t panel_bytes = positions_ * kPanelColumnBytes;
  const Integer from = Integer(e_, begin) * kPanelColumnBytes;
  e_.Loop(e_.Const(0), e_.Const(o_.Vectors()), 2, [&](Value* d) {
    AmxDot dot{{}, {}, Integer(e_, end) - begin};
    for (int i = 0; i < tiles; ++i) {
      dot.a.push_back({e_.Address(StepOfWeights(begin), e_.Const(i * kTileBytes), ir::DType::kI8),
                       e_.Const(kTileRowBytes), e_.Const(kDigits * tiles_ * kTileBytes)});
    }
    for (int j = 0; j < 2; ++j) {
      dot.panels.push_back(At(pairs_at_, (Integer(e_, d) + j) * panel_bytes + from));
    }
    dot.digits = kDigits;
    dot.digit_bytes = tiles_ * kTileBytes;
    dot.out_row = o_.Vectors() * kLanes;
    if (visit) {
      dot.visit = [&](Value* k) {
        const Integer before = Integer(e_, d) / 2 * (positions_ / kAmxDepth);
        visit(before + Integer(e_, k) / kAmxDepth);
      };
    }
    EmitAmxDot(e_, dot, At(sums_at_, Integer(e_, d) * kTileRowBytes));
  });
}

Value* AmxValues::Sums(Value* row, Value* d) {
  return At(sums_at_, (Integer(e_, row) * o_.Vectors() + d) * kTileRowBytes);
}

}  // namespace lluda::codegen
