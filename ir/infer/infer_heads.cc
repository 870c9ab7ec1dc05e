#include "ir/infer/infer_heads.h"

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "ir/infer/checks.h"

namespace lluda::ir::infer {

absl::Status CheckRotation(const Op& op, const Type& x, const std::string& name, int cos) {
  if (op.attrs.style == RopeStyle::kNone) return Error(op, "needs the attribute 'style'");
  for (int i = cos; i < cos + 2; ++i) {
    RETURN_IF_ERROR(WantFloat(op, i));
  }
  ASSIGN_OR_RETURN(auto extent, ConstantExtent(op, *x.GetAxis(name)));
  RETURN_IF_ERROR(WantExactAxes(op, cos + 1, In(op, cos).axes));
  int own_axes = 0;  // the tables' axis of rotation pairs, which x does not have
  for (const Axis& axis : In(op, cos).axes) {
    const Axis* shared = x.GetAxis(axis.name);
    if (shared != nullptr) {
      RETURN_IF_ERROR(SameExtent(op, *shared, 0, axis, cos));
    } else if (++own_axes > 1 || !axis.extent.is_constant() || axis.extent.value > extent / 2) {
      return Error(op, "operand ", cos, " must have one axis of at most ", extent / 2,
                   " pairs, is ", ToString(In(op, cos)));
    }
  }
  if (own_axes == 1) return absl::OkStatus();
  return Error(op, "operand ", cos, " must have an axis of pairs, is ", ToString(In(op, cos)));
}

absl::Status CheckRing(const Op& op, int state, absl::string_view positions) {
  if (!op.attrs.ring) return absl::OkStatus();
  ASSIGN_OR_RETURN(auto axis, WantAxis(op, state, positions));
  if (axis->extent == Extent::Constant(*op.attrs.ring)) return absl::OkStatus();
  return Error(op, "a ring of ", *op.attrs.ring, " positions is not what operand ", state, " has, ",
               ToString(In(op, state)));
}

TypeOr Appended(const Op& op, int state, const Type& x, absl::string_view what,
                absl::Span<const std::string> names) {
  const Type& type = In(op, state);
  if (op.operand(state).global == nullptr ||
      op.operand(state).global->kind != Global::Kind::kState) {
    return Error(op, "operand ", state, " must be a state");
  }
  const int slots = op.operand_count() - 2;
  for (int i = 0; i < 2; ++i) {
    RETURN_IF_ERROR(WantInt(op, slots + i));
    RETURN_IF_ERROR(WantExactAxes(op, slots + i, In(op, slots).axes));
    RETURN_IF_ERROR(WantAxis(op, state, names[i]));
  }
  RETURN_IF_ERROR(CheckRing(op, state, names[1]));
  Type expected{type.dtype, In(op, slots).axes, {}};
  for (const Axis& axis : type.axes) {
    if (axis.name != names[0] && axis.name != names[1]) expected.axes.push_back(axis);
  }
  if (x.dtype == expected.dtype && x.axes == expected.axes) return type;
  return Error(op, what, " must be ", ToString(expected), ", is ", ToString(x));
}

TypeOr InferAppend(const Op& op) {
  RETURN_IF_ERROR(WantAxes(op, 2));
  return Appended(op, 0, In(op, 1), "operand 1", op.attrs.axes);
}

namespace {

// Whether one of the two operands of scales was left out: no table of pages is of floats.
bool LacksScales(const Op& op) { return op.operand_count() == 6 && IsFloat(In(op, 5).dtype); }

// A table of pages says for each slot and each page's worth of positions which page holds them.
absl::Status CheckPages(const Op& op, const std::string& pos) {
  if (!ReadsPages(op)) return absl::OkStatus();
  const int table = op.operand_count() - 1;
  RETURN_IF_ERROR(WantInt(op, table));
  if (In(op, table).axes.size() != 2) {
    return Error(op, "operand ", table, " must have an axis of slots and one of their pages, is ",
                 ToString(In(op, table)));
  }
  if (op.attrs.ring) return Error(op, "of a ring has no pages");
  ASSIGN_OR_RETURN(auto positions, WantAxis(op, 1, pos));
  return ConstantExtent(op, *positions).status();
}

// Keys and values are floats, or i8 with f32 scales: one for each element they have without `dim`.
absl::Status CheckCaches(const Op& op, const std::string& dim) {
  const int caches = op.operand_count() - (ReadsPages(op) ? 1 : 0);
  if (caches == 5 && !LacksScales(op)) {
    for (int i = 1; i < 3; ++i) {
      RETURN_IF_ERROR(WantFloat(op, i));
    }
    return absl::OkStatus();
  }
  if (caches != 7) return Error(op, "needs scales of both the keys and the values");
  for (int i = 1; i < 3; ++i) {
    if (In(op, i).dtype != DType::kI8) {
      return Error(op, "operand ", i, " has scales and must be i8, is ", ToString(In(op, i)));
    }
    const Type scales{DType::kF32, In(op, i).Without(dim).axes, {}};
    if (In(op, i + 4) != scales) {
      return Error(op, "operand ", i + 4, " must be ", ToString(scales), ", is ",
                   ToString(In(op, i + 4)));
    }
  }
  return absl::OkStatus();
}

}  // namespace

TypeOr InferAttention(const Op& op) {
  RETURN_IF_ERROR(WantFloat(op, 0));
  if (!op.attrs.scale) return Error(op, "needs the attribute 'scale'");
  if (op.attrs.window && op.attrs.mask != Mask::kCausal) {
    return Error(op, "'window' narrows the mask causal, which is not given");
  }
  RETURN_IF_ERROR(WantAxes(op, 3));
  const std::string& slot = op.attrs.axes[0];
  const std::string& pos = op.attrs.axes[1];
  const std::string& dim = op.attrs.axes[2];
  RETURN_IF_ERROR(CheckCaches(op, dim));
  for (int i = 3; i < 5; ++i) {
    RETURN_IF_ERROR(WantInt(op, i));
    RETURN_IF_ERROR(WantExactAxes(op, i, In(op, 3).axes));
  }
  RETURN_IF_ERROR(WantExactAxes(op, 2, In(op, 1).axes));
  for (int i = 0; i < 3; ++i) {
    RETURN_IF_ERROR(WantAxis(op, i, dim));
  }
  for (const Axis& axis : In(op, 1).axes) {
    if (axis.name == slot || axis.name == pos) continue;
    ASSIGN_OR_RETURN(auto other, WantAxis(op, 0, axis.name));
    RETURN_IF_ERROR(SameExtent(op, *other, 0, axis, 1));
  }
  for (const Axis& axis : In(op, 3).axes) {
    RETURN_IF_ERROR(WantAxis(op, 0, axis.name));
  }
  for (const std::string& name : {slot, pos}) {
    RETURN_IF_ERROR(WantAxis(op, 1, name));
  }
  RETURN_IF_ERROR(CheckRing(op, 1, pos));
  RETURN_IF_ERROR(CheckPages(op, pos));
  if (op.attrs.ring && (!op.attrs.window || *op.attrs.window > *op.attrs.ring)) {
    return Error(op, "of a ring of ", *op.attrs.ring,
                 " positions needs a 'window' of no more than these");
  }
  return In(op, 0).With(OutOr(op, DType::kF32));
}

TypeOr InferRope(const Op& op) {
  RETURN_IF_ERROR(WantFloat(op, 0));
  RETURN_IF_ERROR(WantAxes(op, 1));
  RETURN_IF_ERROR(WantAxis(op, 0, op.attrs.axes[0]));
  RETURN_IF_ERROR(CheckRotation(op, In(op, 0), op.attrs.axes[0], 1));
  return In(op, 0).With(OutOr(op, In(op, 0).dtype));
}

}  // namespace lluda::ir::infer
