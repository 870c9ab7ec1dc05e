#include "codegen/cpu/matmul/blocks/integer_dot.h"

#include <algorithm>
#include <iterator>
#include <map>

#include "base/align.h"
#include "codegen/cpu/matmul/blocks/block_group.h"
#include "codegen/emit/block_values.h"
#include "codegen/emit/integer.h"
#include "ir/type/encoding.h"
#include "llvm/IR/Intrinsics.h"
#include "llvm/IR/IntrinsicsX86.h"

namespace lluda::codegen {
namespace {

using Kind = machine::IntegerDot;
using Parts = std::vector<Value*>;

constexpr int64_t kBlock = 32;  // elements, of all these formats
constexpr int64_t kQuad = 4;    // elements whose bytes fill a dword
constexpr int64_t kQuads = kBlock / kQuad;
// Where a block of q8_f32 has its integers, behind the scale.
constexpr int64_t kActivations = 4;

// Where a block has its integers: an element is d * (u - zero), or d * u + m, for the number u that its
// bits hold. Bytes of 8 bits are signed.
struct IntegerFormat {
  ir::DType dtype;
  int bits;
  int64_t at;     // of the bytes, or of the nibbles: byte j holds elements j and j + 16
  int64_t fifth;  // of the u32 of fifth bits
  int zero;
  bool has_minimum;  // the f16 behind d
};
constexpr IntegerFormat kFormats[] = {
    {ir::DType::kQ8_0, 8, 2, -1, 0, false}, {ir::DType::kQ8F32, 8, 4, -1, 0, false},
    {ir::DType::kQ4_0, 4, 2, -1, 8, false}, {ir::DType::kQ4_1, 4, 4, -1, 0, true},
    {ir::DType::kQ5_0, 5, 6, 2, 16, false}, {ir::DType::kQ5_1, 5, 8, 4, 0, true},
};

const IntegerFormat& FormatOf(ir::DType dtype) {
  return *std::find_if(std::begin(kFormats), std::end(kFormats),
                       [&](const IntegerFormat& format) { return format.dtype == dtype; });
}

class BlockProducts {
 public:
  BlockProducts(Emitter& e, const IntegerDot& dot)
      : e_(e),
        b_(e.b()),
        dot_(dot),
        format_(FormatOf(dot.b)),
        part_bytes_(dot.dot == Kind::kPairs && !e.target().has_avx512() ? 32 : 64) {}

  // What is taken off u: vpdpbusd takes signed bytes as unsigned ones that are 128 more.
  int Zero() const { return format_.bits == 8 && dot_.dot == Kind::kQuads ? 128 : format_.zero; }
  bool WantsSums() const { return Zero() != 0 || format_.has_minimum; }
  bool has_minimum() const { return format_.has_minimum; }

  // Vectors of 32 bytes hold columns in another order, which is its own reverse.
  Value* Reordered(Value* columns) {
    if (part_bytes_ == 64) return columns;
    return b_.CreateShuffleVector(columns, {0, 1, 2, 3, 8, 9, 10, 11, 4, 5, 6, 7, 12, 13, 14, 15});
  }

  // The scale of each column's block, and its minimum.
  Value* Scale(BlockValues* values) {
    const bool is_wide = dot_.b == ir::DType::kQ8F32;
    return Reordered((is_wide ? values->Single(0) : values->Half(0)).value);
  }
  Value* Minimum(BlockValues* values) { return Reordered(values->Half(2).value); }

  // The sum of a row's integers, an i32.
  Value* SumOf(Value* block) {
    Value* bytes = b_.CreateAlignedLoad(e_.Int(8, kBlock), At(block, kActivations), llvm::Align(1));
    if (!e_.target().has_fma()) {
      return b_.CreateAddReduce(b_.CreateSExt(bytes, e_.Int(32, kBlock)));
    }
    Value* pairs = b_.CreateIntrinsic(llvm::Intrinsic::x86_avx2_pmadd_ub_sw, {},
                                      {e_.ConstInt(1, 8, kBlock), bytes});
    return b_.CreateAddReduce(b_.CreateIntrinsic(llvm::Intrinsic::x86_avx2_pmadd_wd, {},
                                                 {pairs, e_.ConstInt(1, 16, kBlock / 2)}));
  }

  // Of each row's block at `rows`: the sums of u times the row's integers, <16 x i32>, columns in the
  // order of Reordered.
  std::vector<Value*> Sums(Value* group, BlockValues* values, const std::vector<Value*>& rows) {
    return dot_.dot == Kind::kWidened ? WidenedSums(values, rows) : ByteSums(group, rows);
  }

