// Ops that move elements without computing: gather, append, concat, and views that strides cannot
// express. Elements are copied as bits.
#include "absl/strings/str_cat.h"
#include "codegen/cpu/emit/tensor_access.h"
#include "codegen/cpu/ops/emit_ops.h"
#include "ir/type/encoding.h"

namespace lluda::codegen {
namespace {

// Copies the element (or `lanes` contiguous ones) at `from` to `to`.
void CopyBits(Emitter& e, const TensorSpec& tensor, Value* from_base, Value* from, Value* to_base,
              Value* to, int lanes) {
  const llvm::Align align = Emitter::AlignOf(tensor.dtype);
  // What is read may be a checkpoint's tensor, which lies at any address.
  Value* bits = e.b().CreateAlignedLoad(e.BitsOf(tensor.dtype, lanes),
                                        e.Address(from_base, from, tensor.dtype), llvm::Align(1));
  e.b().CreateAlignedStore(bits, e.Address(to_base, to, tensor.dtype), align);
}

// Elements along the axis that lie together in a panel tensor, or 1.
int64_t Together(const TensorSpec& tensor, const ir::Axis& axis) {
  if (!tensor.layout.is_panel() || tensor.layout.axis != axis.name) return 1;
  const bool whole = axis.extent.is_constant() && axis.extent.value % tensor.layout.depth == 0;
  return whole ? tensor.layout.depth : 1;
}

// Copies along one axis whose index is named `axis` on both sides, in lanes where both are
// contiguous and in a panel's pairs where one is.
void CopyAlong(Emitter& e, const ir::Axis& axis, const TensorSpec& from, int from_buffer,
               Indices from_indices, const TensorSpec& to, int to_buffer, Indices to_indices) {
  const bool contiguous = IsContiguous(from, axis.name) && IsContiguous(to, axis.name);
  const auto copy = [&](Value* i, int lanes) {
    from_indices[axis.name] = i;
    to_indices[axis.name] = i;
    CopyBits(e, from, e.Buffer(from_buffer), ElementOffset(e, from, from_indices),
             e.Buffer(to_buffer), ElementOffset(e, to, to_indices), lanes);
  };
  if (contiguous) {
    e.ForLanes(axis.extent, copy);
    return;
  }
  int64_t together = 1;
  if (IsContiguous(from, axis.name)) together = Together(to, axis);
  if (IsContiguous(to, axis.name)) together = Together(from, axis);
  e.Loop(e.Const(0), e.ExtentValue(axis.extent), together,
         [&](Value* i) { copy(i, static_cast<int>(together)); });
}

KernelInfo CopyInfo(std::vector<ir::Axis> work_axes, const ir::Axis& inner) {
  KernelInfo info;
  info.work_axes = std::move(work_axes);
  info.item_cost = inner.extent.is_constant() ? inner.extent.value / 16 + 2 : 1;
  info.cost_symbol = inner.extent.symbol;
  return info;
}

}  // namespace

absl::StatusOr<KernelInfo> EmitGather(const KernelSpec& spec, Emitter& e) {
  const TensorSpec& table = spec.operands[0];
  if (ir::IsBlock(table.dtype)) return EmitGatherBlocks(spec, e);
  if (table.axes.size() < 2) return NoKernel(spec, "the table has one axis only");
  const ir::Axis last = spec.result.axes.back().axis;
  const std::vector<ir::Axis> rows = LeadingAxes(spec.result);
  e.ForRows(rows, [&](const Indices& indices) {
    Indices from = indices;
    from[spec.attrs.axes[0]] = LoadIndexAt(e, spec.operands[1], e.Buffer(1), indices);
    CopyAlong(e, last, table, 0, from, spec.result, 2, indices);
  });
  return CopyInfo(rows, last);
}

absl::StatusOr<KernelInfo> EmitPick(const KernelSpec& spec, Emitter& e) {
  const TensorSpec& x = spec.operands[0];
  if (spec.result.axes.empty()) return NoKernel(spec, "the result has no axis");
  const ir::Axis last = spec.result.axes.back().axis;
  const std::vector<ir::Axis> rows = LeadingAxes(spec.result);
  e.ForRows(rows, [&](Indices indices) {
    e.Loop(e.Const(0), e.ExtentValue(last.extent), 1, [&](Value* i) {
      indices[last.name] = i;
      Indices from = indices;
      from[spec.attrs.axes[0]] = LoadIndexAt(e, spec.operands[1], e.Buffer(1), indices);
      CopyBits(e, x, e.Buffer(0), ElementOffset(e, x, from), e.Buffer(2),
               e.Offset(spec.result.axes, indices), 1);
    });
  });
  return CopyInfo(rows, last);
}

absl::StatusOr<KernelInfo> EmitAppend(const KernelSpec& spec, Emitter& e) {
  const TensorSpec& state = spec.operands[0];
  const TensorSpec& x = spec.operands[1];
  const ir::Axis last = x.axes.back().axis;
  if (spec.operands[2].Find(last.name) != nullptr) {
    return NoKernel(spec, "a token has no elements");
  }
  const std::vector<ir::Axis> rows = LeadingAxes(x);
  e.ForRows(rows, [&](const Indices& indices) {
    Indices to = indices;
    for (int i = 0; i < 2; ++i) {
      to[spec.attrs.axes[i]] = LoadIndexAt(e, spec.operands[2 + i], e.Buffer(2 + i), indices);
    }
    CopyAlong(e, last, x, 1, indices, state, 0, to);
  });
  return CopyInfo(rows, last);
}

absl::StatusOr<KernelInfo> EmitConcat(const KernelSpec& spec, Emitter& e) {
  const auto& names = spec.attrs.axes;
  const std::string& joined = spec.attrs.result_axes[0].name;
  const int result = static_cast<int>(spec.operands.size());
  // Rows are the result's axes without the joined one; each part is then copied as a whole.
  const std::vector<ir::Axis> rows = AxesWithout(spec.result, joined);
  if (spec.result.layout.is_panel()) return NoKernel(spec, "the result is in panels");
  if (ir::IsBlock(spec.result.dtype)) return NoKernel(spec, "blocks are joined by pack alone");
  e.ForRows(rows, [&](const Indices& indices) {
    int64_t offset = 0;
    for (int part = 0; part < result; ++part) {
      TensorSpec from = spec.operands[part];
      const std::string& own = names[names.size() == 1 ? 0 : part];
      for (ir::StridedAxis& strided : from.axes) {
        if (strided.axis.name == own) strided.axis.name = joined;
      }
      const ir::Axis axis = from.Find(joined)->axis;
      const bool contiguous = IsContiguous(from, joined) && IsContiguous(spec.result, joined);
      const auto copy = [&](Value* i, int lanes) {
        Indices source = indices;
        source[joined] = i;
        Indices target = indices;
        target[joined] = e.b().CreateAdd(i, e.Const(offset));
        CopyBits(e, from, e.Buffer(part), ElementOffset(e, from, source), e.Buffer(result),
                 ElementOffset(e, spec.result, target), lanes);
      };
      if (contiguous) {
        e.ForLanes(axis.extent, copy);
      } else {
        e.Loop(e.Const(0), e.Const(axis.extent.value), 1, [&](Value* i) { copy(i, 1); });
      }
      offset += axis.extent.value;
    }
  });
  return CopyInfo(rows, spec.result.Find(joined)->axis);
}

// A view that had to be materialised: the elements in row-major order of the result. split and
// merge keep that order on a row-major operand; slice and permute have their operand's axes.
absl::StatusOr<KernelInfo> EmitCopy(const KernelSpec& spec, Emitter& e) {
  const TensorSpec& from = spec.operands[0];
  if (from.layout.is_panel()) return NoKernel(spec, "the operand is in panels");
  auto& b = e.b();
  const std::vector<ir::Axis> rows = LeadingAxes(spec.result);
  const ir::Axis last = spec.result.axes.back().axis;
  // Index of the operand's axis, from those of the result's axes that replace it.
  const auto join = [&](const std::vector<ir::Axis>& parts, const Indices& indices) {
    Value* index = e.Const(0);
    for (const ir::Axis& part : parts) {
      index = b.CreateAdd(b.CreateMul(index, e.ExtentValue(part.extent)), indices.at(part.name));
    }
    return index;
  };
  const auto source = [&](const Indices& to) {
    Indices indices = to;
    switch (spec.opcode) {
      case ir::Opcode::kSplit:
        indices[spec.attrs.axes[0]] = join(spec.attrs.result_axes, to);
        break;
      case ir::Opcode::kSlice:
        indices[spec.attrs.axes[0]] =
            b.CreateAdd(join(spec.attrs.result_axes, to), e.Const(spec.attrs.begin));
        break;
      case ir::Opcode::kMerge: {
        Value* rest = to.at(spec.attrs.result_axes[0].name);
        for (auto name = spec.attrs.axes.rbegin(); name != spec.attrs.axes.rend(); ++name) {
          Value* extent = e.ExtentValue(from.Find(*name)->axis.extent);
          indices[*name] = b.CreateURem(rest, extent);
          rest = b.CreateUDiv(rest, extent);
        }
        break;
      }
      default:  // permute: the same names
        break;
    }
    return indices;
  };
  e.ForRows(rows, [&](Indices indices) {
    e.Loop(e.Const(0), e.ExtentValue(last.extent), 1, [&](Value* i) {
      indices[last.name] = i;
      CopyBits(e, from, e.Buffer(0), e.Offset(from.axes, source(indices)), e.Buffer(1),
               e.Offset(spec.result.axes, indices), 1);
    });
  });
  return CopyInfo(rows, last);
}

}  // namespace lluda::codegen
