// nth_largest: one pass over a row, with the largest elements so far in ascending order in the scratch
// memory. Few elements are larger than the least of them, so the pass is hardly more than a comparison
// of 16 at a time.
#include <limits>

#include "codegen/cpu/ops/emit_ops.h"
#include "codegen/emit/tensor_access.h"
#include "ir/type/encoding.h"

namespace lluda::codegen {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

// The n largest numbers that were put in; those that are missing are -inf.
class Largest {
 public:
  Largest(Emitter& e, Value* n) : e_(e), n_(n) {
    e_.Loop(e_.Const(0), n_, 1, [&](Value* i) { Store(i, e_.ConstF32(-kInfinity, 1)); });
    Store(n_, e_.ConstF32(kInfinity, 1));  // what no element is above
  }

  // The least of them.
  Value* Least() { return Load(e_.Const(0)); }

  // Takes the place of the least, if it is larger; a NaN is not.
  void Put(Value* x) {
    auto& b = e_.b();
    e_.If(b.CreateFCmpOGT(x, Least()), [&] {
      e_.Loop(e_.Const(0), n_, 1, [&](Value* i) {
        Value* here = Load(i);
        Value* next = Load(b.CreateAdd(i, e_.Const(1)));
        Value* larger = b.CreateSelect(b.CreateFCmpOLT(here, x), x, here);
        Store(i, b.CreateSelect(b.CreateFCmpOLT(next, x), next, larger));
      });
    });
  }

 private:
  Value* At(Value* i) { return e_.Address(e_.Scratch(), i, ir::DType::kF32); }
  Value* Load(Value* i) { return e_.Load(At(i), ir::DType::kF32, 1); }
  void Store(Value* i, Value* value) { e_.Store(At(i), ir::DType::kF32, value); }

  Emitter& e_;
  Value* n_;
};

}  // namespace

absl::StatusOr<KernelInfo> EmitNthLargest(const KernelSpec& spec, Emitter& e) {
  const TensorSpec& x = spec.operands[0];
  const TensorSpec& counts = spec.operands[1];
  if (x.layout.is_panel()) return NoKernel(spec, "the operand is in panels");
  const ir::Axis axis = x.Find(spec.attrs.axes[0])->axis;
  auto& b = e.b();
  KernelInfo info;
  info.work_axes = AxesWithout(x, axis.name);
  info.item_cost = axis.extent.is_constant() ? axis.extent.value / 6 + 50 : 1;
  info.cost_symbol = axis.extent.symbol;
  info.scratch_bytes = (ir::kMostNthLargest + 1) * ir::BytesOf(ir::DType::kF32, 1);
  e.ForRows(info.work_axes, [&](const Indices& indices) {
    Value* most = e.Least(e.Const(ir::kMostNthLargest), e.ExtentValue(axis.extent));
    Value* n = e.Most(e.Const(1), e.Least(LoadIndexAt(e, counts, e.Buffer(1), indices), most));
    Largest largest(e, n);
    Value* first = e.Offset(x.axes, indices);
    e.ForLanes(axis.extent, [&](Value* i, int lanes) {
      Value* values = LoadAlong(e, x, e.Buffer(0), first, axis.name, i, lanes);
      if (lanes == 1) return largest.Put(values);
      Value* larger = b.CreateFCmpOGT(values, e.Splat(largest.Least(), lanes));
      e.If(b.CreateOrReduce(larger), [&] {
        e.Loop(i, b.CreateAdd(i, e.Const(lanes)), 1, [&](Value* lane) {
          largest.Put(LoadAlong(e, x, e.Buffer(0), first, axis.name, lane, 1));
        });
      });
    });
    e.Store(e.Address(e.Buffer(2), e.Offset(spec.result.axes, indices), spec.result.dtype),
            spec.result.dtype, largest.Least());
  });
  return info;
}

}  // namespace lluda::codegen
