#include "codegen/blocked.h"

namespace lluda::codegen {
namespace {

constexpr int kLanes = 16;

// The lanes as the dwords they are stored in: one each for f32, one for two of a 16-bit type.
Value* Dwords(Emitter& e, ir::DType dtype, Value* value) {
  auto& b = e.b();
  if (dtype == ir::DType::kF32) return b.CreateBitCast(value, e.Int(32, kLanes));
  Value* bits = dtype == ir::DType::kBF16 ? e.F32ToBF16Bits(value) : e.F32ToF16Bits(value);
  return b.CreateBitCast(b.CreateTrunc(bits, e.Int(16, kLanes)), e.Int(32, kLanes / 2));
}

}  // namespace

int64_t BlockUnit(ir::DType dtype) { return 4 / ir::DTypeSize(dtype); }

int64_t BlockedRowElements(const TensorSpec& tensor) {
  int64_t elements = 1;
  for (size_t i = 1; i < tensor.axes.size(); ++i) elements *= tensor.axes[i].axis.extent.value;
  return elements;
}

Value* RowsInBlocks(Emitter& e, const TensorSpec& tensor, Value* rows) {
  return e.b().CreateSub(rows, e.b().CreateURem(rows, e.Const(tensor.block_rows)));
}

void StoreBlocked(Emitter& e, const TensorSpec& tensor, Value* buffer, Value* row, Value* in_block,
                  Value* k, Value* value) {
  auto& b = e.b();
  const int64_t row_elements = BlockedRowElements(tensor);
  const int64_t block_rows = tensor.block_rows;
  e.If(
      in_block,
      [&] {
        const int64_t unit = BlockUnit(tensor.dtype);
        Value* block = b.CreateUDiv(row, e.Const(block_rows));
        Value* first = b.CreateMul(block, e.Const(block_rows * row_elements));
        first = b.CreateAdd(first, b.CreateMul(k, e.Const(block_rows)));
        first =
            b.CreateAdd(first, b.CreateMul(b.CreateURem(row, e.Const(block_rows)), e.Const(unit)));
        Value* at = e.Address(buffer, first, tensor.dtype);
        Value* dwords = Dwords(e, tensor.dtype, value);
        for (int64_t i = 0; i < kLanes / unit; ++i) {
          b.CreateAlignedStore(b.CreateExtractElement(dwords, static_cast<uint64_t>(i)),
                               b.CreateConstInBoundsGEP1_64(b.getInt32Ty(), at, i * block_rows),
                               llvm::Align(4));
        }
      },
      [&] {
        Value* first = b.CreateAdd(b.CreateMul(row, e.Const(row_elements)), k);
        e.Store(e.Address(buffer, first, tensor.dtype), tensor.dtype, value);
      });
}

}  // namespace lluda::codegen