 private:
  Value* At(Value* base, int64_t bytes) {
    return e_.Address(base, e_.Const(bytes), ir::DType::kI8);
  }
  int PartLanes() const { return part_bytes_ / 4; }

  // u of element i of each column.
  Value* Element(BlockValues* values, int64_t i) {
    if (format_.bits == 8) return values->SignedByte(format_.at + i).value;
    const auto byte = values->Byte(format_.at + i % (kBlock / 2));
    const auto nibble = i < kBlock / 2 ? byte & 15 : byte >> 4;
    if (format_.bits == 4) return nibble.value;
    const auto fifth = values->Byte(format_.fifth + i / 8) >> static_cast<int>(i % 8) & 1;
    return (nibble | fifth << 4).value;
  }

  std::vector<Value*> WidenedSums(BlockValues* values, const std::vector<Value*>& rows) {
    std::vector<Value*> sums(rows.size(), e_.ConstInt(0, 32, kLanes));
    for (int64_t i = 0; i < kBlock; ++i) {
      Value* column = Element(values, i);
      for (size_t row = 0; row < rows.size(); ++row) {
        Value* a =
            b_.CreateAlignedLoad(b_.getInt8Ty(), At(rows[row], kActivations + i), llvm::Align(1));
        Value* wide = e_.Splat(b_.CreateSExt(a, b_.getInt32Ty()), kLanes);
        sums[row] = b_.CreateAdd(sums[row], b_.CreateMul(column, wide));
      }
    }
    return sums;
  }

  // Four neighbouring bytes of each column's block as a dword: what lies byte by byte is transposed.
  const Parts& Dwords(Value* group, int64_t at) {
    Parts& parts = dwords_[at];
    if (!parts.empty()) return parts;
    const auto load = [&](int64_t first) {
      return b_.CreateAlignedLoad(e_.Int(8, part_bytes_), At(group, first * kLanes),
                                  llvm::Align(1));
    };
    parts = part_bytes_ == 64 ? Parts{TransposedLine(load(at))}
                              : TransposedHalves(load(at), load(at + 2));
    return parts;
  }

  // Lane L of 16 bytes gets the bytes of columns 4L .. 4L + 3, which then change places inside it.
  Value* TransposedLine(Value* line) {
    std::vector<int> lanes, bytes;
    for (int lane = 0; lane < 4; ++lane) {
      for (int i = 0; i < 4; ++i) lanes.push_back(4 * i + lane);
    }
    for (int column = 0; column < kLanes; ++column) {
      for (int i = 0; i < 4; ++i) bytes.push_back(column / 4 * 16 + 4 * i + column % 4);
    }
    Value* dwords = b_.CreateBitCast(line, e_.Int(32, kLanes));
    Value* gathered = b_.CreateShuffleVector(dwords, lanes);
    return b_.CreateShuffleVector(b_.CreateBitCast(gathered, e_.Int(8, 64)), bytes);
  }

  // Two bytes of all columns each. Columns 0-3 and 8-11 come first, as 16 bytes do not meet others.
  Parts TransposedHalves(Value* low, Value* high) {
    const auto pairs = [&](Value* two) {
      std::vector<int> bytes;
      for (int column = 0; column < kLanes; ++column) {
        bytes.insert(bytes.end(), {column, column + kLanes});
      }
      return b_.CreateBitCast(b_.CreateShuffleVector(two, bytes), e_.Int(16, 16));
    };
    Value* first = pairs(low);
    Value* second = pairs(high);
    Parts parts;
    for (const int half : {0, 4}) {
      std::vector<int> words;
      for (const int lane : {0, 8}) {
        for (int i = 0; i < 4; ++i) {
          words.insert(words.end(), {lane + half + i, lane + half + i + 16});
        }
      }
      parts.push_back(
          b_.CreateBitCast(b_.CreateShuffleVector(first, second, words), e_.Int(8, 32)));
    }
    return parts;
  }

  // u of elements 4j .. 4j + 3 of each column, a byte each.
  Parts Quad(Value* group, int64_t j) {
    if (format_.bits == 8) return Dwords(group, format_.at + kQuad * j);
    const bool is_low = j < kQuads / 2;
    Parts parts = Dwords(group, format_.at + kQuad * (j % (kQuads / 2)));
    Value* fifteen = e_.ConstInt(15, 8, part_bytes_);
    for (size_t part = 0; part < parts.size(); ++part) {
      Value*& bytes = parts[part];
      bytes = is_low ? b_.CreateAnd(bytes, fifteen) : b_.CreateLShr(bytes, 4);
      if (format_.bits == 5) {
        bytes = b_.CreateOr(bytes, FifthBits(Dwords(group, format_.fifth)[part], j));
      }
    }
    return parts;
  }

