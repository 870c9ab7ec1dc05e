// Reductions along one axis: reduce_max, reduce_sum, quantize_scale, softmax and norms. Sixteen
// lanes accumulate elements 16 apart, are folded in halves, and the elements past the last whole 16
// follow one by one.
#include <functional>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "codegen/cpu/emit/row_interleave.h"
#include "codegen/cpu/ops/emit_ops.h"
#include "codegen/emit/lanes.h"
#include "codegen/emit/math.h"
#include "codegen/emit/row_math.h"
#include "codegen/emit/tensor_access.h"
#include "llvm/IR/Intrinsics.h"

namespace lluda::codegen {
namespace {

// The rows of a reduction and its operand's elements along the reduced axis.
struct Row {
  Emitter& e;
  const TensorSpec& x;
  ir::Axis axis;
  Value* first = nullptr;  // offset of the row's element 0

  Value* Load(Value* i, int lanes) const {
    return LoadAlong(e, x, e.Buffer(0), first, axis.name, i, lanes);
  }

  // Folds map(element) over the row.
  Value* Fold(float identity, const std::function<Value*(Value*)>& map,
              const std::function<Value*(Value*, Value*)>& combine,
              const std::function<Value*(Value*)>& across) const {
    const bool vectors = !axis.extent.is_constant() || axis.extent.value >= kLanes;
    Emitter::Carried init = {e.ConstF32(identity, vectors ? kLanes : 1)};
    return e.ForLanes(
        axis.extent, init,
        [&](Value* i, int lanes, const Emitter::Carried& c) {
          return Emitter::Carried{combine(c[0], map(Load(i, lanes)))};
        },
        [&](const Emitter::Carried& c) {
          return Emitter::Carried{vectors ? across(c[0]) : c[0]};
        })[0];
  }

  Value* Sum(const std::function<Value*(Value*)>& map) const {
    return Fold(
        0.0f, map, [&](Value* a, Value* b) { return e.b().CreateFAdd(a, b); },
        [&](Value* v) { return e.SumLanes(v); });
  }

  // As integers, so that a NaN, which is larger than infinity there, is not lost.
  Value* MaxMagnitude() const {
    auto& b = e.b();
    const auto bits = [&](Value* v) {
      return b.CreateBitCast(v, v->getType()->getWithNewType(b.getInt32Ty()));
    };
    return Fold(
        0.0f, [&](Value* v) { return b.CreateUnaryIntrinsic(llvm::Intrinsic::fabs, v); },
        [&](Value* a, Value* c) { return b.CreateSelect(b.CreateICmpUGT(bits(a), bits(c)), a, c); },
        [&](Value* v) { return b.CreateBitCast(b.CreateIntMaxReduce(bits(v)), e.F32(1)); });
  }

