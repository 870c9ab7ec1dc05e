#include "codegen/cpu/matmul/general_matmul.h"

#include <string>
#include <utility>
#include <vector>

#include "codegen/cpu/matmul/expert_rows.h"
#include "codegen/cpu/matmul/head_epilogue.h"
#include "codegen/cpu/matmul/value_matmul.h"
#include "codegen/emit/block_access.h"
#include "codegen/emit/block_values.h"
#include "codegen/emit/column_epilogue.h"
#include "codegen/emit/integer.h"
#include "codegen/emit/tensor_access.h"
#include "ir/op/contraction.h"
#include "ir/type/encoding.h"

namespace lluda::codegen {
namespace {

// DotProduct for b in blocks, one after the other.
Value* BlockDotProduct(const KernelSpec& spec, Emitter& e, Indices a_indices, Indices b_indices) {
  const TensorSpec& a = spec.operands[0];
  const TensorSpec& b = spec.operands[1];
  const ir::Axis over = a.Find(spec.attrs.axes[0])->axis;
  const int64_t elements = ir::EncodingOf(b.dtype).elements;
  return e.Loop(e.Const(0), e.ExtentValue(over.extent), elements, {e.ConstF32(0.0f, 1)},
                [&](Value* k, const Emitter::Carried& before) {
                  b_indices[over.name] = k;
                  const BlockPlace place = BlockAt(e, b, e.Buffer(1), b_indices);
                  BlockValues values(e, b.dtype, place.address, 1, place.stride);
                  Value* sum = before[0];
                  for (int64_t i = 0; i < elements; ++i) {
                    a_indices[over.name] = Integer(e, k) + i;
                    Value* offset = e.Offset(a.axes, a_indices);
                    Value* x = e.Load(e.Address(e.Buffer(0), offset, a.dtype), a.dtype, 1);
                    sum = e.MulAdd(x, values.At(i), sum);
                  }
                  return Emitter::Carried{sum};
                })[0];
}

// sum over k of a[...] * b[...], both at the given other indices.
Value* DotProduct(const KernelSpec& spec, Emitter& e, Indices a_indices, Indices b_indices) {
  const TensorSpec& a = spec.operands[0];
  const TensorSpec& b = spec.operands[1];
  if (ir::IsBlock(b.dtype)) {
    return BlockDotProduct(spec, e, std::move(a_indices), std::move(b_indices));
  }
  const ir::Axis over = a.Find(spec.attrs.axes[0])->axis;
  const auto product = [&](Value* k, int lanes, Value* sum) {
    a_indices[over.name] = k;
    b_indices[over.name] = k;
    Value* x = e.Load(e.Address(e.Buffer(0), e.Offset(a.axes, a_indices), a.dtype), a.dtype, lanes);
    Value* y =
        e.Load(e.Address(e.Buffer(1), ElementOffset(e, b, b_indices), b.dtype), b.dtype, lanes);
    return e.MulAdd(x, y, sum);
  };
  if (!IsContiguous(a, over.name) || !IsContiguous(b, over.name)) {
    return e.Loop(e.Const(0), e.ExtentValue(over.extent), 1, {e.ConstF32(0.0f, 1)},
                  [&](Value* k, const Emitter::Carried& c) {
                    return Emitter::Carried{product(k, 1, c[0])};
                  })[0];
  }
  const bool vectors = !over.extent.is_constant() || over.extent.value >= kLanes;
  return e.ForLanes(
      over.extent, {e.ConstF32(0.0f, vectors ? kLanes : 1)},
      [&](Value* k, int lanes, const Emitter::Carried& c) {
        return Emitter::Carried{product(k, lanes, c[0])};
      },
      [&](const Emitter::Carried& c) {
        return Emitter::Carried{vectors ? e.SumLanes(c[0]) : c[0]};
      })[0];
}

// Whether neighbouring columns of the result are sums of neighbouring elements of B, so that a vector
// holds sums of several columns. Each is added up in the order in which DotProduct goes alone.
bool ColumnsLieTogether(const KernelSpec& spec) {
  const TensorSpec& b = spec.operands[1];
  const std::string& last = spec.result.axes.back().axis.name;
  return !ir::IsBlock(b.dtype) && !b.layout.is_panel() &&
         spec.attrs.epilogue.grain() == ir::Grain::kColumns && b.Find(last) != nullptr &&
         spec.operands[0].Find(last) == nullptr && IsContiguous(b, last) &&
         !IsContiguous(b, spec.attrs.axes[0]);
}

// `lanes` columns of the result from that in `b_indices` on.
Value* ColumnSums(const KernelSpec& spec, Emitter& e, Indices a_indices, Indices b_indices,
                  int lanes) {
  const TensorSpec& a = spec.operands[0];
  const TensorSpec& b = spec.operands[1];
  const ir::Axis over = a.Find(spec.attrs.axes[0])->axis;
  return e.Loop(
      e.Const(0), e.ExtentValue(over.extent), 1, {e.ConstF32(0.0f, lanes)},
      [&](Value* k, const Emitter::Carried& before) {
        a_indices[over.name] = k;
        b_indices[over.name] = k;
        Value* x = e.Load(e.Address(e.Buffer(0), e.Offset(a.axes, a_indices), a.dtype), a.dtype, 1);
        Value* y =
            e.Load(e.Address(e.Buffer(1), e.Offset(b.axes, b_indices), b.dtype), b.dtype, lanes);
        return Emitter::Carried{e.MulAdd(e.Splat(x, lanes), y, before[0])};
      })[0];
}

// The indices of B's elements in a row of the result: its own, and of experts the one that it has.
Indices MatrixIndices(const KernelSpec& spec, Emitter& e, Indices row) {
  if (ChoosesExperts(spec)) row[spec.attrs.axes[1]] = ExpertOf(e, spec, row);
  return row;
}

// The name of B's axis of columns that the result lacks, which holds those of both halves.
std::string OwnColumns(const KernelSpec& spec) {
  for (const ir::Axis& axis : AxesWithout(spec.operands[1], spec.attrs.axes[0])) {
    if (!ChoosesExperts(spec) || axis.name != spec.attrs.axes[1]) return axis.name;
  }
  return "";
}

// What a kernel's items cost, each of which is so many dot products: those of `columns`, which may
// be a symbol.
void SetCost(const KernelSpec& spec, const ir::Extent& columns, KernelInfo* info) {
  const std::string& over = spec.attrs.axes[0];
  const ir::Extent& depth = spec.operands[0].Find(over)->axis.extent;
  const bool vectors = IsContiguous(spec.operands[0], over) && IsContiguous(spec.operands[1], over);
  // Roughly, in nanoseconds: an eighth for each element, or one each where they lie apart.
  const bool fast = vectors || (!FinishesHeads(spec) && ColumnsLieTogether(spec));
  const int64_t dot = depth.is_constant() ? (fast ? depth.value / 8 + 2 : depth.value) : 1;
  info->item_cost = dot * (columns.is_constant() ? columns.value : 1);
  info->cost_symbol = columns.is_constant() ? depth.symbol : columns.symbol;
}

// Heads are finished row by row: the sums of a row, then what is done to them.
KernelInfo EmitHeads(const KernelSpec& spec, Emitter& e) {
  const std::vector<ir::Axis> rows = AxesWithout(spec.operands[0], spec.attrs.axes[0]);
  const std::vector<ir::Axis> heads = HeadAxes(spec);
  std::string columns;  // B's own axis
  for (const ir::Axis& axis : AxesWithout(spec.operands[1], spec.attrs.axes[0])) {
    if (spec.operands[0].Find(axis.name) == nullptr) columns = axis.name;
  }
  KernelInfo info;
  info.work_axes = rows;
  info.work_axes.insert(info.work_axes.end(), heads.begin(), heads.end());
  SetCost(spec, ir::Extent::Constant(HeadElements(spec)), &info);
  info.scratch_bytes = 4 * HeadElements(spec);
  e.ForRows(info.work_axes, [&](const Indices& indices) {
    Indices row;
    for (const ir::Axis& axis : rows) row[axis.name] = indices.at(axis.name);
    const Integer first = HeadNumber(e, heads, indices) * HeadElements(spec);
    e.Loop(e.Const(0), e.Const(HeadElements(spec)), 1, [&](Value* i) {
      Indices column = row;
      column[columns] = first + i;
      e.Store(e.Address(e.Scratch(), i, ir::DType::kF32), ir::DType::kF32,
              DotProduct(spec, e, row, column));
    });
    HeadEpilogue(spec, e).EmitRows(e.Scratch(), e.Const(1), "", indices);
  });
  return info;
}

// Column `column` of the result in the row of `indices`, which hold it, too.
Value* FinishedColumn(const KernelSpec& spec, Emitter& e, const Indices& indices, Value* column) {
  struct Column {
    Value* at;
    Value* value;
  };
  std::vector<Column> columns;
  if (spec.attrs.epilogue.grain() == ir::Grain::kHalves) {
    Indices matrix = MatrixIndices(spec, e, indices);
    const std::string own = OwnColumns(spec);
    const ir::Extent& half = spec.result.axes.back().axis.extent;
    Value* partner = e.b().CreateAdd(column, e.ExtentValue(half));
    for (Value* at : {column, partner}) {
      matrix[own] = at;
      columns.push_back({at, DotProduct(spec, e, indices, matrix)});
    }
  } else {
    columns.push_back({column, DotProduct(spec, e, indices, MatrixIndices(spec, e, indices))});
  }
  for (const ir::EpilogueStep step : spec.attrs.epilogue) {
    if (Info(step).grain == ir::Grain::kHalves) {
      columns = {{column, FoldHalves(e, step, columns[0].value, columns[1].value)}};
      continue;
    }
    for (Column& c : columns) c.value = ApplyColumnStep(spec, e, step, c.value, indices, c.at);
  }
  return columns[0].value;
}

}  // namespace

absl::StatusOr<KernelInfo> EmitGeneralMatmul(const KernelSpec& spec, Emitter& e) {
  if (!ir::IsFloat(spec.operands[0].dtype)) return NoKernel(spec, "it multiplies integers");
  if (!ChoosesExperts(spec) && ir::ContractedAxes(spec.attrs).size() > 1) {
    return NoKernel(spec, "it sums over several axes");
  }
  if (spec.operands[0].layout.is_panel()) return NoKernel(spec, "operand 0 is in panels");
  const TensorSpec& matrix = spec.operands[1];
  if (ir::IsBlock(matrix.dtype) && BlockAxis(matrix).name != spec.attrs.axes[0]) {
    return NoKernel(spec, "blocks do not lie along the axis that is summed over");
  }
  if (spec.result.axes.empty()) return NoKernel(spec, "the result has no axis");
  if (TilesCanMultiplyValues(spec)) return EmitValueMatmul(spec, e);
  const ir::Axis last = spec.result.axes.back().axis;
  if (FinishesHeads(spec)) return EmitHeads(spec, e);
  const int buffer = static_cast<int>(spec.operands.size());
  const bool together = ColumnsLieTogether(spec);
  e.ForRows(LeadingAxes(spec.result), [&](Indices indices) {
    if (together) {
      e.ForLanes(last.extent, [&](Value* column, int lanes) {
        indices[last.name] = column;
        Value* value = ColumnSums(spec, e, indices, MatrixIndices(spec, e, indices), lanes);
        for (const ir::EpilogueStep step : spec.attrs.epilogue) {
          value = ApplyColumnStep(spec, e, step, value, indices, column);
        }
        e.Store(e.Address(e.Buffer(buffer), e.Offset(spec.result.axes, indices), spec.result.dtype),
                spec.result.dtype, value);
      });
      return;
    }
    e.Loop(e.Const(0), e.ExtentValue(last.extent), 1, [&](Value* column) {
      indices[last.name] = column;
      Value* value = FinishedColumn(spec, e, indices, column);
      e.Store(e.Address(e.Buffer(buffer), e.Offset(spec.result.axes, indices), spec.result.dtype),
              spec.result.dtype, value);
    });
  });
  KernelInfo info;
  info.work_axes = LeadingAxes(spec.result);
  SetCost(spec, last.extent, &info);
  return info;
}

}  // namespace lluda::codegen
