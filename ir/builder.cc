#include "ir/builder.h"

#include "absl/strings/str_cat.h"
#include "ir/infer/infer.h"

namespace lluda::ir {

Value* Builder::Placeholder() {
  placeholders_.push_back(std::make_unique<Value>("error", Type{}, nullptr));
  return placeholders_.back().get();
}

void Builder::Fail(absl::string_view name, const absl::Status& status) {
  if (status_.ok()) {
    status_ = absl::Status(status.code(), absl::StrCat("%", name, ": ", status.message()));
  }
}

Value* Builder::Add(Opcode opcode, absl::string_view name, std::vector<Operand> operands,
                    Attrs attrs) {
  if (!status_.ok()) return Placeholder();
  Op* op = block_->Append(opcode);
  op->attrs = std::move(attrs);
  op->SetOperands(std::move(operands));
  absl::StatusOr<Type> type = InferType(*op);
  if (!type.ok()) {
    Fail(name, type.status());
    block_->Erase(op);
    return Placeholder();
  }
  return op->SetResult(
      block_->func() != nullptr ? block_->func()->UniqueName(name) : std::string(name),
      *std::move(type));
}

Op* Builder::Define(Opcode opcode, Global* global, std::string index, std::vector<Operand> operands,
                    Attrs attrs) {
  Op* op = block_->Append(opcode);
  op->attrs = std::move(attrs);
  op->SetOperands(std::move(operands));
  op->defined_global = global;
  op->defined_index = std::move(index);
  absl::StatusOr<Type> type = InferType(*op);
  if (type.ok()) {
    global->type = *std::move(type);
  } else {
    Fail(global->name, type.status());
  }
  return op;
}

Value* Builder::Binary(Opcode opcode, absl::string_view name, const Operand& a, const Operand& b) {
  return Add(opcode, name, {a, b});
}

Value* Builder::Unary(Opcode opcode, absl::string_view name, const Operand& x) {
  return Add(opcode, name, {x});
}

Value* Builder::Scale(absl::string_view name, const Operand& x, double by) {
  Attrs attrs;
  attrs.by = by;
  return Add(Opcode::kScale, name, {x}, attrs);
}

Value* Builder::Offset(absl::string_view name, const Operand& x, double by) {
  Attrs attrs;
  attrs.by = by;
  return Add(Opcode::kOffset, name, {x}, attrs);
}

Value* Builder::Cast(absl::string_view name, const Operand& x, DType out) {
  Attrs attrs;
  attrs.out = out;
  return Add(Opcode::kCast, name, {x}, attrs);
}

Value* Builder::Matmul(absl::string_view name, const Operand& a, const Operand& b,
                       std::string over) {
  return Matmul(name, a, b, std::vector<std::string>{std::move(over)});
}

Value* Builder::Matmul(absl::string_view name, const Operand& a, const Operand& b,
                       std::vector<std::string> over) {
  Attrs attrs;
  attrs.axes = std::move(over);
  return Add(Opcode::kMatmul, name, {a, b}, attrs);
}

Value* Builder::Rmsnorm(absl::string_view name, const Operand& x, const Operand& weight,
                        std::string over, double eps) {
  Attrs attrs;
  attrs.axes = {std::move(over)};
  attrs.eps = eps;
  return Add(Opcode::kRmsnorm, name, {x, weight}, attrs);
}

Value* Builder::Gather(absl::string_view name, const Operand& table, const Operand& indices,
                       std::string over) {
  Attrs attrs;
  attrs.axes = {std::move(over)};
  return Add(Opcode::kGather, name, {table, indices}, attrs);
}

Value* Builder::Split(absl::string_view name, const Operand& x, std::string axis,
                      std::vector<Axis> to) {
  Attrs attrs;
  attrs.axes = {std::move(axis)};
  attrs.result_axes = std::move(to);
  return Add(Opcode::kSplit, name, {x}, attrs);
}

Value* Builder::Merge(absl::string_view name, const Operand& x, std::vector<std::string> axes,
                      Axis to) {
  Attrs attrs;
  attrs.axes = std::move(axes);
  attrs.result_axes = {std::move(to)};
  return Add(Opcode::kMerge, name, {x}, attrs);
}

Value* Builder::Slice(absl::string_view name, const Operand& x, std::string axis, int64_t begin,
                      int64_t end, std::vector<Axis> as) {
  Attrs attrs;
  attrs.axes = {std::move(axis)};
  attrs.begin = begin;
  attrs.end = end;
  attrs.result_axes = std::move(as);
  return Add(Opcode::kSlice, name, {x}, attrs);
}

Value* Builder::Pad(absl::string_view name, const Operand& x, std::vector<std::string> over,
                    int64_t before, int64_t after) {
  Attrs attrs;
  attrs.axes = std::move(over);
  if (before > 0) attrs.before = before;
  if (after > 0) attrs.after = after;
  return Add(Opcode::kPad, name, {x}, attrs);
}

Value* Builder::Window(absl::string_view name, const Operand& x, std::string axis, Axis to, Axis in,
                       int64_t stride) {
  Attrs attrs;
  attrs.axes = {std::move(axis)};
  attrs.result_axes = {std::move(to), std::move(in)};
  attrs.stride = stride;
  return Add(Opcode::kWindow, name, {x}, attrs);
}

Value* Builder::Rename(absl::string_view name, const Operand& x, std::string axis, std::string to) {
  const Axis* renamed = x.type().GetAxis(axis);
  return Split(name, x, std::move(axis), {{std::move(to), renamed->extent}});
}

Value* Builder::Concat(absl::string_view name, std::vector<Operand> parts,
                       std::vector<std::string> axes, Axis to) {
  Attrs attrs;
  attrs.axes = std::move(axes);
  attrs.result_axes = {std::move(to)};
  return Add(Opcode::kConcat, name, std::move(parts), attrs);
}

Value* Builder::Permute(absl::string_view name, const Operand& x, std::vector<std::string> to) {
  Attrs attrs;
  attrs.axes = std::move(to);
  return Add(Opcode::kPermute, name, {x}, attrs);
}

Value* Builder::Reduce(Opcode opcode, absl::string_view name, const Operand& x, std::string over) {
  Attrs attrs;
  attrs.axes = {std::move(over)};
  return Add(opcode, name, {x}, attrs);
}

Value* Builder::CausalMask(absl::string_view name, const Operand& scores, std::string over,
                           const Operand& positions, std::optional<int64_t> window) {
  Attrs attrs;
  attrs.axes = {std::move(over)};
  attrs.window = window;
  return Add(Opcode::kCausalMask, name, {scores, positions}, attrs);
}

Value* Builder::Append(absl::string_view name, const Operand& state, const Operand& x,
                       std::vector<std::string> over, const Operand& slots,
                       const Operand& positions) {
  Attrs attrs;
  attrs.axes = std::move(over);
  return Add(Opcode::kAppend, name, {state, x, slots, positions}, attrs);
}

Value* Builder::Call(absl::string_view name, Func* callee, std::string index,
                     std::vector<Operand> operands) {
  if (!status_.ok()) return Placeholder();
  Op* op = block_->Append(Opcode::kCall);
  op->callee = callee;
  op->callee_index = std::move(index);
  op->SetOperands(std::move(operands));
  absl::StatusOr<Type> type = InferType(*op);
  if (!type.ok()) {
    Fail(name, type.status());
    block_->Erase(op);
    return Placeholder();
  }
  return op->SetResult(block_->func()->UniqueName(name), *std::move(type));
}

void Builder::Return(const Operand& value) {
  if (status_.ok()) block_->Append(Opcode::kReturn)->SetOperands({value});
}

void Builder::Yield(const Operand& value) {
  if (status_.ok()) block_->Append(Opcode::kYield)->SetOperands({value});
}

Op* Builder::For(absl::string_view name, std::string index, int64_t begin, int64_t end,
                 absl::string_view carry, const Operand& init) {
  Op* op = block_->Append(Opcode::kFor);
  op->loop_index = std::move(index);
  op->attrs.begin = begin;
  op->attrs.end = end;
  op->body = std::make_unique<Block>(block_->module(), block_->func(), op);
  const Type& type = init.type();
  op->carried = std::make_unique<Value>(block_->func()->UniqueName(carry), type, nullptr);
  op->SetOperands({init});
  op->SetResult(block_->func()->UniqueName(name), type);
  return op;
}

}  // namespace lluda::ir
