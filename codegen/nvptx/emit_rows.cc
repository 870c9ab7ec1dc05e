// Reductions along one axis: reduce_max, reduce_sum, quantize_scale, softmax, rmsnorm, layernorm. A
// warp takes a row: its lanes accumulate elements 32 apart, and are combined as a butterfly. A block
// takes a long row of an rmsnorm.
#include <limits>

#include "codegen/emit/math.h"
#include "codegen/emit/op_emitter.h"
#include "codegen/emit/row_math.h"
#include "codegen/emit/tensor_access.h"
#include "codegen/nvptx/emit_gpu.h"
#include "codegen/nvptx/words/block_sum.h"
#include "llvm/IR/Intrinsics.h"

namespace lluda::codegen::gpu {
namespace {

// A row of operand 0, and the elements of the result that go with it.
struct Row {
  const KernelSpec& spec;
  GpuEmitter& e;
  ir::Axis axis;
  Indices indices;

  Value* Load(Value* i) const {
    const TensorSpec& x = spec.operands[0];
    Indices at = indices;
    at[axis.name] = i;
    return e.Load(e.Address(e.Buffer(0), e.Offset(x.axes, at), x.dtype), x.dtype, 1);
  }

  // The lanes' own parts of combine(map(element) ...).
  Value* Fold(float identity, const std::function<Value*(Value*)>& map,
              const std::function<Value*(Value*, Value*)>& combine) const {
    return e.ForLanesOfWarp(e.ExtentValue(axis.extent), {e.ConstF32(identity, 1)},
                            [&](Value* i, const Emitter::Carried& c) {
                              return Emitter::Carried{combine(c[0], map(Load(i)))};
                            })[0];
  }

  Value* Sum(const std::function<Value*(Value*)>& map) const {
    return e.WarpSum(Fold(0.0f, map, [&](Value* a, Value* c) { return e.b().CreateFAdd(a, c); }));
  }

  Value* Max() const {
    return e.WarpMax(Fold(
        -std::numeric_limits<float>::infinity(), [](Value* v) { return v; },
        [&](Value* a, Value* c) { return e.Max(a, c); }));
  }

  // A NaN, which no comparison finds larger, is kept once it is there.
  Value* MaxMagnitude() const {
    auto& b = e.b();
    const auto larger = [&](Value* a, Value* c) {
      Value* takes = b.CreateFCmpUGT(c, a);  // also if either is a NaN
      return b.CreateSelect(b.CreateFCmpUNO(a, a), a, b.CreateSelect(takes, c, a));
    };
    Value* own = Fold(
        0.0f, [&](Value* v) { return b.CreateUnaryIntrinsic(llvm::Intrinsic::fabs, v); }, larger);
    return e.Butterfly(own, larger);
  }

  // Stores map(element, index) for the whole row.
  void Store(int buffer, const std::function<Value*(Value* x, Value* i)>& map) const {
    e.ForLanesOfWarp(e.ExtentValue(axis.extent), {}, [&](Value* i, const Emitter::Carried&) {
      Indices at = indices;
      at[axis.name] = i;
      StoreAt(buffer, at, map(Load(i), i));
      return Emitter::Carried{};
    });
  }

  Value* SumOfSquaresInBlock() const {
    return BlockSumOfSquares(e, axis.extent.value, e.Shared(4 * runtime::kBlockWarps),
                             [&](Value* i) { return Load(i); });
  }
  void StoreInBlock(int buffer, const std::function<Value*(Value* x, Value* i)>& map) const {
    e.Loop(e.Thread(), e.Const(axis.extent.value), runtime::kBlockThreads, [&](Value* i) {
      Indices at = indices;
      at[axis.name] = i;
      StoreAt(buffer, at, map(Load(i), i));
    });
  }

  // Stores the row's one result.
  void StoreOne(int buffer, Value* value) const {
    e.If(e.IsFirstLane(), [&] { StoreAt(buffer, indices, value); });
  }

