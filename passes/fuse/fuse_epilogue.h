// Moves what follows a matmul into it, and casts into the op whose result they round.
//
// Before:
//   %y0 = matmul %o @wo[layer] over q : f32 tok[T] hid[1024]
//   %y = add %x %y0 : f32 tok[T] hid[1024]
// After:
//   %y = matmul %o @wo[layer] %x over q {epilogue = add} : f32 tok[T] hid[1024] by fuse-epilogue
//
// Before (a vector along the columns is a bias; a residual may follow it):
//   %y0 = matmul %o @wo[layer] over q : f32 tok[T] hid[1024]
//   %y1 = add %y0 @bo[layer] : f32 tok[T] hid[1024]
//   %y = add %x %y1 : f32 tok[T] hid[1024]
// After:
//   %y = matmul %o @wo[layer] @bo[layer] %x over q {epilogue = bias add} : f32 tok[T] hid[1024]
//
// Before:
//   %gu = matmul %h %wgu over hid : f32 tok[T] ff2[6144]
//   %gate = slice %gu ff2 0..3072 as ff[3072] : f32 tok[T] ff[3072]
//   %up = slice %gu ff2 3072..6144 as ff[3072] : f32 tok[T] ff[3072]
//   %a = silu %gate : f32 tok[T] ff[3072]
//   %m = mul %a %up : f32 tok[T] ff[3072]
// After:
//   %m = matmul %h %wgu over hid -> ff[3072] {epilogue = silu_mul} : f32 tok[T] ff[3072] by
//   fuse-epilogue
// and the same with gelu, which becomes {epilogue = gelu_mul}.
//
// Before:
//   %u0 = matmul %h @fc1[block] @b1[block] over wide {epilogue = bias} : f32 tok[A] fc[3584]
//   %u = gelu_erf %u0 : f32 tok[A] fc[3584]
// After:
//   %u = matmul %h @fc1[block] @b1[block] over wide {epilogue = bias gelu_erf} : f32 tok[A] fc[3584]
//
// Before:
//   %o0 = attention %q %ks %vs over slot pos dim at %pos %slot {...} : f32 tok[T] kv[8] dim[128]
//   %o1 = merge %o0 kv dim -> q[1024] : f32 tok[T] q[1024]
//   %o = cast %o1 {out = bf16} : bf16 tok[T] q[1024]
// After (any op with the attribute `out`, through any number of merge, split and slice):
//   %o0 = attention ... {..., out = bf16} : bf16 tok[T] kv[8] dim[128] by fuse-epilogue
//   %o = merge %o0 kv dim -> q[1024] : bf16 tok[T] q[1024]
//
// No bit of any result changes: what is fused is f32 before it, and is computed in f32.
//
// Does not fire when:
// - the matmul, or anything between it and the last statement, has a further user;
// - the matmul has an epilogue that the step cannot follow (only a bias comes before others), or
//   its result is not f32;
// - what is added has neither the axes of the matmul's result nor those of its columns alone, or
//   they are in another order;
// - the slices are not the first half (through silu or gelu) and the second half of one matmul's columns;
// - the matmul stands outside the loop of the last statement, or reads a state's declaration, which
//   may be appended to in between;
// - the cast is to an integer type, or its input was rounded before.
//
// Needs: merge-matmul before it for silu_mul and gelu_mul, fuse-gelu for the latter, the fusions before it for their casts.
#ifndef LLUDA_PASSES_FUSE_FUSE_EPILOGUE_H_
#define LLUDA_PASSES_FUSE_FUSE_EPILOGUE_H_

#include "passes/framework/pass.h"

namespace lluda::passes {

class FuseEpilogue : public Pass {
 public:
  absl::string_view name() const override { return "fuse-epilogue"; }
  absl::StatusOr<bool> Run(ir::Module* module) override;

 private:
  // Each looks at one statement, replaces it if it can, and returns whether it did.
  bool FuseAdd(ir::Op* add);
  bool FuseGated(ir::Op* mul);
  bool FuseFunction(ir::Op* function);
  bool FoldCast(ir::Op* cast);
  // Puts the matmul, with the step behind its own, in the place of `op`; false after a miss.
  bool FuseStep(ir::EpilogueStep step, ir::Op* op, const ir::Op& matmul,
                std::vector<ir::Operand> added, std::vector<ir::Axis> result_axes);
};

}  // namespace lluda::passes

#endif  // LLUDA_PASSES_FUSE_FUSE_EPILOGUE_H_
