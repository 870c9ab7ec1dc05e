#include "codegen/cpu/emit/row_interleave.h"

#include <utility>

#include "codegen/cpu/emit/transpose.h"
#include "codegen/emit/integer.h"
#include "ir/type/encoding.h"

namespace lluda::codegen {
Value* Dwords(Emitter& e, ir::DType dtype, Value* value) {
  auto& b = e.b();
  if (dtype == ir::DType::kF32) return b.CreateBitCast(value, e.Int(32, kLanes));
  Value* bits = dtype == ir::DType::kBF16 ? e.F32ToBF16Bits(value) : e.F32ToF16Bits(value);
  return b.CreateBitCast(b.CreateTrunc(bits, e.Int(16, kLanes)), e.Int(32, kLanes / 2));
}

int64_t ElementsOfRow(const TensorSpec& tensor) {
  int64_t elements = 1;
  for (size_t i = 1; i < tensor.axes.size(); ++i) elements *= tensor.axes[i].axis.extent.value;
  return elements;
}

Value* InterleavedRows(Emitter& e, const TensorSpec& tensor, Value* rows) {
  return Integer(e, rows) - Integer(e, rows) % tensor.interleaved_rows;
}

namespace {

// Elements of a row that lie together in its group.
int64_t Together(const TensorSpec& tensor) {
  return tensor.interleaved_dwords * ir::DwordElements(tensor.dtype);
}

// Whether 16 neighbouring elements do.
bool VectorsStayWhole(const TensorSpec& tensor) { return Together(tensor) % kLanes == 0; }

}  // namespace

Value* RowGroupAddress(Emitter& e, const TensorSpec& tensor, Value* buffer, Value* row, Value* k) {
  const int64_t rows = tensor.interleaved_rows, together = Together(tensor);
  const Integer group = Integer(e, row) / rows * (rows * ElementsOfRow(tensor));
  const Integer turns = Integer(e, k) / together * (rows * together);
  return e.Address(buffer, group + turns + Integer(e, k) % together, tensor.dtype);
}

Value* InterleavedAddress(Emitter& e, const TensorSpec& tensor, Value* buffer, Value* row,
                          Value* k) {
  const Integer in_group = Integer(e, row) % tensor.interleaved_rows;
  return e.Address(RowGroupAddress(e, tensor, buffer, row, k), in_group * Together(tensor),
                   tensor.dtype);
}

void StoreInterleaved(Emitter& e, const TensorSpec& tensor, Value* buffer, Value* row,
                      Value* interleaved, Value* k, Value* value) {
  auto& b = e.b();
  const int64_t row_elements = ElementsOfRow(tensor);
  e.If(
      interleaved,
      [&] {
        Value* at = InterleavedAddress(e, tensor, buffer, row, k);
        if (VectorsStayWhole(tensor)) {
          e.Store(at, tensor.dtype, value);
          return;
        }
        Value* dwords = Dwords(e, tensor.dtype, value);
        for (int64_t i = 0; i < kLanes / ir::DwordElements(tensor.dtype); ++i) {
          b.CreateAlignedStore(
              b.CreateExtractElement(dwords, static_cast<uint64_t>(i)),
              b.CreateConstInBoundsGEP1_64(b.getInt32Ty(), at, i * tensor.interleaved_rows),
              llvm::Align(4));
        }
      },
      [&] {
        const Integer first = Integer(e, row) * row_elements + k;
        e.Store(e.Address(buffer, first, tensor.dtype), tensor.dtype, value);
      });
}

// Two rows' dwords share a vector where they fill half of one, so that lane i of a transposed
// vector is row i's.
void StoreRowGroup(Emitter& e, const TensorSpec& tensor, Value* buffer, Value* first, Value* k,
                   const std::vector<Value*>& values) {
  auto& b = e.b();
  if (VectorsStayWhole(tensor)) {
    Value* at = InterleavedAddress(e, tensor, buffer, first, k);
    for (size_t i = 0; i < values.size(); ++i) {
      const auto row = static_cast<int64_t>(i) * Together(tensor);
      e.Store(e.Address(at, e.Const(row), tensor.dtype), tensor.dtype, values[i]);
    }
    return;
  }
  const auto dwords_per_row = static_cast<size_t>(kLanes / ir::DwordElements(tensor.dtype));
  std::vector<Value*> rows;
  for (Value* value : values) rows.push_back(Dwords(e, tensor.dtype, value));
  rows.resize(kLanes, llvm::PoisonValue::get(rows[0]->getType()));
  if (dwords_per_row < rows.size()) {
    std::vector<int> lanes;
    for (int i = 0; i < kLanes; ++i) lanes.push_back(i);
    for (size_t i = 0; i < dwords_per_row; ++i) {
      rows[i] = b.CreateShuffleVector(rows[i], rows[i + dwords_per_row], lanes);
    }
    rows.resize(dwords_per_row);
  }
  rows = Transpose(e, std::move(rows));
  Value* at = InterleavedAddress(e, tensor, buffer, first, k);
  const auto count = static_cast<int64_t>(values.size());
  for (int64_t i = 0; i < static_cast<int64_t>(rows.size()); ++i) {
    std::vector<int> lanes;
    for (int lane = 0; lane < count; ++lane) lanes.push_back(lane);
    b.CreateAlignedStore(
        b.CreateShuffleVector(rows[static_cast<size_t>(i)], lanes),
        b.CreateConstInBoundsGEP1_64(b.getInt32Ty(), at, i * tensor.interleaved_rows),
        llvm::Align(4));
  }
}

}  // namespace lluda::codegen