  Value* Max() const {
    return Fold(
        -std::numeric_limits<float>::infinity(), [](Value* v) { return v; },
        [&](Value* a, Value* b) { return e.Max(a, b); }, [&](Value* v) { return e.MaxLanes(v); });
  }
};

KernelInfo RowInfo(const KernelSpec& spec, const ir::Axis& axis, int64_t nanoseconds_per_64) {
  KernelInfo info;
  info.work_axes = AxesWithout(spec.operands[0], axis.name);
  info.item_cost = axis.extent.is_constant() ? axis.extent.value * nanoseconds_per_64 / 64 + 5 : 1;
  info.cost_symbol = axis.extent.symbol;
  return info;
}

// Runs `body` for each row of operand 0 along attrs.axes[0].
absl::StatusOr<KernelInfo> ForEachRow(
    const KernelSpec& spec, Emitter& e, int64_t nanoseconds_per_64,
    const std::function<void(const Row& row, const Indices& indices)>& body) {
  const TensorSpec& x = spec.operands[0];
  if (x.layout.is_panel()) return NoKernel(spec, "the operand is in panels");
  const ir::Axis axis = x.Find(spec.attrs.axes[0])->axis;
  e.ForRows(AxesWithout(x, axis.name), [&](const Indices& indices) {
    body(Row{e, x, axis, e.Offset(x.axes, indices)}, indices);
  });
  return RowInfo(spec, axis, nanoseconds_per_64);
}

// Stores map(element, index) for the whole row, which is not interleaved; the result may be
// strided along the axis.
void StoreRow(const KernelSpec& spec, const Row& row, Indices indices, int buffer,
              const std::function<Value*(Value* x, Value* i, int lanes)>& map) {
  Emitter& e = row.e;
  const TensorSpec& out = spec.result;
  const bool contiguous = IsContiguous(out, row.axis.name);
  e.ForLanes(row.axis.extent, [&](Value* i, int lanes) {
    Value* value = map(row.Load(i, lanes), i, lanes);
    for (int lane = 0; lane < (contiguous ? 1 : lanes); ++lane) {
      indices[row.axis.name] = e.b().CreateAdd(i, e.Const(lane));
      Value* part = contiguous || lanes == 1
                        ? value
                        : e.b().CreateExtractElement(value, static_cast<uint64_t>(lane));
      e.Store(e.Address(e.Buffer(buffer), e.Offset(out.axes, indices), out.dtype), out.dtype, part);
    }
  });
}

// Whether the result has room for a row's exponentials until their sum is known.
bool HoldsExponentials(const KernelSpec& spec) {
  const std::string& over = spec.attrs.axes[0];
  const TensorSpec& x = spec.operands[0];
  return x.dtype == ir::DType::kF32 && spec.result.dtype == ir::DType::kF32 &&
         IsContiguous(x, over) && IsContiguous(spec.result, over);
}

// The softmax of a row, whose exponentials are computed once, the last ones in a vector that is not
// full, and added up as Row::Sum does; `out` is where the result begins.
void SoftmaxInPlace(const Row& row, const std::function<Value*(Value*)>& exponential, Value* out) {
  Emitter& e = row.e;
  auto& b = e.b();
  constexpr ir::DType kF32 = ir::DType::kF32;
  const llvm::Align align = Emitter::AlignOf(kF32);
  const ir::Extent& extent = row.axis.extent;
  const bool has_rest = !extent.is_constant() || extent.value % kLanes != 0;
  Value* end = e.ExtentValue(extent);
  Value* whole = b.CreateAnd(end, e.Const(-kLanes));
  Value* is_rest = FirstLanes(e, b.CreateSub(end, whole));
  const auto of_x = [&](Value* i) {
    return e.Address(e.Buffer(0), b.CreateAdd(row.first, i), kF32);
  };
  const auto of_result = [&](Value* i) { return e.Address(out, i, kF32); };
  const auto map_rest = [&](const std::function<Value*(Value * i)>& from,
                            const std::function<Value*(Value*)>& map) {
    if (!has_rest) return;
    Value* x =
        b.CreateMaskedLoad(e.F32(kLanes), from(whole), align, is_rest, e.ConstF32(0.0f, kLanes));
    b.CreateMaskedStore(map(x), of_result(whole), align, is_rest);
  };
  Value* sums = e.Loop(e.Const(0), whole, kLanes, {e.ConstF32(0.0f, kLanes)},
                       [&](Value* i, const Emitter::Carried& before) -> Emitter::Carried {
                         Value* mapped = exponential(e.Load(of_x(i), kF32, kLanes));
                         e.Store(of_result(i), kF32, mapped);
                         return {b.CreateFAdd(before[0], mapped)};
                       })[0];
  map_rest(of_x, exponential);
  Value* sum = e.SumLanes(sums);
  if (has_rest) {
    sum = e.Loop(whole, end, 1, {sum},
                 [&](Value* i, const Emitter::Carried& before) -> Emitter::Carried {
                   return {b.CreateFAdd(before[0], e.Load(of_result(i), kF32, 1))};
                 })[0];
  }
  const auto share = [&](Value* x) { return b.CreateFDiv(x, e.Splat(sum, kLanes)); };
  e.Loop(e.Const(0), whole, kLanes,
         [&](Value* i) { e.Store(of_result(i), kF32, share(e.Load(of_result(i), kF32, kLanes))); });
  map_rest(of_result, share);
}

// rmsnorm, with a row that is added behind it, and layernorm: the same of a row's differences from its
// mean, and a sum behind it.
class Norm {
 public:
  Norm(const KernelSpec& spec, Emitter& e, ir::Axis axis)
      : spec_(spec),
        e_(e),
        axis_(std::move(axis)),
        centres_(spec.opcode == ir::Opcode::kLayernorm) {}

  absl::StatusOr<KernelInfo> Emit() {
    if (spec_.result.interleaved_rows > 0) return EmitGroups();
    return ForEachRow(spec_, e_, kNanosecondsPer64,
                      [&](const Row& row, const Indices& indices) { EmitRow(row, indices); });
  }

 private:
  static constexpr int64_t kNanosecondsPer64 = 8;