 private:
  void StoreAt(int buffer, const Indices& at, Value* value) const {
    const TensorSpec& out = spec.result;
    e.Store(e.Address(e.Buffer(buffer), e.Offset(out.axes, at), out.dtype), out.dtype, value);
  }
};

absl::StatusOr<KernelInfo> ForEachRow(const KernelSpec& spec, GpuEmitter& e,
                                      const std::function<void(const Row& row)>& body) {
  const TensorSpec& x = spec.operands[0];
  if (x.layout.is_panel()) return NoKernel(spec, "the operand is in panels");
  const ir::Axis axis = x.Find(spec.attrs.axes[0])->axis;
  const std::vector<ir::Axis> rows = AxesWithout(x, axis.name);
  e.ForWarpRows(rows, [&](const Indices& indices) { body(Row{spec, e, axis, indices}); });
  return WarpRowsInfo(rows);
}

}  // namespace

absl::StatusOr<KernelInfo> EmitReduce(const KernelSpec& spec, GpuEmitter& e) {
  return ForEachRow(spec, e, [&](const Row& row) {
    const bool is_max = spec.opcode == ir::Opcode::kReduceMax;
    row.StoreOne(1, is_max ? row.Max() : row.Sum([](Value* v) { return v; }));
  });
}

absl::StatusOr<KernelInfo> EmitQuantizeScale(const KernelSpec& spec, GpuEmitter& e) {
  return ForEachRow(spec, e, [&](const Row& row) {
    row.StoreOne(1, e.b().CreateFDiv(row.MaxMagnitude(), e.ConstF32(127, 1)));
  });
}

absl::StatusOr<KernelInfo> EmitSoftmax(const KernelSpec& spec, GpuEmitter& e) {
  return ForEachRow(spec, e, [&](const Row& row) {
    Value* maximum = row.Max();
    const auto exponential = [&](Value* x) { return Exp(e, e.b().CreateFSub(x, maximum)); };
    Value* sum = row.Sum(exponential);
    row.Store(1, [&](Value* x, Value*) { return e.b().CreateFDiv(exponential(x), sum); });
  });
}

absl::StatusOr<KernelInfo> EmitRmsnorm(const KernelSpec& spec, GpuEmitter& e) {
  const TensorSpec& weight = spec.operands[1];
  const ir::Axis axis = spec.operands[0].Find(spec.attrs.axes[0])->axis;
  if (!axis.extent.is_constant()) return NoKernel(spec, "the axis has no constant length");
  if (spec.operands[0].layout.is_panel()) return NoKernel(spec, "the operand is in panels");
  auto& b = e.b();
  const int result = static_cast<int>(spec.operands.size());
  const auto normalised = [&](const Row& row, Value* x, Value* i, Value* inverse) {
    Value* at = e.Offset(weight.axes, {{axis.name, i}});
    Value* factor = e.Load(e.Address(e.Buffer(1), at, weight.dtype), weight.dtype, 1);
    Value* y = b.CreateFMul(b.CreateFMul(x, inverse), factor);
    if (spec.opcode != ir::Opcode::kRmsnormAdd) return y;
    const TensorSpec& added = spec.operands[2];
    Indices element = row.indices;
    element[axis.name] = i;
    Value* from = e.Address(e.Buffer(2), e.Offset(added.axes, element), added.dtype);
    return b.CreateFAdd(e.Load(from, added.dtype, 1), y);
  };
  const auto inverse_of = [&](Value* squares) {
    return InverseRootMeanSquare(e, squares, axis.extent.value, *spec.attrs.eps);
  };
  if (axis.extent.value >= kLongRow) {
    const std::vector<ir::Axis> rows = AxesWithout(spec.operands[0], axis.name);
    const Row row{spec, e, axis, e.IndicesOf(rows, e.Block(), 1)};
    Value* inverse = inverse_of(row.SumOfSquaresInBlock());
    row.StoreInBlock(result, [&](Value* x, Value* i) { return normalised(row, x, i, inverse); });
    KernelInfo info;
    info.work_axes = rows;
    return info;
  }
  return ForEachRow(spec, e, [&](const Row& row) {
    Value* inverse = inverse_of(row.Sum([&](Value* x) { return b.CreateFMul(x, x); }));
    row.Store(result, [&](Value* x, Value* i) { return normalised(row, x, i, inverse); });
  });
}

absl::StatusOr<KernelInfo> EmitRmsnormAdd(const KernelSpec& spec, GpuEmitter& e) {
  return EmitRmsnorm(spec, e);
}

absl::StatusOr<KernelInfo> EmitLayernorm(const KernelSpec& spec, GpuEmitter& e) {
  const ir::Axis axis = spec.operands[0].Find(spec.attrs.axes[0])->axis;
  if (!axis.extent.is_constant()) return NoKernel(spec, "the axis has no constant length");
  auto& b = e.b();
  const auto vector_at = [&](int operand, Value* i) {
    const TensorSpec& tensor = spec.operands[operand];
    Value* at = e.Offset(tensor.axes, {{axis.name, i}});
    return e.Load(e.Address(e.Buffer(operand), at, tensor.dtype), tensor.dtype, 1);
  };
  return ForEachRow(spec, e, [&](const Row& row) {
    const auto length = static_cast<float>(axis.extent.value);
    Value* mean = b.CreateFMul(row.Sum([](Value* x) { return x; }), e.ConstF32(1 / length, 1));
    Value* inverse = InverseRootMeanSquare(e, row.Sum([&](Value* x) {
      Value* centred = b.CreateFSub(x, mean);
      return b.CreateFMul(centred, centred);
    }),
                                           axis.extent.value, *spec.attrs.eps);
    row.Store(3, [&](Value* x, Value* i) {
      Value* normalised = b.CreateFMul(b.CreateFSub(x, mean), inverse);
      return b.CreateFAdd(b.CreateFMul(normalised, vector_at(1, i)), vector_at(2, i));
    });
  });
}

}  // namespace lluda::codegen::gpu
