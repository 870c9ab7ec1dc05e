// Where the elements of a value lie, when the value is a view of another one.
//
// `split`, `merge`, `slice`, `permute` and `window` only rename or select elements, so they cost
// nothing as long as the result can be described by one stride per axis over the buffer of their operand. The
// memory planner and the code generator both ask here, so they cannot disagree about who owns a
// buffer.
//
// Example: for `%k1 = slice %qkv qkv 2048..3072 as kv[8] dim[128]` of `%qkv: f32 tok[T] qkv[4096]`
// ResolveAccess gives base %qkv, offset 2048 and strides tok 4096, kv 128, dim 1.
#ifndef LLUDA_IR_VIEW_H_
#define LLUDA_IR_VIEW_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "ir/graph.h"

namespace lluda::ir {

// Elements between neighbours: `factor` times the values of `symbols`.
struct Stride {
  int64_t factor = 0;
  std::vector<std::string> symbols;  // sorted
  bool operator==(const Stride& o) const { return factor == o.factor && symbols == o.symbols; }
  bool IsConstant(int64_t value) const { return symbols.empty() && factor == value; }
};

struct StridedAxis {
  Axis axis;
  Stride stride;
};

struct Access {
  Operand base;  // owns the elements: a global, a parameter, or an op that is no view
  DType dtype = DType::kF32;
  Layout layout;  // when it is a panel layout, `axes` are those of the base and strides are unset
  int64_t offset = 0;  // elements from the base's start
  std::vector<StridedAxis> axes;

  const StridedAxis* Find(absl::string_view axis) const;
};

// Whether ops of this kind are views where strides can express their results: the five above.
bool CouldBeView(Opcode opcode);

// True when the op's result is stored in its operand's buffer: one of the five ops above, on a
// row-major value, with strides that can express the result.
bool IsView(const Op& op);

// Follows views to the base of an operand.
Access ResolveAccess(const Operand& operand);

// The strides of a row-major tensor of this type.
std::vector<StridedAxis> RowMajorAxes(const Type& type);

}  // namespace lluda::ir

#endif  // LLUDA_IR_VIEW_H_
