#include "codegen/nvptx/product/product.h"

#include <algorithm>
#include <utility>

#include "codegen/emit/block_access.h"
#include "codegen/emit/column_epilogue.h"
#include "codegen/emit/integer.h"
#include "codegen/emit/op_emitter.h"
#include "codegen/emit/tensor_access.h"
#include "codegen/nvptx/product/block_words.h"
#include "ir/op/contraction.h"
#include "ir/type/encoding.h"

namespace lluda::codegen::gpu {

using ir::EpilogueStep;

Product::Product(const KernelSpec& spec, GpuEmitter& e)
    : spec_(spec), e_(e), a_(spec.operands[0]), b_(spec.operands[1]) {
  if (is_expert()) {
    contracted_ = {b_.Find(spec.attrs.axes[0])->axis};
    return;
  }
  for (const std::string& name : ir::ContractedAxes(spec.attrs)) {
    contracted_.push_back(b_.Find(name)->axis);
  }
}

absl::Status Product::Check() const {
  if (ir::IsBlock(a_.dtype)) return NoKernel(spec_, "a GPU multiplies no activations in blocks");
  if (IsBlocks() && (contracted_.size() != 1 || !IsContracted(BlockAxis(b_).name))) {
    return NoKernel(spec_, "the blocks lie along another axis");
  }
  if (a_.layout.is_panel()) return NoKernel(spec_, "the first operand is in panels");
  for (const EpilogueStep step : spec_.attrs.epilogue) {
    const bool known = EmitsColumnStep(step) || Info(step).grain == ir::Grain::kHeads;
    if (!known) return NoKernel(spec_, "its epilogue");
  }
  return absl::OkStatus();
}

bool Product::IsBlocks() const { return ir::IsBlock(b_.dtype); }

bool Product::IsContracted(absl::string_view name) const {
  return std::any_of(contracted_.begin(), contracted_.end(),
                     [&](const ir::Axis& axis) { return axis.name == name; });
}

std::vector<ir::Axis> Product::FreeAxes(const TensorSpec& tensor) const {
  std::vector<ir::Axis> axes;
  for (const ir::StridedAxis& strided : tensor.axes) {
    if (!IsContracted(strided.axis.name)) axes.push_back(strided.axis);
  }
  return axes;
}

// Lanes take quarters of blocks.
Value* Product::SumOfBlocks(const Indices& indices) {
  const std::string& along = contracted_[0].name;
  const int64_t elements = ir::EncodingOf(b_.dtype).elements;
  const int64_t quarters = contracted_[0].extent.value / elements * 4;
  Value* own = e_.ForLanesOfWarp(
      e_.Const(quarters), {e_.ConstF32(0.0f, 1)}, [&](Value* i, const Emitter::Carried& before) {
        const Integer quad = Integer(e_, i) % 4;
        const Integer first = Integer(e_, i) / 4 * elements;
        Indices at = indices;
        at[along] = first;
        BlockWords block(e_, b_.dtype, BlockAt(e_, b_, e_.Buffer(1), at), quad);
        Value* sum = before[0];
        for (int64_t k = 0; k < elements; k += kQuads) {
          const std::array<Value*, 4> values = block.Values(k);
          for (size_t n = 0; n < values.size(); ++n) {
            at[along] = first + quad * 4 + (k + static_cast<int64_t>(n));
            Value* x =
                e_.Load(e_.Address(e_.Buffer(0), ElementOffset(e_, a_, at), a_.dtype), a_.dtype, 1);
            sum = e_.MulAdd(x, values[n], sum);
          }
        }
        return Emitter::Carried{sum};
      })[0];
  return e_.WarpSum(own);
}

Value* Product::Sum(const Indices& indices) {
  if (IsBlocks()) return SumOfBlocks(indices);
  auto& b = e_.b();
  Integer count(e_, e_.Const(1));
  for (const ir::Axis& axis : contracted_) count = count * e_.ExtentValue(axis.extent);
  const auto load = [&](int operand, const Indices& at) {
    const TensorSpec& tensor = spec_.operands[operand];
    Value* address = e_.Address(e_.Buffer(operand), ElementOffset(e_, tensor, at), tensor.dtype);
    if (!is_integer()) return e_.Load(address, tensor.dtype, 1);
    return b.CreateTrunc(e_.LoadIndex(address, tensor.dtype), e_.Int(32, 1));
  };
  Value* zero = is_integer() ? e_.ConstInt(0, 32, 1) : e_.ConstF32(0.0f, 1);
  Value* own = e_.ForLanesOfWarp(count, {zero}, [&](Value* k, const Emitter::Carried& sum) {
    Indices at = e_.IndicesOf(contracted_, k, 1);
    at.insert(indices.begin(), indices.end());
    Value* x = load(0, at);
    Value* y = load(1, at);
    Value* next = is_integer() ? b.CreateAdd(sum[0], b.CreateMul(x, y)) : e_.MulAdd(x, y, sum[0]);
    return Emitter::Carried{next};
  })[0];
  return e_.WarpSum(own);
}

Value* Product::Finished(const Indices& indices, Value* column, int64_t half,
                         std::vector<Value*> sums) {
  for (const EpilogueStep step : spec_.attrs.epilogue) {
    if (Info(step).grain == ir::Grain::kHalves) {
      sums = {FoldHalves(e_, step, sums[0], sums[1])};
    } else if (Info(step).grain == ir::Grain::kColumns) {
      for (size_t i = 0; i < sums.size(); ++i) {
        Value* at = Integer(e_, column) + static_cast<int64_t>(i) * half;
        sums[i] = ApplyColumnStep(spec_, e_, step, sums[i], indices, at);
      }
    }
  }
  return sums[0];
}

void Product::StoreAt(const Indices& indices, Value* value) {
  const TensorSpec& out = spec_.result;
  Value* to = e_.Address(e_.Buffer(static_cast<int>(spec_.operands.size())),
                         ElementOffset(e_, out, indices), out.dtype);
  if (is_integer()) {
    e_.b().CreateAlignedStore(value, to, Emitter::AlignOf(out.dtype));
  } else {
    e_.Store(to, out.dtype, value);
  }
}

}  // namespace lluda::codegen::gpu
