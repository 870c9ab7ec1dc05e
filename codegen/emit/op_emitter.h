// What the emitter of an op is: a function from a spec to code, a row in EmitKernel's table.
#ifndef LLUDA_CODEGEN_EMIT_OP_EMITTER_H_
#define LLUDA_CODEGEN_EMIT_OP_EMITTER_H_

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "codegen/backend.h"
#include "codegen/emit/emitter.h"
#include "codegen/kernel_spec.h"

namespace lluda::codegen {

// Writes the body of the function that `e` has begun. Unimplemented when the op has no kernel on
// these layouts.
using EmitFn = absl::StatusOr<KernelInfo> (*)(const KernelSpec& spec, Emitter& e);

// Unimplemented for this spec, with a reason.
absl::Status NoKernel(const KernelSpec& spec, absl::string_view reason);

}  // namespace lluda::codegen

#endif  // LLUDA_CODEGEN_EMIT_OP_EMITTER_H_
