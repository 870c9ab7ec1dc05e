// How a kernel reaches the elements of an operand in any layout: offsets, loads along an axis, and
// the axes that are left.
//
// Example: ElementOffset(e, weight, {{"hid", %h}, {"ff", %f}}) is the formula of ir/type/layout.h
// for a weight in panels, and
// a sum of strides for one in rows.
#ifndef LLUDA_CODEGEN_EMIT_TENSOR_ACCESS_H_
#define LLUDA_CODEGEN_EMIT_TENSOR_ACCESS_H_

#include <vector>

#include "absl/strings/string_view.h"
#include "codegen/emit/emitter.h"
#include "codegen/kernel_spec.h"

namespace lluda::codegen {

// Elements from a tensor's start to the element with these indices, in either layout.
Value* ElementOffset(Emitter& e, const TensorSpec& tensor, const Indices& indices);
// Elements [i, i + lanes) along an axis of a row-major tensor, from the element at offset `first`
// on.
Value* LoadAlong(Emitter& e, const TensorSpec& tensor, Value* buffer, Value* first,
                 absl::string_view axis, Value* i, int lanes);
// The element of an i32 or i64 tensor with these indices, as i64.
Value* LoadIndexAt(Emitter& e, const TensorSpec& tensor, Value* buffer, const Indices& indices);
// Where a position lies along the axis of the state that a statement appends to or reads: in a ring,
// positions go round.
Value* CellOf(Emitter& e, const KernelSpec& spec, Value* position);
// The axis whose elements are a panel's rows: the last one that is not the panel's own.
const ir::Axis& PanelRowAxis(const TensorSpec& tensor);
// All axes but the last.
std::vector<ir::Axis> LeadingAxes(const TensorSpec& tensor);
// All axes but the named one.
std::vector<ir::Axis> AxesWithout(const TensorSpec& tensor, absl::string_view name);
// True when neighbours along the axis are neighbours in memory (or it has one element).
bool IsContiguous(const TensorSpec& tensor, absl::string_view axis);

}  // namespace lluda::codegen

#endif  // LLUDA_CODEGEN_EMIT_TENSOR_ACCESS_H_