  // Of a row, one number each.
  struct Factors {
    Value* mean = nullptr;  // null: 0
    Value* inverse = nullptr;
  };

  void EmitRow(const Row& row, const Indices& indices) {
    Factors factors;
    if (centres_) factors.mean = Mean(row.Sum([](Value* x) { return x; }));
    factors.inverse = Inverse(row.Sum([&](Value* x) {
      Value* centred = Centred(x, factors.mean);
      return e_.b().CreateFMul(centred, centred);
    }));
    Value* added = nullptr;  // its first element
    if (spec_.opcode == ir::Opcode::kRmsnormAdd) added = e_.Offset(spec_.operands[2].axes, indices);
    StoreRow(spec_, row, indices, Result(), [&](Value* x, Value* i, int lanes) {
      Value* y = Normalised(x, factors, i, lanes);
      if (added == nullptr) return y;
      Value* other = LoadAlong(e_, spec_.operands[2], e_.Buffer(2), added, axis_.name, i, lanes);
      return e_.b().CreateFAdd(other, y);
    });
  }

  // An item is a group of rows, which are summed and stored side by side. Rows that fill no group
  // are one item, and go one by one.
  absl::StatusOr<KernelInfo> EmitGroups() {
    const TensorSpec& x = spec_.operands[0];
    const int64_t interleaved_rows = spec_.result.interleaved_rows;
    KernelInfo info = RowInfo(spec_, axis_, kNanosecondsPer64 * interleaved_rows);
    info.item_rows = interleaved_rows;
    const ir::Axis rows = info.work_axes[0];
    const auto row_at = [&](Value* index) {
      return Row{e_, x, axis_, e_.Offset(x.axes, {{rows.name, index}})};
    };
    e_.ForRows(
        info.work_axes,
        [&](const Indices& indices) {
          Value* first = indices.at(rows.name);
          Value* end = e_.b().CreateAdd(first, e_.Const(interleaved_rows));
          Value* extent = e_.ExtentValue(rows.extent);
          e_.If(
              e_.b().CreateICmpSLE(end, extent),
              [&] {
                std::vector<Row> group;
                for (int64_t i = 0; i < interleaved_rows; ++i) {
                  group.push_back(row_at(e_.b().CreateAdd(first, e_.Const(i))));
                }
                EmitGroup(first, group);
              },
              [&] {
                e_.Loop(first, extent, 1,
                        [&](Value* row) { EmitRow(row_at(row), {{rows.name, row}}); });
              });
        },
        interleaved_rows);
    return info;
  }

  // map(element) summed along each of the rows.
  std::vector<Value*> Sums(const std::vector<Row>& rows,
                           const std::function<Value*(Value* x, size_t row)>& map) {
    const Emitter::Carried zeros(rows.size(), e_.ConstF32(0.0f, kLanes));
    Emitter::Carried sums =
        e_.Loop(e_.Const(0), e_.ExtentValue(axis_.extent), kLanes, zeros,
                [&](Value* i, const Emitter::Carried& before) {
                  Emitter::Carried after;
                  for (size_t r = 0; r < rows.size(); ++r) {
                    after.push_back(e_.b().CreateFAdd(before[r], map(rows[r].Load(i, kLanes), r)));
                  }
                  return after;
                });
    for (Value*& sum : sums) sum = e_.SumLanes(sum);
    return sums;
  }

  void EmitGroup(Value* first, const std::vector<Row>& rows) {
    std::vector<Factors> factors(rows.size());
    if (centres_) {
      const std::vector<Value*> sums = Sums(rows, [](Value* x, size_t) { return x; });
      for (size_t r = 0; r < rows.size(); ++r) factors[r].mean = Mean(sums[r]);
    }
    const std::vector<Value*> squares = Sums(rows, [&](Value* x, size_t r) {
      Value* centred = Centred(x, factors[r].mean);
      return e_.b().CreateFMul(centred, centred);
    });
    for (size_t r = 0; r < rows.size(); ++r) factors[r].inverse = Inverse(squares[r]);
    e_.Loop(e_.Const(0), e_.ExtentValue(axis_.extent), kLanes, [&](Value* i) {
      std::vector<Value*> values;
      for (size_t r = 0; r < rows.size(); ++r) {
        values.push_back(Normalised(rows[r].Load(i, kLanes), factors[r], i, kLanes));
      }
      StoreRowGroup(e_, spec_.result, e_.Buffer(Result()), first, i, values);
    });
  }

