// How many bytes the elements of a dtype take: a table, and the only place that knows.
//
// Each element of a plain dtype has bytes of its own. The elements of a block dtype share a block,
// and have no address: a row {32, 34} says that 34 bytes hold 32 of them. Blocks run along one axis
// of a tensor and fill it (CheckBlocks in ir/type/layout.h).
//
// Example: EncodingOf(DType::kBF16) is {1, 2}; BytesOf(DType::kBF16, 1024) == 2048.
#ifndef LLUDA_IR_TYPE_ENCODING_H_
#define LLUDA_IR_TYPE_ENCODING_H_

#include <cstdint>

#include "ir/type/dtype.h"

namespace lluda::ir {

struct Encoding {
  int64_t elements;  // of a block; 1: the dtype is plain
  int64_t bytes;     // of a block

  constexpr bool is_plain() const { return elements == 1; }
  // Bytes of so many elements. CHECKs that they are whole blocks.
  int64_t BytesOf(int64_t count) const;
};

const Encoding& EncodingOf(DType dtype);

// Do its elements share blocks?
inline bool IsBlock(DType dtype) { return !EncodingOf(dtype).is_plain(); }

inline int64_t BytesOf(DType dtype, int64_t count) { return EncodingOf(dtype).BytesOf(count); }

// Bits of one element. CHECKs that the dtype is plain.
int ElementBits(DType dtype);

// How many elements 4 bytes hold: those that lie together where rows are interleaved
// (codegen/cpu/emit/row_interleave.h). CHECKs that the dtype is plain and that at least one fits.
int64_t DwordElements(DType dtype);

}  // namespace lluda::ir

#endif  // LLUDA_IR_TYPE_ENCODING_H_
