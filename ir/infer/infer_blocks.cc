#include "ir/infer/infer_blocks.h"

#include "base/status_macros.h"
#include "ir/infer/checks.h"
#include "ir/type/blocks.h"
#include "ir/type/encoding.h"
#include "ir/type/layout.h"

namespace lluda::ir {
namespace {

using infer::Error;

constexpr int kNone = -1, kAll = -2;

// The operand that an op reads in blocks, and whether its result may be in blocks.
struct BlockRow {
  Opcode opcode;
  int operand;
  bool result;
};
constexpr BlockRow kRows[] = {
    {Opcode::kConcat, kAll, true},     {Opcode::kDequantize, 0, false},
    {Opcode::kExpertMatmul, 1, false}, {Opcode::kGather, 0, false},
    {Opcode::kL2Norm, 1, false},       {Opcode::kMatmul, 1, false},
    {Opcode::kMerge, 0, true},         {Opcode::kPack, kAll, true},
    {Opcode::kPermute, 0, true},       {Opcode::kQuantizeBlocks, kNone, true},
    {Opcode::kSlice, 0, true},         {Opcode::kSplit, 0, true},
};

const BlockRow* FindRow(Opcode opcode) {
  for (const BlockRow& row : kRows) {
    if (row.opcode == opcode) return &row;
  }
  return nullptr;
}

absl::Status Refuse(const Op& op, const Type& type) {
  return Error(op, "takes no elements in blocks, such as ", ToString(type));
}

absl::Status WantWholeBlocks(const Op& op, const Type& type) {
  const absl::Status status = CheckBlocks(EncodingOf(type.dtype), type);
  return status.ok() ? status : Error(op, ToString(type), ": ", status.message());
}

}  // namespace

absl::Status CheckBlockOperands(const Op& op) {
  const BlockRow* row = FindRow(op.opcode());
  for (int i = 0; i < op.operand_count(); ++i) {
    const Type& type = op.operand(i).type();
    if (!IsBlock(type.dtype)) continue;
    const bool is_activation =
        op.opcode() == Opcode::kMatmul && i == 0 && type.dtype == DType::kQ8F32;
    const bool reads =
        is_activation || (row != nullptr && (row->operand == kAll || row->operand == i));
    if (!reads) return Refuse(op, type);
    if (op.opcode() == Opcode::kGather && !op.attrs.axes.empty() && !type.axes.empty() &&
        type.axes.back().name == op.attrs.axes[0]) {
      return Error(op, "cannot pick single elements of blocks: ", ToString(type));
    }
  }
  return absl::OkStatus();
}

absl::Status CheckBlockResult(const Op& op, const Type& result) {
  if (!IsBlock(result.dtype)) return absl::OkStatus();
  const BlockRow* row = FindRow(op.opcode());
  if (row == nullptr || !row->result) return Refuse(op, result);
  RETURN_IF_ERROR(WantWholeBlocks(op, result));
  // Blocks keep the axis that they lie along, in its whole length: an op moves rows of them.
  const std::string& along =
      result.layout.is_panel() ? result.layout.axis : result.axes.back().name;
  for (const Operand& operand : op.operands()) {
    const std::vector<Axis>& axes = operand.type().axes;
    if (!axes.empty() && axes.back() == *result.GetAxis(along)) continue;
    return Error(op, "the blocks of ", ToString(operand.type()), " do not lie along ",
                 ToString(*result.GetAxis(along)));
  }
  return absl::OkStatus();
}

DType ValueDType(DType dtype) { return IsBlock(dtype) ? DType::kF32 : dtype; }

absl::StatusOr<Type> InferDequantize(const Op& op) {
  const Type& in = op.operand(0).type();
  if (!IsBlock(in.dtype)) return Error(op, "operand 0 must be in blocks, is ", ToString(in));
  return in.With(DType::kF32);
}

// Whether `some` are some of the axes, in their order, and the last one is among them.
bool AreRowsOf(const std::vector<Axis>& axes, const std::vector<Axis>& some) {
  auto next = some.begin();
  for (const Axis& axis : axes) {
    if (next != some.end() && *next == axis) ++next;
  }
  return next == some.end() && !some.empty() && some.back() == axes.back();
}

absl::StatusOr<Type> InferQuantizeBlocks(const Op& op) {
  const Type& in = op.operand(0).type();
  if (!IsFloat(in.dtype)) return Error(op, "operand 0 must be of a float type, is ", ToString(in));
  if (!op.attrs.out) return Error(op, "needs the attribute 'out'");
  if (!CanEncodeBlocks(*op.attrs.out)) {
    return Error(op, "there is no quantiser for ", DTypeName(*op.attrs.out));
  }
  if (in.axes.empty()) return Error(op, "needs an axis for the blocks to lie along");
  if (op.operand_count() > 1) {
    const Type& importance = op.operand(1).type();
    if (!TakesImportance(*op.attrs.out)) {
      return Error(op, "the quantiser for ", DTypeName(*op.attrs.out), " takes no importance");
    }
    if (importance.dtype != DType::kF32 || !AreRowsOf(in.axes, importance.axes)) {
      return Error(op, "the importance must be ", ToString(Type{DType::kF32, {in.axes.back()}, {}}),
                   ", or have axes before it that ", ToString(in), " has, is ",
                   ToString(importance));
    }
  }
  return in.With(*op.attrs.out);
}

}  // namespace lluda::ir