  int Result() const { return static_cast<int>(spec_.operands.size()); }

  Value* Mean(Value* sum) {
    const auto share = static_cast<float>(1.0 / static_cast<double>(axis_.extent.value));
    return e_.b().CreateFMul(sum, e_.ConstF32(share, 1));
  }

  // x itself without a mean.
  Value* Centred(Value* x, Value* mean) {
    return mean == nullptr ? x : e_.b().CreateFSub(x, e_.Splat(mean, LanesOf(x)));
  }

  // 1 / the root of the mean of the squares.
  Value* Inverse(Value* squares) {
    return InverseRootMeanSquare(e_, squares, axis_.extent.value, *spec_.attrs.eps);
  }

  Value* Normalised(Value* x, const Factors& factors, Value* i, int lanes) {
    auto& b = e_.b();
    Value* centred = Centred(x, factors.mean);
    Value* y =
        b.CreateFMul(b.CreateFMul(centred, e_.Splat(factors.inverse, lanes)), Vector(1, i, lanes));
    return centres_ ? b.CreateFAdd(y, Vector(2, i, lanes)) : y;
  }

  // Elements of the weight or of what is added.
  Value* Vector(int operand, Value* i, int lanes) {
    const ir::DType dtype = spec_.operands[static_cast<size_t>(operand)].dtype;
    return e_.Load(e_.Address(e_.Buffer(operand), i, dtype), dtype, lanes);
  }

  const KernelSpec& spec_;
  Emitter& e_;
  const ir::Axis axis_;
  const bool centres_;  // layernorm
};

}  // namespace

absl::StatusOr<KernelInfo> EmitReduce(const KernelSpec& spec, Emitter& e) {
  return ForEachRow(spec, e, 4, [&](const Row& row, const Indices& indices) {
    Value* value =
        spec.opcode == ir::Opcode::kReduceMax ? row.Max() : row.Sum([](Value* v) { return v; });
    e.Store(e.Address(e.Buffer(1), e.Offset(spec.result.axes, indices), spec.result.dtype),
            spec.result.dtype, value);
  });
}

absl::StatusOr<KernelInfo> EmitQuantizeScale(const KernelSpec& spec, Emitter& e) {
  return ForEachRow(spec, e, 4, [&](const Row& row, const Indices& indices) {
    Value* scale = e.b().CreateFDiv(row.MaxMagnitude(), e.ConstF32(127, 1));
    e.Store(e.Address(e.Buffer(1), e.Offset(spec.result.axes, indices), spec.result.dtype),
            spec.result.dtype, scale);
  });
}

absl::StatusOr<KernelInfo> EmitSoftmax(const KernelSpec& spec, Emitter& e) {
  const bool in_place = HoldsExponentials(spec);
  return ForEachRow(spec, e, 64, [&](const Row& row, const Indices& indices) {
    Value* maximum = row.Max();
    auto exponential = [&](Value* x) {
      return Exp(e, e.b().CreateFSub(x, e.Splat(maximum, LanesOf(x))));
    };
    if (in_place) {
      Value* first = e.Address(e.Buffer(1), e.Offset(spec.result.axes, indices), ir::DType::kF32);
      return SoftmaxInPlace(row, exponential, first);
    }
    Value* sum = row.Sum(exponential);
    StoreRow(spec, row, indices, 1, [&](Value* x, Value*, int lanes) {
      return e.b().CreateFDiv(exponential(x), e.Splat(sum, lanes));
    });
  });
}

absl::StatusOr<KernelInfo> EmitRmsnorm(const KernelSpec& spec, Emitter& e) {
  const ir::Axis axis = spec.operands[0].Find(spec.attrs.axes[0])->axis;
  if (!axis.extent.is_constant()) return NoKernel(spec, "the axis has no constant length");
  for (size_t i = 1; i < spec.operands.size(); ++i) {
    if (!IsContiguous(spec.operands[i], axis.name)) return NoKernel(spec, "the weight is strided");
  }
  return Norm(spec, e, axis).Emit();
}

absl::StatusOr<KernelInfo> EmitRmsnormAdd(const KernelSpec& spec, Emitter& e) {
  if (spec.result.interleaved_rows > 0) return NoKernel(spec, "the result is interleaved");
  return EmitRmsnorm(spec, e);
}

absl::StatusOr<KernelInfo> EmitLayernorm(const KernelSpec& spec, Emitter& e) {
  return EmitRmsnorm(spec, e);
}

}  // namespace lluda::codegen