  // Bits 4j .. 4j + 3 of each dword, as bit 4 of its four bytes.
  Value* FifthBits(Value* bits, int64_t j) {
    const int lanes = PartLanes();
    Value* dwords = b_.CreateBitCast(bits, e_.Int(32, lanes));
    Value* four = b_.CreateAnd(b_.CreateLShr(dwords, kQuad * j), e_.ConstInt(15, 32, lanes));
    // Bit i comes to bit 8 i: each factor's copy of the four is shifted by 7 more.
    Value* spread = b_.CreateMul(four, e_.ConstInt(0x00204081, 32, lanes));
    Value* ones = b_.CreateAnd(spread, e_.ConstInt(0x01010101, 32, lanes));
    return b_.CreateBitCast(b_.CreateShl(ones, 4), e_.Int(8, part_bytes_));
  }

  Value* Pairs(Value* unsigned_bytes, Value* signed_bytes) {
    const auto id = part_bytes_ == 32 ? llvm::Intrinsic::x86_avx2_pmadd_ub_sw
                                      : llvm::Intrinsic::x86_avx512_pmaddubs_w_512;
    return b_.CreateIntrinsic(id, {}, {unsigned_bytes, signed_bytes});
  }

  Value* WithSignOf(Value* a, Value* bytes) {
    if (part_bytes_ == 32) {
      return b_.CreateIntrinsic(llvm::Intrinsic::x86_avx2_psign_b, {}, {a, bytes});
    }
    Value* is_negative = b_.CreateICmpSLT(bytes, e_.ConstInt(0, 8, part_bytes_));
    return b_.CreateSelect(is_negative, b_.CreateNeg(a), a);
  }

  // Sums of pairs, to which as many are added as 16 bits hold whatever the bytes are.
  struct Pending {
    Value* pairs = nullptr;
    int count = 0;
  };
  int MostPending() const { return format_.bits == 8 ? 1 : format_.bits == 5 ? 4 : 8; }

  void Flush(Pending* pending, Value** sum) {
    if (pending->count == 0) return;
    const auto id = part_bytes_ == 32 ? llvm::Intrinsic::x86_avx2_pmadd_wd
                                      : llvm::Intrinsic::x86_avx512_pmaddw_d_512;
    Value* ones = e_.ConstInt(1, 16, part_bytes_ / 2);
    *sum = b_.CreateAdd(*sum, b_.CreateIntrinsic(id, {}, {pending->pairs, ones}));
    *pending = {};
  }

  void AddPairs(Value* bytes, Value* a, Pending* pending, Value** sum) {
    if (format_.bits == 8) {
      // |u| a with the sign of u: two products of 128 * 127 fit.
      a = WithSignOf(a, bytes);
      bytes = b_.CreateBinaryIntrinsic(llvm::Intrinsic::abs, bytes, b_.getInt1(false));
    }
    Value* products = Pairs(bytes, a);
    pending->pairs = pending->count == 0 ? products : b_.CreateAdd(pending->pairs, products);
    if (++pending->count == MostPending()) Flush(pending, sum);
  }

  Value* AddQuads(Value* bytes, Value* a, Value* sum) {
    if (format_.bits == 8) bytes = b_.CreateXor(bytes, e_.ConstInt(128, 8, part_bytes_));
    llvm::Type* dwords = e_.Int(32, kLanes);
    return b_.CreateIntrinsic(llvm::Intrinsic::x86_avx512_vpdpbusd_512, {},
                              {sum, b_.CreateBitCast(bytes, dwords), b_.CreateBitCast(a, dwords)});
  }

