// Recognises GELU: by its formula with tanh, and by its definition with erf.
//
// Before:
//   %a0 = mul %x %x : f32 tok[T] ff[3072]
//   %a1 = mul %a0 %x : f32 tok[T] ff[3072]
//   %a2 = scale %a1 {by = 0.044715} : f32 tok[T] ff[3072]
//   %a3 = add %x %a2 : f32 tok[T] ff[3072]
//   %a4 = scale %a3 {by = 0.7978845608028654} : f32 tok[T] ff[3072]
//   %a5 = tanh %a4 : f32 tok[T] ff[3072]
//   %a6 = offset %a5 {by = 1} : f32 tok[T] ff[3072]
//   %a7 = mul %x %a6 : f32 tok[T] ff[3072]
//   %a = scale %a7 {by = 0.5} : f32 tok[T] ff[3072]
// After:
//   %a = gelu %x : f32 tok[T] ff[3072] by fuse-gelu
//
// Before:
//   %a0 = scale %x {by = 0.7071067811865476} : f32 tok[T] ff[3072]
//   %a1 = erf %a0 : f32 tok[T] ff[3072]
//   %a2 = offset %a1 {by = 1} : f32 tok[T] ff[3072]
//   %a3 = mul %x %a2 : f32 tok[T] ff[3072]
//   %a = scale %a3 {by = 0.5} : f32 tok[T] ff[3072]
// After:
//   %a = gelu_erf %x : f32 tok[T] ff[3072] by fuse-gelu
//
// Does not fire when:
// - a number is not the formula's, as f32;
// - a statement in between has a further user, which would keep it alive;
// - the arithmetic is not f32: rounding after each statement is not what `gelu` does;
// - a statement stands outside the loop of the last one, or reads a state's declaration, which may
//   be appended to in between.
#ifndef LLUDA_PASSES_FUSE_FUSE_GELU_H_
#define LLUDA_PASSES_FUSE_FUSE_GELU_H_

#include "passes/framework/pass.h"

namespace lluda::passes {

class FuseGelu : public Pass {
 public:
  absl::string_view name() const override { return "fuse-gelu"; }
  absl::StatusOr<bool> Run(ir::Module* module) override;
};

}  // namespace lluda::passes

#endif  // LLUDA_PASSES_FUSE_FUSE_GELU_H_
