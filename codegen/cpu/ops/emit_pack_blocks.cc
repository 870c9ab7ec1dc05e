#include "codegen/cpu/ops/emit_pack_blocks.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "codegen/cpu/emit/transpose.h"
#include "codegen/emit/block_access.h"
#include "codegen/emit/integer.h"
#include "codegen/emit/tensor_access.h"
#include "ir/type/encoding.h"

namespace lluda::codegen {
namespace {

constexpr int64_t kDword = 4;
constexpr int64_t kLine = kDword * kLanes;  // bytes of a row that are transposed at a time

// The 64 bytes at each of 16 places, to 64 vectors of 16 bytes at `to`: byte b of all is the b-th.
void TransposeBytes(Emitter& e, const std::vector<Value*>& rows, Value* to) {
  auto& b = e.b();
  std::vector<Value*> lines;
  for (Value* row : rows) {
    lines.push_back(b.CreateAlignedLoad(e.Int(32, kLanes), row, llvm::Align(1)));
  }
  lines = Transpose(e, std::move(lines));
  // Of each lane's four bytes the first ones, then the second ones, ...
  std::vector<int> order;
  for (int byte = 0; byte < kDword; ++byte) {
    for (int lane = 0; lane < kLanes; ++lane) {
      order.push_back(lane * static_cast<int>(kDword) + byte);
    }
  }
  for (int64_t i = 0; i < kLanes; ++i) {
    Value* bytes =
        b.CreateBitCast(lines[static_cast<size_t>(i)], e.Int(8, static_cast<int>(kLine)));
    b.CreateAlignedStore(b.CreateShuffleVector(bytes, order),
                         e.Address(to, e.Const(i * kLine), ir::DType::kI8), llvm::Align(16));
  }
}

}  // namespace

absl::StatusOr<KernelInfo> EmitPackBlocks(const KernelSpec& spec, Emitter& e) {
  const TensorSpec& from = spec.operands[0];
  const TensorSpec& to = spec.result;
  const std::string& row_name = PanelRowAxis(to).name;
  const std::string& k_name = to.layout.axis;
  const int64_t rows = from.Find(row_name)->axis.extent.value;
  const int64_t row_bytes = ir::BytesOf(from.dtype, from.Find(k_name)->axis.extent.value);
  const ir::Axis panels{"panel", ir::Extent::Constant((rows + kLanes - 1) / kLanes)};
  // A row's bytes follow one another on both sides, 16 apart in a panel.
  const auto source = [&](Value* row) {
    return BlockAt(e, from, e.Buffer(0), {{row_name, row}, {k_name, e.Const(0)}}).address;
  };
  const auto target = [&](Value* row) {
    Value* in_result = Integer(e, row) + spec.row_offset;
    return BlockAt(e, to, e.Buffer(1), {{row_name, in_result}, {k_name, e.Const(0)}}).address;
  };
  const auto one_row = [&](Value* row) {
    Value* read = source(row);
    Value* written = target(row);
    e.Loop(e.Const(0), e.Const(row_bytes), 1, [&](Value* byte) {
      Value* value = e.b().CreateAlignedLoad(e.b().getInt8Ty(),
                                             e.Address(read, byte, ir::DType::kI8), llvm::Align(1));
      e.b().CreateAlignedStore(value, e.Address(written, Integer(e, byte) * kLanes, ir::DType::kI8),
                               llvm::Align(1));
    });
  };
  const auto whole_panel = [&](Value* first) {
    std::vector<Value*> reads;
    for (int i = 0; i < kLanes; ++i) reads.push_back(source(Integer(e, first) + i));
    Value* written = target(first);
    e.Loop(e.Const(0), e.Const(row_bytes), kLine, [&](Value* byte) {
      // What is left at the end is done together with bytes before it once more.
      Value* at = e.Least(byte, e.Const(row_bytes - kLine));
      std::vector<Value*> lines;
      for (Value* read : reads) lines.push_back(e.Address(read, at, ir::DType::kI8));
      TransposeBytes(e, lines, e.Address(written, Integer(e, at) * kLanes, ir::DType::kI8));
    });
  };
  const bool transposes = spec.row_offset % kLanes == 0 && row_bytes >= kLine;
  e.ForItems([&](Value* panel) {
    Value* first = Integer(e, panel) * kLanes;
    Value* end = e.Least(Integer(e, first) + kLanes, e.Const(rows));
    const auto row_by_row = [&] { e.Loop(first, end, 1, one_row); };
    if (!transposes) {
      row_by_row();
      return;
    }
    Value* is_whole = e.b().CreateICmpEQ(Integer(e, first) + kLanes, end);
    e.If(is_whole, [&] { whole_panel(first); }, row_by_row);
  });
  KernelInfo info;
  info.work_axes = {panels};
  info.item_cost = std::max<int64_t>(1, row_bytes);
  const int64_t elements = from.Find(k_name)->axis.extent.value;
  if (from.Find(row_name)->stride.IsConstant(elements)) info.item_read_bytes = row_bytes * kLanes;
  return info;
}

}  // namespace lluda::codegen