  std::vector<Value*> ByteSums(Value* group, const std::vector<Value*>& rows) {
    dwords_.clear();
    const size_t parts = 64 / static_cast<size_t>(part_bytes_);
    std::vector<Parts> sums(rows.size(), Parts(parts, e_.ConstInt(0, 32, PartLanes())));
    std::vector<std::vector<Pending>> pending(rows.size(), std::vector<Pending>(parts));
    for (int64_t j = 0; j < kQuads; ++j) {
      const Parts quad = Quad(group, j);
      for (size_t row = 0; row < rows.size(); ++row) {
        Value* four = b_.CreateAlignedLoad(b_.getInt32Ty(), At(rows[row], kActivations + kQuad * j),
                                           llvm::Align(1));
        Value* a = b_.CreateBitCast(e_.Splat(four, PartLanes()), e_.Int(8, part_bytes_));
        for (size_t part = 0; part < parts; ++part) {
          Value*& sum = sums[row][part];
          if (dot_.dot == Kind::kQuads) {
            sum = AddQuads(quad[part], a, sum);
          } else {
            AddPairs(quad[part], a, &pending[row][part], &sum);
          }
        }
      }
    }
    std::vector<Value*> whole;
    for (const Parts& of_row : sums) {
      whole.push_back(parts == 1 ? of_row[0] : Joined(of_row[0], of_row[1]));
    }
    return whole;
  }

  Value* Joined(Value* low, Value* high) {
    return b_.CreateShuffleVector(low, high,
                                  {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15});
  }

  Emitter& e_;
  llvm::IRBuilder<>& b_;
  const IntegerDot& dot_;
  const IntegerFormat& format_;
  const int part_bytes_;
  std::map<int64_t, Parts> dwords_;  // of the group at hand, by their first byte
};

// A row's block, and what all panels multiply with.
struct RowBlock {
  Value* scale = nullptr;   // f32
  Value* zeros = nullptr;   // <16 x i32> that is taken off the sums; null: nothing is
  Value* offset = nullptr;  // <16 x float> that minimums are multiplied with; null: there are none
};

}  // namespace

std::vector<std::vector<Value*>> EmitIntegerDot(Emitter& e, const IntegerDot& dot,
                                                const std::vector<Value*>& a_rows,
                                                const std::vector<Value*>& panels) {
  auto& b = e.b();
  BlockProducts products(e, dot);
  const int64_t row_bytes = ir::EncodingOf(ir::DType::kQ8F32).bytes;
  const int64_t group_bytes = ir::EncodingOf(dot.b).bytes * kLanes;
  const auto read_row = [&](Value* block) {
    RowBlock row;
    row.scale = e.Load(block, ir::DType::kF32, 1);
    if (!products.WantsSums()) return row;
    Value* sum = products.SumOf(block);
    if (products.Zero() != 0) {
      row.zeros = e.Splat(b.CreateMul(sum, b.getInt32(products.Zero())), kLanes);
    }
    if (products.has_minimum()) {
      Value* floats = b.CreateSIToFP(sum, e.F32(1));
      row.offset = e.Splat(b.CreateFMul(row.scale, floats), kLanes);
    }
    return row;
  };
  const Emitter::Carried zeros(a_rows.size() * panels.size(), e.ConstF32(0.0f, kLanes));
  const Emitter::Carried totals = e.Loop(
      e.Const(0), e.Const(dot.depth_total / kBlock), 1, zeros,
      [&](Value* block, const Emitter::Carried& before) {
        Emitter::Carried sums = before;
        std::vector<Value*> blocks;
        std::vector<RowBlock> rows;
        for (Value* a_row : a_rows) {
          blocks.push_back(e.Address(a_row, Integer(e, block) * row_bytes, ir::DType::kI8));
          rows.push_back(read_row(blocks.back()));
        }
        for (size_t panel = 0; panel < panels.size(); ++panel) {
          Value* group = e.Address(panels[panel], Integer(e, block) * group_bytes, ir::DType::kI8);
          PrefetchGroup(e, dot.b, group, dot.prefetch_bytes);
          BlockValues values(e, dot.b, group, kLanes, kLanes);
          Value* scale = products.Scale(&values);
          const std::vector<Value*> integers = products.Sums(group, &values, blocks);
          for (size_t row = 0; row < rows.size(); ++row) {
            Value* integer = integers[row];
            if (rows[row].zeros != nullptr) integer = b.CreateSub(integer, rows[row].zeros);
            Value* scales = b.CreateFMul(scale, e.Splat(rows[row].scale, kLanes));
            Value*& sum = sums[row * panels.size() + panel];
            sum = e.MulAdd(b.CreateSIToFP(integer, e.F32(kLanes)), scales, sum);
            if (rows[row].offset != nullptr) {
              sum = e.MulAdd(products.Minimum(&values), rows[row].offset, sum);
            }
          }
        }
        return sums;
      });
  std::vector<std::vector<Value*>> result(a_rows.size());
  for (size_t i = 0; i < totals.size(); ++i) {
    result[i / panels.size()].push_back(products.Reordered(totals[i]));
  }
  return result;
}

}  // namespace lluda::codegen
