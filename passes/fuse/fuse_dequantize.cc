#include "passes/fuse/fuse_dequantize.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "glog/logging.h"
#include "ir/op/contraction.h"
#include "passes/framework/rewrite.h"
#include "passes/fuse/match/fusion.h"

namespace lluda::passes {
namespace {

using ir::Op;
using ir::Opcode;
using ir::Operand;

// The op, and the operand of it that may be in blocks.
struct Reader {
  Opcode opcode;
  int operand;
  bool through_permutes;  // the order of the operand's axes does not matter to it
};
constexpr Reader kReaders[] = {
    {Opcode::kExpertMatmul, 1, false}, {Opcode::kGather, 0, false}, {Opcode::kMatmul, 1, true}};

const Reader* FindReader(const Op& op) {
  for (const Reader& reader : kReaders) {
    if (reader.opcode == op.opcode()) return &reader;
  }
  return nullptr;
}

// Whether these are blocks of a weight, or of some of its rows.
bool IsOfWeight(const Operand& blocks) {
  if (blocks.global != nullptr) return true;
  const Op* slice = Producer(blocks);
  return slice != nullptr && slice->opcode() == Opcode::kSlice && IsOfWeight(slice->operand(0));
}

// Makes a slice of rows of what a dequantize gives the dequantize of these rows; false for another op.
bool SliceInBlocks(Op* op, absl::string_view by) {
  if (op->opcode() != Opcode::kSlice) return false;
  Op* dequantize = Producer(op->operand(0));
  if (dequantize == nullptr || dequantize->opcode() != Opcode::kDequantize) return false;
  const Operand blocks = dequantize->operand(0);
  if (!IsOfWeight(blocks) || blocks.type().axes.back().name == op->attrs.axes[0]) return false;
  const auto rows = InsertOp(op, absl::StrCat(op->result()->name, "_rows"), Opcode::kSlice,
                             {blocks}, op->attrs, by);
  CHECK(rows.ok()) << rows.status();
  const auto decoded = ReplaceOp(op, Opcode::kDequantize, {Operand((*rows)->result())}, {}, by);
  CHECK(decoded.ok()) << decoded.status();
  EraseDeadChain(dequantize);
  return true;
}

std::string ExplainMatmul(const Op& matmul, const ir::Type& blocks) {
  const std::string statement = absl::StrCat("'", StatementName(matmul), "'");
  const auto over = ir::ContractedAxes(matmul.attrs);
  if (over.size() != 1) return absl::StrCat(statement, " sums over several axes");
  if (blocks.axes.size() != 2) {
    return absl::StrCat(statement, " reads ", ToString(blocks), ", which has not two axes");
  }
  if (blocks.axes[1].name != over[0]) {
    return absl::StrCat(statement, " sums over '", over[0], "', blocks lie along '",
                        blocks.axes[1].name, "'");
  }
  if (matmul.operand(0).type().HasAxis(blocks.axes[0].name)) {
    return absl::StrCat(statement, " has '", blocks.axes[0].name, "' in both operands");
  }
  return "";
}

// Why `op` cannot read what `dequantize` reads; "" when it can.
std::string Explain(const Op& op, const Op& dequantize) {
  const Operand& blocks = dequantize.operand(0);
  if (!IsOfWeight(blocks)) {
    return absl::StrCat(OperandText(blocks), " in '", StatementName(dequantize),
                        "' is a value, expected a weight");
  }
  if (op.opcode() == Opcode::kMatmul) return ExplainMatmul(op, blocks.type());
  if (op.opcode() == Opcode::kExpertMatmul) {
    const std::string& along = blocks.type().axes.back().name;
    if (along == op.attrs.axes[0]) return "";
    return absl::StrCat("'", StatementName(op), "' sums over '", op.attrs.axes[0],
                        "', blocks lie along '", along, "'");
  }
  if (blocks.type().axes.back().name == op.attrs.axes[0]) {
    return absl::StrCat("'", StatementName(op), "' picks along '", op.attrs.axes[0],
                        "', and so do the blocks lie");
  }
  return "";
}

// The dequantize of a matmul's operand a whose integers can meet those of b; null if there is none.
Op* QuantisedActivations(const Op& op, ir::DType b) {
  if (op.opcode() != Opcode::kMatmul) return nullptr;
  Op* dequantize = Producer(op.operand(0));
  if (dequantize == nullptr || dequantize->opcode() != Opcode::kDequantize) return nullptr;
  const Operand& blocks = dequantize->operand(0);
  const bool multiplies = blocks.value != nullptr && ir::AccumulatorOf(blocks.type().dtype, b);
  return multiplies ? dequantize : nullptr;
}

// Does the op read what a dequantize makes?
bool ReadsDequantized(const Op& op) {
  for (const Operand& operand : op.operands()) {
    const Op* producer = Producer(operand);
    if (producer != nullptr && producer->opcode() == Opcode::kDequantize) return true;
  }
  return false;
}

}  // namespace

absl::StatusOr<bool> FuseDequantize::Run(ir::Module* module) {
  misses_.clear();
  bool changed = false;
  RewriteEachOp(module, [&](Op* op) { changed |= SliceInBlocks(op, name()); });
  RewriteEachOp(module, [&](Op* op) {
    const Reader* reader = FindReader(*op);
    if (reader == nullptr) return;
    Op* producer = Producer(op->operand(reader->operand));
    Op* between = producer;
    while (producer != nullptr && reader->through_permutes &&
           producer->opcode() == Opcode::kPermute) {
      producer = Producer(producer->operand(0));
    }
    if (producer == nullptr) return;
    if (producer->opcode() != Opcode::kDequantize) {
      if (ReadsDequantized(*producer)) {
        misses_.push_back(MissAt(*op, absl::StrCat("'", StatementName(*producer), "' is ",
                                                   producer->name(), ", expected dequantize")));
      }
      return;
    }
    if (std::string why = Explain(*op, *producer); !why.empty()) {
      misses_.push_back(MissAt(*op, std::move(why)));
      return;
    }
    std::vector<Operand> operands = op->operands();
    operands[static_cast<size_t>(reader->operand)] = producer->operand(0);
    Op* activations = QuantisedActivations(*op, producer->operand(0).type().dtype);
    if (activations != nullptr) operands[0] = activations->operand(0);
    const auto fused = ReplaceOp(op, op->opcode(), std::move(operands), op->attrs, name());
    if (!fused.ok()) {
      misses_.push_back(MissAt(*op, std::string(fused.status().message())));
      return;
    }
    EraseDeadChain(between);
    if (activations != nullptr) EraseDeadChain(activations);
    changed = true;
  });
  return changed;
}

}  // namespace lluda::passes
