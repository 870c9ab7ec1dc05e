// Removes what nothing reads: statements, loops, functions that @step does not reach, globals.
//
// Before:
//   weight @unused : f32 hid[4] from "u"
//   func @step(%x: f32 tok[T]) -> f32 tok[T] {
//     %a = exp %x : f32 tok[T]
//     %b = cos %x : f32 tok[T]
//     return %b
//   }
// After:
//   func @step(%x: f32 tok[T]) -> f32 tok[T] {
//     %b = cos %x : f32 tok[T]
//     return %b
//   }
//
// Does not fire when: the statement appends to a state, directly, in a loop or in a call; a module
// without @step keeps all its functions.
// Needs: nothing.
#ifndef LLUDA_PASSES_TIDY_DCE_H_
#define LLUDA_PASSES_TIDY_DCE_H_

#include "passes/framework/pass.h"

namespace lluda::passes {

class Dce : public Pass {
 public:
  absl::string_view name() const override { return "dce"; }
  absl::StatusOr<bool> Run(ir::Module* module) override;
};

}  // namespace lluda::passes

#endif  // LLUDA_PASSES_TIDY_DCE_H_
