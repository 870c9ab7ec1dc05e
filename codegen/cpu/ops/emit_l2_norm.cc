// l2_norm: sixteen lanes accumulate the squares of elements 16 apart, are folded in halves, and the
// elements past the last whole 16 follow one by one. Blocks are decoded an element at a time: it is what
// loading does once for each row of a weight, and a step for its few rows.
#include "codegen/cpu/ops/emit_ops.h"
#include "codegen/emit/block_access.h"
#include "codegen/emit/block_values.h"
#include "codegen/emit/tensor_access.h"
#include "ir/type/encoding.h"
#include "llvm/IR/Intrinsics.h"

namespace lluda::codegen {
namespace {

// The row that is summed, and the one that is subtracted from it.
class SquaresOfRow {
 public:
  SquaresOfRow(const KernelSpec& spec, Emitter& e, const Indices& indices)
      : spec_(spec),
        e_(e),
        indices_(indices),
        axis_(spec.operands[0].Find(spec.attrs.axes[0])->axis),
        first_(e.Offset(spec.operands[0].axes, indices)) {}

  Value* Sum() {
    const bool vectors = !axis_.extent.is_constant() || axis_.extent.value >= kLanes;
    const Emitter::Carried init = {e_.ConstF32(0, vectors ? kLanes : 1)};
    return e_.ForLanes(
        axis_.extent, init,
        [&](Value* i, int lanes, const Emitter::Carried& c) {
          Value* x = Load(0, i, lanes);
          if (spec_.operands.size() > 1) x = e_.b().CreateFSub(x, Load(1, i, lanes));
          return Emitter::Carried{e_.MulAdd(x, x, c[0])};
        },
        [&](const Emitter::Carried& c) {
          return Emitter::Carried{vectors ? e_.SumLanes(c[0]) : c[0]};
        })[0];
  }

  // The same where the second row is in blocks of a multiple of 16 elements, which its rows consist of.
  Value* SumOverBlocks() {
    const TensorSpec& y = spec_.operands[1];
    const int64_t elements = ir::EncodingOf(y.dtype).elements;
    Value* sums = e_.Loop(e_.Const(0), e_.ExtentValue(axis_.extent), elements,
                          {e_.ConstF32(0, kLanes)}, [&](Value* k, const Emitter::Carried& c) {
                            Indices at = indices_;
                            at[axis_.name] = k;
                            const BlockPlace place = BlockAt(e_, y, e_.Buffer(1), at);
                            BlockValues values(e_, y.dtype, place.address, 1, place.stride);
                            Value* sum = c[0];
                            for (int64_t i = 0; i < elements; i += kLanes) {
                              Value* lanes = llvm::PoisonValue::get(e_.F32(kLanes));
                              for (int64_t lane = 0; lane < kLanes; ++lane) {
                                lanes = e_.b().CreateInsertElement(lanes, values.At(i + lane),
                                                                   static_cast<uint64_t>(lane));
                              }
                              Value* x = Load(0, e_.b().CreateAdd(k, e_.Const(i)), kLanes);
                              x = e_.b().CreateFSub(x, lanes);
                              sum = e_.MulAdd(x, x, sum);
                            }
                            return Emitter::Carried{sum};
                          })[0];
    return e_.SumLanes(sums);
  }

 private:
  Value* Load(int operand, Value* i, int lanes) {
    const TensorSpec& tensor = spec_.operands[static_cast<size_t>(operand)];
    Value* first = operand == 0 ? first_ : e_.Offset(tensor.axes, indices_);
    return LoadAlong(e_, tensor, e_.Buffer(operand), first, axis_.name, i, lanes);
  }

  const KernelSpec& spec_;
  Emitter& e_;
  const Indices& indices_;
  const ir::Axis axis_;
  Value* first_;
};

}  // namespace

absl::StatusOr<KernelInfo> EmitL2Norm(const KernelSpec& spec, Emitter& e) {
  const ir::Axis axis = spec.operands[0].Find(spec.attrs.axes[0])->axis;
  bool blocks = false;
  for (const TensorSpec& operand : spec.operands) {
    blocks |= ir::IsBlock(operand.dtype);
    if (operand.layout.is_panel()) return NoKernel(spec, "an operand is in panels");
  }
  if (blocks && BlockAxis(spec.operands[1]).name != axis.name) {
    return NoKernel(spec, "blocks lie along another axis");
  }
  KernelInfo info;
  info.work_axes = AxesWithout(spec.operands[0], axis.name);
  info.item_cost = axis.extent.is_constant() ? axis.extent.value / (blocks ? 1 : 16) + 5 : 1;
  info.cost_symbol = axis.extent.symbol;
  e.ForRows(info.work_axes, [&](const Indices& indices) {
    SquaresOfRow row(spec, e, indices);
    Value* sum = blocks ? row.SumOverBlocks() : row.Sum();
    Value* root = e.b().CreateUnaryIntrinsic(llvm::Intrinsic::sqrt, sum);
    const auto result = static_cast<int>(spec.operands.size());
    e.Store(e.Address(e.Buffer(result), e.Offset(spec.result.axes, indices), spec.result.dtype),
            spec.result.dtype, root);
  });
  return info;
}

}  // namespace lluda::codegen
