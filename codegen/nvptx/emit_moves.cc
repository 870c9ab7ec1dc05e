// Ops that move elements without computing: a thread for each element that is written.
#include <tuple>

#include "codegen/emit/integer.h"
#include "codegen/emit/op_emitter.h"
#include "codegen/emit/tensor_access.h"
#include "codegen/nvptx/emit_gpu.h"
#include "ir/type/encoding.h"

namespace lluda::codegen::gpu {
namespace {

// Where an element lies: an operand or the result, by its number among the buffers.
struct Place {
  const TensorSpec& tensor;
  int buffer;
  const Indices& indices;
};

void CopyElement(GpuEmitter& e, const Place& from, const Place& to) {
  const auto address = [&](const Place& place) {
    return e.Address(e.Buffer(place.buffer), ElementOffset(e, place.tensor, place.indices),
                     place.tensor.dtype);
  };
  const ir::DType dtype = from.tensor.dtype;
  // What is read may be a checkpoint's tensor, whose parts lie at multiples of an element.
  Value* bits = e.b().CreateAlignedLoad(e.BitsOf(dtype), address(from), Emitter::AlignOf(dtype));
  e.b().CreateAlignedStore(bits, address(to), Emitter::AlignOf(dtype));
}

absl::Status RefuseBlocks(const KernelSpec& spec) {
  for (const TensorSpec& operand : spec.operands) {
    if (ir::IsBlock(operand.dtype)) return NoKernel(spec, "an operand is in blocks");
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<KernelInfo> EmitGather(const KernelSpec& spec, GpuEmitter& e) {
  if (ir::IsBlock(spec.operands[0].dtype)) return EmitGatherBlocks(spec, e);
  e.ForElements(spec.result.PlainAxes(), [&](const Indices& to) {
    Indices from = to;
    from[spec.attrs.axes[0]] = LoadIndexAt(e, spec.operands[1], e.Buffer(1), to);
    CopyElement(e, {spec.operands[0], 0, from}, {spec.result, 2, to});
  });
  return ElementsInfo(spec.result.PlainAxes());
}

absl::StatusOr<KernelInfo> EmitPick(const KernelSpec& spec, GpuEmitter& e) {
  return EmitGather(spec, e);  // indices without `over` stand in both
}

absl::StatusOr<KernelInfo> EmitAppend(const KernelSpec& spec, GpuEmitter& e) {
  const std::vector<ir::Axis> axes = spec.operands[1].PlainAxes();
  e.ForElements(axes, [&](const Indices& from) {
    Indices to = from;
    for (int i = 0; i < 2; ++i) {
      to[spec.attrs.axes[i]] = LoadIndexAt(e, spec.operands[2 + i], e.Buffer(2 + i), from);
    }
    Value*& position = to[spec.attrs.axes[1]];
    position = CellOf(e, spec, position);
    CopyElement(e, {spec.operands[1], 1, from}, {spec.operands[0], 0, to});
  });
  return ElementsInfo(axes);
}

// A thread looks for the part that its element comes from.
absl::StatusOr<KernelInfo> EmitConcat(const KernelSpec& spec, GpuEmitter& e) {
  absl::Status checked = RefuseBlocks(spec);
  if (!checked.ok()) return checked;
  const auto& names = spec.attrs.axes;
  const std::string& joined = spec.attrs.result_axes[0].name;
  const int result = static_cast<int>(spec.operands.size());
  e.ForElements(spec.result.PlainAxes(), [&](const Indices& to) {
    int64_t offset = 0;
    for (int part = 0; part < result; ++part) {
      const std::string& own = names[names.size() == 1 ? 0 : part];
      const int64_t extent = spec.operands[part].Find(own)->axis.extent.value;
      const Integer i = Integer(e, to.at(joined)) - offset;
      e.If(e.b().CreateICmpULT(i, e.Const(extent)), [&] {
        Indices from = to;
        from[own] = i;
        CopyElement(e, {spec.operands[part], part, from}, {spec.result, result, to});
      });
      offset += extent;
    }
  });
  return ElementsInfo(spec.result.PlainAxes());
}

// A thread copies its element, or writes the zero that stands there.
absl::StatusOr<KernelInfo> EmitPad(const KernelSpec& spec, GpuEmitter& e) {
  absl::Status checked = RefuseBlocks(spec);
  if (!checked.ok()) return checked;
  const TensorSpec& from = spec.operands[0];
  const int64_t before = spec.attrs.before.value_or(0);
  auto& b = e.b();
  e.ForElements(spec.result.PlainAxes(), [&](const Indices& to) {
    Indices source = to;
    Value* inside = b.getTrue();
    for (const std::string& name : spec.attrs.axes) {
      const Integer own = Integer(e, to.at(name)) - before;
      source[name] = own;
      // Below 0 it is a large number without a sign.
      inside =
          b.CreateAnd(inside, b.CreateICmpULT(own, e.ExtentValue(from.Find(name)->axis.extent)));
    }
    e.If(
        inside, [&] { CopyElement(e, {from, 0, source}, {spec.result, 1, to}); },
        [&] {
          const ir::DType dtype = spec.result.dtype;
          Value* address = e.Address(e.Buffer(1), ElementOffset(e, spec.result, to), dtype);
          b.CreateAlignedStore(llvm::Constant::getNullValue(e.BitsOf(dtype)), address,
                               Emitter::AlignOf(dtype));
        });
  });
  return ElementsInfo(spec.result.PlainAxes());
}

// A view that had to be materialised: the elements in row-major order of the result. split and
// merge keep that order on a row-major operand; slice, permute and window have their operand's axes.
absl::StatusOr<KernelInfo> EmitCopy(const KernelSpec& spec, GpuEmitter& e) {
  const TensorSpec& from = spec.operands[0];
  const auto& axes = spec.attrs.axes;
  const auto joined = [&](const Indices& to) {
    Integer index(e, e.Const(0));
    for (const ir::Axis& part : spec.attrs.result_axes) {
      index = index * e.ExtentValue(part.extent) + to.at(part.name);
    }
    return index;
  };
  const auto source = [&](const Indices& to) {
    Indices indices = to;
    if (spec.opcode == ir::Opcode::kSplit) indices[axes[0]] = joined(to);
    if (spec.opcode == ir::Opcode::kSlice) indices[axes[0]] = joined(to) + spec.attrs.begin;
    if (spec.opcode == ir::Opcode::kWindow) {
      const auto& [window, tap] = std::tie(spec.attrs.result_axes[0], spec.attrs.result_axes[1]);
      indices[axes[0]] = Integer(e, to.at(window.name)) * *spec.attrs.stride + to.at(tap.name);
    }
    if (spec.opcode == ir::Opcode::kMerge) {
      std::vector<ir::Axis> merged;
      for (const std::string& name : axes) merged.push_back(from.Find(name)->axis);
      const Indices parts = e.IndicesOf(merged, to.at(spec.attrs.result_axes[0].name), 1);
      indices.insert(parts.begin(), parts.end());
    }
    return indices;
  };
  e.ForElements(spec.result.PlainAxes(), [&](const Indices& to) {
    CopyElement(e, {from, 0, source(to)}, {spec.result, 1, to});
  });
  return ElementsInfo(spec.result.PlainAxes());
}

absl::StatusOr<KernelInfo> EmitPack(const KernelSpec& spec, GpuEmitter& e) {
  const TensorSpec& from = spec.operands[0];
  if (from.layout.is_panel()) return NoKernel(spec, "the operand is in panels already");
  if (spec.result.axes.size() != 2) return NoKernel(spec, "only matrices are packed");
  if (ir::IsBlock(from.dtype)) return EmitPackBlocks(spec, e);
  const std::string row = PanelRowAxis(spec.result).name;
  // The part's own rows, the elements of a row last.
  const std::vector<ir::Axis> axes = {from.Find(row)->axis,
                                      from.Find(spec.result.layout.axis)->axis};
  e.ForElements(axes, [&](const Indices& indices) {
    Indices to = indices;
    to[row] = Integer(e, to.at(row)) + spec.row_offset;
    CopyElement(e, {from, 0, indices}, {spec.result, 1, to});
  });
  return ElementsInfo(axes);
}

}  // namespace lluda::codegen::gpu
