#include "ir/infer/infer_shape.h"

#include <algorithm>
#include <optional>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "ir/infer/checks.h"

namespace lluda::ir::infer {
namespace {

// Replaces the axes named in attrs.axes (adjacent, in order) of operand i by attrs.result_axes.
TypeOr Regroup(const Op& op, const std::vector<std::string>& from, const std::vector<Axis>& to) {
  const Type& in = In(op, 0);
  RETURN_IF_ERROR(WantAxis(op, 0, from[0]));
  const size_t at = in.FindAxis(from[0]);
  for (size_t i = 0; i < from.size(); ++i) {
    if (at + i >= in.axes.size() || in.axes[at + i].name != from[i]) {
      return Error(op, "axis '", from[i], "' does not follow in ", ToString(in));
    }
  }
  ASSIGN_OR_RETURN(auto before,
                   ConstantElements(op, absl::MakeConstSpan(in.axes).subspan(at, from.size())));
  ASSIGN_OR_RETURN(auto after, ConstantElements(op, to));
  if (before != after) return Error(op, before, " elements cannot become ", after);
  Type result{in.dtype, in.axes, {}};
  result.axes.erase(result.axes.begin() + at, result.axes.begin() + at + from.size());
  result.axes.insert(result.axes.begin() + at, to.begin(), to.end());
  return Checked(op, result);
}

}  // namespace

// Into one axis it gives the axis another name, whatever its extent.
TypeOr InferSplit(const Op& op) {
  RETURN_IF_ERROR(WantAxes(op, 1));
  if (op.attrs.result_axes.empty()) return Error(op, "needs a result axis");
  if (op.attrs.result_axes.size() > 1) return Regroup(op, op.attrs.axes, op.attrs.result_axes);
  ASSIGN_OR_RETURN(const Axis* axis, WantAxis(op, 0, op.attrs.axes[0]));
  const Axis& renamed = op.attrs.result_axes[0];
  if (!(axis->extent == renamed.extent)) {
    return Error(op, ToString(*axis), " cannot become ", ToString(renamed));
  }
  Type result = RowMajor(In(op, 0));
  result.axes[result.FindAxis(axis->name)].name = renamed.name;
  return Checked(op, result);
}

TypeOr InferPad(const Op& op) {
  if (op.attrs.axes.empty()) return Error(op, "names no axis");
  if (!op.attrs.before && !op.attrs.after) {
    return Error(op, "needs the attribute 'before' or 'after'");
  }
  Type result = RowMajor(In(op, 0));
  for (size_t i = 0; i < op.attrs.axes.size(); ++i) {
    const std::string& name = op.attrs.axes[i];
    ASSIGN_OR_RETURN(const Axis* axis, WantAxis(op, 0, name));
    ASSIGN_OR_RETURN(int64_t extent, ConstantExtent(op, *axis));
    const auto earlier = op.attrs.axes.begin() + static_cast<int64_t>(i);
    if (std::find(op.attrs.axes.begin(), earlier, name) != earlier) {
      return Error(op, "names axis '", name, "' twice");
    }
    for (const std::optional<int64_t>& zeros : {op.attrs.before, op.attrs.after}) {
      if (__builtin_add_overflow(extent, zeros.value_or(0), &extent)) {
        return Error(op, "cannot count the elements of axis '", name, "'");
      }
    }
    result.axes[result.FindAxis(name)].extent = Extent::Constant(extent);
  }
  return result;
}

TypeOr InferWindow(const Op& op) {
  RETURN_IF_ERROR(WantAxes(op, 1));
  if (!op.attrs.stride) return Error(op, "needs the attribute 'stride'");
  const std::vector<Axis>& to = op.attrs.result_axes;
  if (to.size() != 2) return Error(op, "needs two result axes: of the windows, and of one of them");
  ASSIGN_OR_RETURN(const Axis* axis, WantAxis(op, 0, op.attrs.axes[0]));
  ASSIGN_OR_RETURN(const int64_t extent, ConstantExtent(op, *axis));
  ASSIGN_OR_RETURN(const int64_t count, ConstantExtent(op, to[0]));
  ASSIGN_OR_RETURN(const int64_t size, ConstantExtent(op, to[1]));
  int64_t end = 0;
  const bool fits = count >= 1 && size >= 1 &&
                    !__builtin_mul_overflow(count - 1, *op.attrs.stride, &end) &&
                    !__builtin_add_overflow(end, size, &end) && end <= extent;
  if (!fits) {
    return Error(op, count, " windows of ", size, " with a stride of ", *op.attrs.stride,
                 " do not lie in ", ToString(*axis));
  }
  Type result = RowMajor(In(op, 0));
  const auto at = result.axes.begin() + result.FindAxis(axis->name);
  result.axes.insert(result.axes.erase(at), to.begin(), to.end());
  return Checked(op, result);
}

TypeOr InferMerge(const Op& op) {
  if (op.attrs.axes.size() < 2) return Error(op, "names fewer than two axes");
  if (op.attrs.result_axes.size() != 1) return Error(op, "needs exactly one result axis");
  return Regroup(op, op.attrs.axes, op.attrs.result_axes);
}

TypeOr InferSlice(const Op& op) {
  RETURN_IF_ERROR(WantAxes(op, 1));
  ASSIGN_OR_RETURN(auto axis, WantAxis(op, 0, op.attrs.axes[0]));
  ASSIGN_OR_RETURN(auto extent, ConstantExtent(op, *axis));
  if (op.attrs.begin < 0 || op.attrs.begin >= op.attrs.end || op.attrs.end > extent) {
    return Error(op, "range ", op.attrs.begin, "..", op.attrs.end, " is not within 0..", extent);
  }
  if (op.attrs.result_axes.empty()) return Error(op, "needs result axes");
  ASSIGN_OR_RETURN(auto count, ConstantElements(op, op.attrs.result_axes));
  if (count != op.attrs.end - op.attrs.begin) {
    return Error(op, "range of ", op.attrs.end - op.attrs.begin, " elements cannot become ", count);
  }
  Type result = RowMajor(In(op, 0));
  const auto at = result.axes.begin() + result.FindAxis(op.attrs.axes[0]);
  const auto next = result.axes.erase(at);
  result.axes.insert(next, op.attrs.result_axes.begin(), op.attrs.result_axes.end());
  return Checked(op, result);
}

// Operand i is joined along its axis attrs.axes[i] (one name serves all operands); the joined axis
// takes the place of the first operand's.
TypeOr InferJoin(const Op& op) {
  const auto& names = op.attrs.axes;
  if (names.size() != 1 && names.size() != static_cast<size_t>(op.operand_count())) {
    return Error(op, "names ", names.size(), " axes for ", op.operand_count(), " operands");
  }
  if (op.attrs.result_axes.size() != 1) return Error(op, "needs exactly one result axis");
  const auto name_of = [&](int i) -> const std::string& {
    return names[names.size() == 1 ? 0 : i];
  };
  Type result = RowMajor(In(op, 0));
  int64_t total = 0;
  for (int i = 0; i < op.operand_count(); ++i) {
    ASSIGN_OR_RETURN(auto axis, WantAxis(op, i, name_of(i)));
    ASSIGN_OR_RETURN(auto extent, ConstantExtent(op, *axis));
    if (__builtin_add_overflow(total, extent, &total)) return Error(op, "joins too many elements");
    if (In(op, i).dtype != result.dtype) return Error(op, "operand ", i, " has another dtype");
    std::vector<Axis> expected = In(op, 0).axes;
    expected[In(op, 0).FindAxis(name_of(0))] = *axis;
    RETURN_IF_ERROR(WantExactAxes(op, i, expected));
  }
  const Axis& joined = op.attrs.result_axes[0];
  if (!(joined.extent == Extent::Constant(total))) {
    return Error(op, "joins ", total, " elements into ", ToString(joined));
  }
  result.axes[result.FindAxis(name_of(0))] = joined;
  return Checked(op, result);
}

// Like InferJoin (attrs.axes without its last name), then panels over that last name.
TypeOr InferPack(const Op& op) {
  if (!op.attrs.tile) return Error(op, "needs the attribute 'tile'");
  if (op.attrs.axes.empty()) return Error(op, "needs `over`");
  const std::string& over = op.attrs.axes.back();
  Type result = RowMajor(In(op, 0));
  if (op.attrs.axes.size() > 1) {
    Op join(Opcode::kConcat, nullptr);
    join.attrs.axes.assign(op.attrs.axes.begin(), op.attrs.axes.end() - 1);
    join.attrs.result_axes = op.attrs.result_axes;
    join.SetOperands(op.operands());
    TypeOr joined = InferJoin(join);
    if (!joined.ok()) return joined.status();
    result = *std::move(joined);
  } else if (op.operand_count() != 1 || !op.attrs.result_axes.empty()) {
    return Error(op, "several operands need the axes they are joined along");
  }
  if (!result.HasAxis(over)) {
    return Error(op, "no axis '", over, "' to pack over: ", ToString(result));
  }
  if (result.axes.size() < 2) return Error(op, "needs at least two axes: ", ToString(result));
  result.layout = Layout::Panel(op.attrs.tile->rows, op.attrs.tile->depth, over);
  return result;
}

TypeOr InferPermute(const Op& op) {
  const Type& in = In(op, 0);
  if (op.attrs.axes.size() != in.axes.size()) {
    return Error(op, "names ", op.attrs.axes.size(), " of ", in.axes.size(), " axes");
  }
  Type result{in.dtype, {}, in.layout};
  for (const std::string& name : op.attrs.axes) {
    ASSIGN_OR_RETURN(auto axis, WantAxis(op, 0, name));
    result.axes.push_back(*axis);
  }
  return Checked(op, result);
}

}  // namespace lluda::ir::infer
