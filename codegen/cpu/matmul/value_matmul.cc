#include "codegen/cpu/matmul/value_matmul.h"

#include <algorithm>
#include <functional>
#include <utility>
#include <vector>

#include "codegen/cpu/emit/transpose.h"
#include "codegen/emit/integer.h"
#include "codegen/emit/lanes.h"
#include "codegen/emit/tensor_access.h"
#include "ir/op/contraction.h"
#include "ir/type/encoding.h"

namespace lluda::codegen {
namespace {

// Rows of an item, whole tiles: enough to pay for bringing columns into scratch memory.
constexpr int64_t kItemRows = 32;
// The most elements of a sum whose columns fit the nearest cache beside the rows.
constexpr int64_t kMostDepth = 256;
// Products in a nanosecond, roughly.
constexpr int64_t kProductsPerNs = 40;

bool IsPlain(const TensorSpec& tensor) {
  return ir::IsFloat(tensor.dtype) && !tensor.layout.is_panel() && tensor.interleaved_rows == 0;
}

// A's axes that B lacks, but for the one that is summed over.
std::vector<ir::Axis> RowAxes(const KernelSpec& spec) {
  std::vector<ir::Axis> rows;
  for (const ir::Axis& axis : AxesWithout(spec.operands[0], spec.attrs.axes[0])) {
    if (spec.operands[1].Find(axis.name) == nullptr) rows.push_back(axis);
  }
  return rows;
}

class ValueMatmul {
 public:
  ValueMatmul(const KernelSpec& spec, Emitter& e)
      : spec_(spec),
        a_(spec.operands[0]),
        b_(spec.operands[1]),
        over_(a_.Find(spec.attrs.axes[0])->axis),
        column_(spec.result.axes.back().axis),
        row_(RowAxes(spec)[0]),
        together_(IsContiguous(b_, column_.name)),
        e_(e) {
    const TileRow* tile = e.target().FindTile(ir::DType::kF32, ir::DType::kF32);
    tile_rows_ = tile->rows;
    vectors_ = tile->panels;
    // Whole vectors of columns are whole groups of them, too.
    if (together_ && column_.extent.value / kLanes % vectors_ != 0) vectors_ = 1;
  }

  KernelInfo Emit() {
    KernelInfo info;
    for (const ir::Axis& axis : LeadingAxes(spec_.result)) {
      if (axis.name != row_.name) info.work_axes.push_back(axis);
    }
    info.work_axes.push_back(row_);
    info.item_rows = kItemRows;
    const int64_t depth = over_.extent.is_constant() ? over_.extent.value : 1;
    const int64_t columns = column_.extent.is_constant() ? column_.extent.value : 1;
    info.item_cost = kItemRows * depth * columns / kProductsPerNs + 1;
    info.cost_symbol = over_.extent.is_constant() ? column_.extent.symbol : over_.extent.symbol;
    info.scratch_bytes = kLineBytes + (together_ ? 0 : vectors_ * depth * kLineBytes);
    e_.ForRows(info.work_axes, [&](const Indices& item) { EmitItem(item); }, kItemRows);
    return info;
  }

 private:
  static constexpr int64_t kLineBytes = kLanes * 4;

  // Where 16 columns of B lie: those of element 0, and how many elements further those of the next.
  struct Columns {
    Value* first;
    Value* stride;
    ir::DType dtype;
  };

  void EmitItem(const Indices& item) {
    Value* first_row = item.at(row_.name);
    Value* end = e_.Least(Integer(e_, first_row) + kItemRows, e_.ExtentValue(row_.extent));
    Value* count = e_.ExtentValue(column_.extent);
    e_.Loop(e_.Const(0), count, vectors_ * kLanes, [&](Value* column) {
      std::vector<Columns> columns;
      for (int i = 0; i < vectors_; ++i) {
        Value* first = Integer(e_, column) + i * kLanes;
        columns.push_back(together_ ? InPlace(item, first) : Gathered(item, first, i));
      }
      e_.Loop(first_row, end, tile_rows_, [&](Value* row) {
        std::vector<Indices> rows;
        for (int r = 0; r < tile_rows_; ++r) {
          Indices indices = item;
          // Behind the last row it is taken once more.
          indices[row_.name] = e_.Least(Integer(e_, row) + r, Integer(e_, end) - 1);
          rows.push_back(std::move(indices));
        }
        StoreTile(rows, column, Sums(rows, columns));
      });
    });
  }

