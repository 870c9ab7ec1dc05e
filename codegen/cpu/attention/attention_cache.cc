// Where the rows of a tile find their keys and values, and what is asked for before it is needed.
#include <algorithm>

#include "base/align.h"
#include "codegen/cpu/attention/attention_tile.h"
#include "codegen/cpu/emit/amx.h"
#include "codegen/emit/integer.h"
#include "codegen/emit/tensor_access.h"
#include "ir/type/encoding.h"

namespace lluda::codegen {

using base::kCacheLine;
using Carried = Emitter::Carried;

Indices AttentionTile::CachedAt(const Rows& rows, Value* cell) {
  if (o_.has_pages()) return o_.InPage(e_, rows.cached, rows.pages, cell);
  Indices cached = rows.cached;
  cached[o_.pos] = cell;
  return cached;
}

Value* AttentionTile::AddressOf(int buffer, const TensorSpec& tensor, const Indices& cached) {
  return e_.Address(e_.Buffer(buffer), ElementOffset(e_, tensor, cached), tensor.dtype);
}

Value* AttentionTile::BytesToNextPage(const Rows& rows, int buffer, const TensorSpec& tensor,
                                      const Indices& cached, Value* cell) {
  auto& b = e_.b();
  Value* last = Integer(e_, rows.end) - 1;
  Indices next = CachedAt(rows, e_.Least(Integer(e_, cell) + kPage, last));
  next[o_.pos] = cached.at(o_.pos);
  const auto number = [&](const Indices& indices) {
    return b.CreatePtrToInt(AddressOf(buffer, tensor, indices), b.getInt64Ty());
  };
  return b.CreateSub(number(next), number(cached));
}

Carried AttentionTile::EachPosition(const Rows& rows, Value* section, Value* begin, Value* end,
                                    const Carried& sums, const AddPosition& add) {
  Value* cell = CellOfSection(section);
  if (!o_.has_pages()) {
    return e_.Loop(begin, end, 1, sums, [&](Value* j, const Carried& before) {
      Value* at = e_.Offset(o_.v.axes, CachedAt(rows, Integer(e_, cell) + j));
      return add(j, at, nullptr, before);
    });
  }
  Value* stride = e_.StrideValue(o_.v.Find(o_.pos)->stride);
  const Integer first_page = Integer(e_, begin) / kPage * kPage;
  return e_.Loop(first_page, end, kPage, sums, [&](Value* page, const Carried& so_far) {
    Value* first_cell = Integer(e_, cell) + page;
    const Indices cached = CachedAt(rows, first_cell);
    const Integer first(e_, e_.Offset(o_.v.axes, cached));
    Value* ahead = nullptr;
    if (rows.tokens == 1) {
      ahead = BytesToNextPage(rows, AttentionOperands::kV, o_.v, cached, first_cell);
    }
    Value* page_end = e_.Least(end, Integer(e_, page) + kPage);
    return e_.Loop(e_.Most(begin, page), page_end, 1, so_far, [&](Value* j, const Carried& before) {
      return add(j, first + (Integer(e_, j) - page) * stride, ahead, before);
    });
  });
}

// The d-th vector of a V row; lanes past the head's end are zero.
Value* AttentionTile::LoadValues(Value* row, int64_t d) {
  const ir::DType dtype = o_.v.dtype;
  Value* buffer = e_.Buffer(AttentionOperands::kV);
  const Integer at = Integer(e_, row) + d * kLanes;
  if (o_.Elements(d) == kLanes) return e_.Load(e_.Address(buffer, at, dtype), dtype, kLanes);
  Value* vector = e_.ConstF32(0.0f, kLanes);
  for (int i = 0; i < o_.Elements(d); ++i) {
    Value* element = e_.Address(buffer, at + i, dtype);
    vector =
        e_.b().CreateInsertElement(vector, e_.Load(element, dtype, 1), static_cast<uint64_t>(i));
  }
  return vector;
}

// The first positions of the section, from where PrefetchValues goes on.
void AttentionTile::FetchValues(const Rows& rows, Value* section) {
  const Indices cached = CachedAt(rows, CellOfSection(section));
  Value* first =
      e_.Address(e_.Buffer(AttentionOperands::kV), e_.Offset(o_.v.axes, cached), o_.v.dtype);
  e_.Loop(e_.Const(0), e_.Const(BytesAhead()), kCacheLine,
          [&](Value* byte) { e_.Prefetch(e_.Address(first, byte, ir::DType::kI8), 0); });
}

void AttentionTile::FetchValuesAt(const Rows& rows, Value* section, Value* column, Value* k) {
  const int64_t positions = kAmxDepth * kAmxDepth / o_.dims;  // of each of the dims / 32 steps
  const Indices cached = CachedAt(
      rows, Integer(e_, CellOfSection(section)) + column + Integer(e_, k) / kAmxDepth * positions);
  Value* first =
      e_.Address(e_.Buffer(AttentionOperands::kV), e_.Offset(o_.v.axes, cached), o_.v.dtype);
  const Integer stride(e_, e_.StrideValue(o_.v.Find(o_.pos)->stride));
  for (int64_t i = 0; i < positions; ++i) {
    Value* row = e_.Address(first, stride * i, o_.v.dtype);
    for (int64_t byte = 0; byte < ir::BytesOf(o_.v.dtype, o_.dims); byte += kCacheLine) {
      e_.PrefetchNear(e_.Address(row, e_.Const(byte), ir::DType::kI8));
    }
  }
}

void AttentionTile::FetchKeysAt(const Rows& rows, Value* section, Value* step) {
  Value* next = CellOfSection(Integer(e_, section) + kSection);
  const int64_t bytes = ir::BytesOf(o_.k.dtype, kSection * o_.dims) / amx_->Steps();
  Indices cached;
  if (o_.has_pages()) {
    // Each page of the section has its part of the steps.
    const int64_t page_steps = amx_->Steps() / (kSection / kPage);
    Value* page = Integer(e_, next) + Integer(e_, step) / page_steps * kPage;
    cached = CachedAt(rows, e_.Least(page, Integer(e_, rows.end) - 1));
    cached[o_.pos] = e_.Const(0);
    step = Integer(e_, step) % page_steps;
  } else {
    cached = CachedAt(rows, next);
  }
  Value* first = AddressOf(AttentionOperands::kK, o_.k, cached);
  Value* share = e_.Address(first, Integer(e_, step) * bytes, ir::DType::kI8);
  for (int64_t byte = 0; byte < bytes; byte += kCacheLine) {
    e_.PrefetchNear(e_.Address(share, e_.Const(byte), ir::DType::kI8));
  }
}

// V is asked for so many bytes ahead of its use: those of kPage positions.
int64_t AttentionTile::BytesAhead() const { return ir::BytesOf(o_.v.dtype, kPage * o_.dims); }

// Asks for the same vectors of V kPage positions further on.
void AttentionTile::PrefetchValues(Value* row, int64_t d, int64_t width, Value* ahead) {
  Value* first =
      e_.Address(e_.Buffer(AttentionOperands::kV), Integer(e_, row) + d * kLanes, o_.v.dtype);
  if (ahead != nullptr) first = e_.Address(first, ahead, ir::DType::kI8);
  for (int64_t byte = 0; byte < ir::BytesOf(o_.v.dtype, width * kLanes); byte += kCacheLine) {
    e_.Prefetch(first, (ahead == nullptr ? BytesAhead() : 0) + byte);
  }
}

}  // namespace lluda::codegen
