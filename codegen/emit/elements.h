// What an elementwise op computes, of a few elements: a kernel is a walk that asks for them.
//
// Example: in the kernel of %y = add %a %b, with the indices of an element in `at`,
//   Value* sums = ElementsOf(spec, e, at, kLanes);  // %a + %b there and at the next 15
#ifndef LLUDA_CODEGEN_EMIT_ELEMENTS_H_
#define LLUDA_CODEGEN_EMIT_ELEMENTS_H_

#include "absl/status/status.h"
#include "codegen/emit/emitter.h"
#include "codegen/kernel_spec.h"

namespace lluda::codegen {

// Unimplemented, with the reason, for a spec of an elementwise op that ElementsOf does not compute.
absl::Status CheckElementwise(const KernelSpec& spec);
// The result's `lanes` elements from `indices` on along its last axis, as f32. The spec has passed
// CheckElementwise.
Value* ElementsOf(const KernelSpec& spec, Emitter& e, const Indices& indices, int lanes);

}  // namespace lluda::codegen

#endif  // LLUDA_CODEGEN_EMIT_ELEMENTS_H_