  Columns InPlace(Indices indices, Value* column) {
    indices[column_.name] = column;
    Value* first = e_.Address(e_.Buffer(1), e_.Offset(b_.axes, indices), b_.dtype);
    return {first, e_.StrideValue(b_.Find(over_.name)->stride), b_.dtype};
  }

  Value* ScratchAt(int64_t bytes) {
    return e_.Address(e_.Scratch(), e_.Const(bytes), ir::DType::kI8);
  }

  // Brings 16 columns from `column` on to the `number`-th place for them, as f32: an element of all 16
  // is a line. Behind the last column it is taken once more.
  Columns Gathered(Indices indices, Value* column, int number) {
    const int64_t depth = over_.extent.value, whole = depth / kLanes * kLanes;
    Value* lines = ScratchAt(kLineBytes + number * depth * kLineBytes);
    Value* last = Integer(e_, e_.ExtentValue(column_.extent)) - 1;
    std::vector<Value*> starts;
    for (int64_t i = 0; i < kLanes; ++i) {
      indices[column_.name] = e_.Least(Integer(e_, column) + i, last);
      starts.push_back(e_.Address(e_.Buffer(1), e_.Offset(b_.axes, indices), b_.dtype));
    }
    const auto line = [&](Value* k) {
      return e_.Address(lines, Integer(e_, k) * kLanes, ir::DType::kF32);
    };
    e_.Loop(e_.Const(0), e_.Const(whole), kLanes, [&](Value* k) {
      std::vector<Value*> block;
      for (Value* start : starts) {
        Value* elements = e_.Load(e_.Address(start, k, b_.dtype), b_.dtype, kLanes);
        block.push_back(e_.b().CreateBitCast(elements, e_.Int(32, kLanes)));
      }
      block = Transpose(e_, std::move(block));
      for (int64_t i = 0; i < kLanes; ++i) {
        e_.b().CreateAlignedStore(block[static_cast<size_t>(i)], line(Integer(e_, k) + i),
                                  llvm::Align(4));
      }
    });
    e_.Loop(e_.Const(whole), e_.Const(depth), 1, [&](Value* k) {
      for (int64_t i = 0; i < kLanes; ++i) {
        Value* from = e_.Address(starts[static_cast<size_t>(i)], k, b_.dtype);
        e_.Store(e_.Address(line(k), e_.Const(i), ir::DType::kF32), ir::DType::kF32,
                 e_.Load(from, b_.dtype, 1));
      }
    });
    return {lines, e_.Const(kLanes), ir::DType::kF32};
  }

  // Row by row, of each vector of columns.
  Emitter::Carried Sums(const std::vector<Indices>& rows, const std::vector<Columns>& columns) {
    std::vector<Value*> starts;
    for (const Indices& indices : rows) {
      starts.push_back(e_.Address(e_.Buffer(0), e_.Offset(a_.axes, indices), a_.dtype));
    }
    const Integer stride(e_, e_.StrideValue(a_.Find(over_.name)->stride));
    const Emitter::Carried none(rows.size() * columns.size(), e_.ConstF32(0.0f, kLanes));
    return e_.Loop(e_.Const(0), e_.ExtentValue(over_.extent), 1, none,
                   [&](Value* k, const Emitter::Carried& before) {
                     std::vector<Value*> elements;
                     for (const Columns& c : columns) {
                       Value* at = e_.Address(c.first, Integer(e_, k) * c.stride, c.dtype);
                       elements.push_back(e_.Load(at, c.dtype, kLanes));
                     }
                     Emitter::Carried after;
                     for (Value* start : starts) {
                       Value* at = e_.Address(start, stride * k, a_.dtype);
                       Value* x = e_.Splat(e_.Load(at, a_.dtype, 1), kLanes);
                       for (Value* y : elements) {
                         after.push_back(e_.MulAdd(x, y, before[after.size()]));
                       }
                     }
                     return after;
                   });
  }

