// Ops that move elements without computing: gather, append, concat, pad, and views that strides
// cannot express. Elements are copied as bits.
#include <algorithm>
#include <functional>

#include "absl/strings/str_cat.h"
#include "codegen/cpu/emit/row_interleave.h"
#include "codegen/cpu/ops/emit_ops.h"
#include "codegen/emit/tensor_access.h"
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

// Where an element of the result lies. All rows of one that is interleaved are in groups.
Value* ResultAddress(Emitter& e, const TensorSpec& result, const Indices& indices) {
  if (result.interleaved_rows == 0) {
    return e.Address(e.Buffer(1), e.Offset(result.axes, indices), result.dtype);
  }
  const std::vector<ir::StridedAxis> in_row(result.axes.begin() + 1, result.axes.end());
  return InterleavedAddress(e, result, e.Buffer(1), indices.at(result.axes[0].axis.name),
                            e.Offset(in_row, indices));
}

// Makes the element (or `lanes` contiguous ones) at `to` zeros.
void ClearBits(Emitter& e, const TensorSpec& tensor, Value* to_base, Value* to, int lanes) {
  e.b().CreateAlignedStore(llvm::Constant::getNullValue(e.BitsOf(tensor.dtype, lanes)),
                           e.Address(to_base, to, tensor.dtype), Emitter::AlignOf(tensor.dtype));
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

// The taps of windows, and whatever else is merged into the result's last axis while the last of the
// merged axes is contiguous: runs along that one are copied as a whole.
KernelInfo EmitMergeOfRuns(const KernelSpec& spec, Emitter& e) {
  const TensorSpec& from = spec.operands[0];
  const std::vector<std::string>& names = spec.attrs.axes;
  const ir::Axis merged = spec.result.axes.back().axis;
  const ir::Axis run = from.Find(names.back())->axis;
  const std::vector<ir::Axis> rows = LeadingAxes(spec.result);
  e.ForRows(rows, [&](const Indices& row) {
    // Loops over the merged axes from `depth` on, `first` elements of the merged one have gone by.
    const std::function<void(size_t, Value*, const Indices&)> copy = [&](size_t depth, Value* first,
                                                                         const Indices& indices) {
      auto& b = e.b();
      Value* before = b.CreateMul(first, e.ExtentValue(from.Find(names[depth])->axis.extent));
      if (depth + 1 < names.size()) {
        e.Loop(e.Const(0), e.ExtentValue(from.Find(names[depth])->axis.extent), 1, [&](Value* i) {
          Indices inner = indices;
          inner[names[depth]] = i;
          copy(depth + 1, b.CreateAdd(before, i), inner);
        });
        return;
      }
      e.ForLanes(run.extent, [&](Value* i, int lanes) {
        Indices source = indices;
        source[run.name] = i;
        Indices target = row;
        target[merged.name] = b.CreateAdd(before, i);
        CopyBits(e, from, e.Buffer(0), e.Offset(from.axes, source), e.Buffer(1),
                 e.Offset(spec.result.axes, target), lanes);
      });
    };
    copy(0, e.Const(0), row);
  });
  return CopyInfo(rows, merged);
}

// A merge of axes before the last one, which is contiguous: of a convolution's places, say.
bool KeepsRuns(const KernelSpec& spec) {
  const std::string& last = spec.result.axes.back().axis.name;
  return spec.opcode == ir::Opcode::kMerge && spec.attrs.result_axes[0].name != last &&
         IsContiguous(spec.operands[0], last);
}

bool MergesRuns(const KernelSpec& spec) {
  return spec.opcode == ir::Opcode::kMerge &&
         spec.attrs.result_axes[0].name == spec.result.axes.back().axis.name &&
         IsContiguous(spec.operands[0], spec.attrs.axes.back());
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
    Value*& position = to[spec.attrs.axes[1]];
    position = CellOf(e, spec, position);
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

// An item is a row along the last axis: the operand's, between zeros if they are asked for along
// that axis, or zeros alone.
absl::StatusOr<KernelInfo> EmitPad(const KernelSpec& spec, Emitter& e) {
  const TensorSpec& from = spec.operands[0];
  if (from.layout.is_panel()) return NoKernel(spec, "the operand is in panels");
  if (ir::IsBlock(from.dtype)) return NoKernel(spec, "the operand is in blocks");
  const ir::Axis last = spec.result.axes.back().axis;
  const std::vector<ir::Axis> rows = LeadingAxes(spec.result);
  const int64_t before = spec.attrs.before.value_or(0);
  const auto is_padded = [&](const std::string& name) {
    return std::find(spec.attrs.axes.begin(), spec.attrs.axes.end(), name) != spec.attrs.axes.end();
  };
  const int64_t first = is_padded(last.name) ? before : 0;
  const ir::Extent inner = from.Find(last.name)->axis.extent;
  const bool contiguous = IsContiguous(from, last.name);
  auto& b = e.b();
  e.ForRows(rows, [&](const Indices& indices) {
    Value* inside = b.getTrue();
    Indices source = indices;
    for (const ir::Axis& axis : rows) {
      if (!is_padded(axis.name)) continue;
      Value* own = b.CreateSub(indices.at(axis.name), e.Const(before));
      source[axis.name] = own;
      // Below 0 it is a large number without a sign.
      inside = b.CreateAnd(inside,
                           b.CreateICmpULT(own, e.ExtentValue(from.Find(axis.name)->axis.extent)));
    }
    const auto clear = [&](Value* begin, const ir::Extent& count) {
      e.ForLanes(count, [&](Value* i, int lanes) {
        Indices target = indices;
        target[last.name] = b.CreateAdd(begin, i);
        ClearBits(e, spec.result, e.Buffer(1), e.Offset(spec.result.axes, target), lanes);
      });
    };
    const auto copy = [&](Value* i, int lanes) {
      source[last.name] = i;
      Indices target = indices;
      target[last.name] = b.CreateAdd(i, e.Const(first));
      CopyBits(e, from, e.Buffer(0), e.Offset(from.axes, source), e.Buffer(1),
               e.Offset(spec.result.axes, target), lanes);
    };
    const auto copy_row = [&] {
      if (first > 0) clear(e.Const(0), ir::Extent::Constant(first));
      if (contiguous) {
        e.ForLanes(inner, copy);
      } else {
        e.Loop(e.Const(0), e.ExtentValue(inner), 1, [&](Value* i) { copy(i, 1); });
      }
      if (!is_padded(last.name)) return;
      const int64_t end = first + inner.value;
      if (last.extent.value > end) {
        clear(e.Const(end), ir::Extent::Constant(last.extent.value - end));
      }
    };
    e.If(inside, copy_row, [&] { clear(e.Const(0), last.extent); });
  });
  return CopyInfo(rows, last);
}

// A view that had to be materialised: the elements in row-major order of the result. split and
// merge keep that order on a row-major operand; slice and permute have their operand's axes.
absl::StatusOr<KernelInfo> EmitCopy(const KernelSpec& spec, Emitter& e) {
  const TensorSpec& from = spec.operands[0];
  if (from.layout.is_panel()) return NoKernel(spec, "the operand is in panels");
  if (MergesRuns(spec)) return EmitMergeOfRuns(spec, e);
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
  if (KeepsRuns(spec)) {
    e.ForRows(rows, [&](Indices indices) {
      e.ForLanes(last.extent, [&](Value* i, int lanes) {
        indices[last.name] = i;
        CopyBits(e, from, e.Buffer(0), e.Offset(from.axes, source(indices)),
                 ResultAddress(e, spec.result, indices), e.Const(0), lanes);
      });
    });
    return CopyInfo(rows, last);
  }
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
