#include "ir/rows_read.h"

#include <algorithm>

namespace lluda::ir {

int64_t RowsReadBy(const Value& param) {
  int64_t rows = 0;
  for (const Use& use : param.uses()) {
    if (use.op->opcode() != Opcode::kGather || use.operand != 1) continue;
    const Type& table = use.op->operand(0).type();
    const Extent& extent = table.axes[table.FindAxis(use.op->attrs.axes[0])].extent;
    if (!extent.is_constant()) continue;
    rows = rows == 0 ? extent.value : std::min(rows, extent.value);
  }
  return rows;
}

}  // namespace lluda::ir