  void StoreTile(const std::vector<Indices>& rows, Value* column, const Emitter::Carried& sums) {
    const Integer count(e_, e_.ExtentValue(column_.extent));
    const auto each =
        [&](const std::function<void(Value * at, Value * first, Value * sum)>& store) {
          for (size_t i = 0; i < sums.size(); ++i) {
            const auto vector = static_cast<int64_t>(i) % vectors_;
            Indices indices = rows[i / static_cast<size_t>(vectors_)];
            Value* first = Integer(e_, column) + vector * kLanes;
            indices[column_.name] = first;
            store(e_.Address(ResultBuffer(), e_.Offset(spec_.result.axes, indices),
                             spec_.result.dtype),
                  first, sums[i]);
          }
        };
    const auto whole = [&] {
      each([&](Value* at, Value*, Value* sum) { e_.Store(at, spec_.result.dtype, sum); });
    };
    if (together_) return whole();
    Value* end = Integer(e_, column) + vectors_ * kLanes;
    e_.If(e_.b().CreateICmpSLE(end, count), whole, [&] {
      each([&](Value* at, Value* first, Value* sum) { StorePart(at, count - first, sum); });
    });
  }

  // The first `count` lanes, of which there may be none or more than all.
  void StorePart(Value* at, Value* count, Value* sum) {
    auto& b = e_.b();
    const ir::DType dtype = spec_.result.dtype;
    Value* is_there = FirstLanes(e_, e_.Most(e_.Least(count, e_.Const(kLanes)), e_.Const(0)));
    // Rounded in scratch memory first.
    e_.Store(e_.Scratch(), dtype, sum);
    const llvm::Align align = Emitter::AlignOf(dtype);
    Value* bits = b.CreateAlignedLoad(e_.BitsOf(dtype, kLanes), e_.Scratch(), align);
    b.CreateMaskedStore(bits, at, align, is_there);
  }

  Value* ResultBuffer() { return e_.Buffer(static_cast<int>(spec_.operands.size())); }

  const KernelSpec& spec_;
  const TensorSpec& a_;
  const TensorSpec& b_;
  const ir::Axis over_;
  const ir::Axis column_;
  const ir::Axis row_;
  const bool together_;  // B's columns are neighbours
  Emitter& e_;
  int tile_rows_ = 1;
  int vectors_ = 1;
};

}  // namespace

bool TilesCanMultiplyValues(const KernelSpec& spec) {
  const TensorSpec& a = spec.operands[0];
  const TensorSpec& b = spec.operands[1];
  if (spec.opcode != ir::Opcode::kMatmul || !spec.attrs.epilogue.empty()) return false;
  if (!IsPlain(a) || !IsPlain(b) || spec.result.interleaved_rows > 0) return false;
  if (ir::ContractedAxes(spec.attrs).size() != 1 || spec.result.axes.empty()) return false;
  const ir::Axis column = spec.result.axes.back().axis;
  if (b.Find(column.name) == nullptr || a.Find(column.name) != nullptr) return false;
  if (RowAxes(spec).empty() || !IsContiguous(spec.result, column.name)) return false;
  // All other axes of B are A's.
  for (const ir::Axis& axis : AxesWithout(b, spec.attrs.axes[0])) {
    if (axis.name != column.name && a.Find(axis.name) == nullptr) return false;
  }
  const ir::Axis over = a.Find(spec.attrs.axes[0])->axis;
  if (IsContiguous(b, column.name)) {
    return column.extent.is_constant() && column.extent.value % kLanes == 0;
  }
  return IsContiguous(b, over.name) && over.extent.is_constant() && over.extent.value <= kMostDepth;
}

KernelInfo EmitValueMatmul(const KernelSpec& spec, Emitter& e) {
  return ValueMatmul(spec, e).Emit();
}

}  // namespace lluda::codegen
