// A kernel knows none of a module's symbols: those of its spec are dims of its own, which each call
// binds, to a symbol of the module or to a number (runtime::Call::binding). So statements share a
// kernel that differ only in what their dims are.
//
//   KernelSpec spec = SpecOf(op);                   // rmsnorm of f32 tok[T] hid[1024]
//   BoundSpec bound = BindSymbols(spec, {});        // of f32 tok[d0] hid[1024], with d0 = T
//
// A function that is called with another number of tokens, tok[R] for its tok[T], needs no kernels of
// its own: its calls bind d0 to R.
#ifndef LLUDA_CODEGEN_BOUND_SPEC_H_
#define LLUDA_CODEGEN_BOUND_SPEC_H_

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "codegen/backend.h"
#include "codegen/kernel_spec.h"
#include "ir/graph.h"

namespace lluda::codegen {

struct BoundSpec {
  KernelSpec spec;
  std::vector<ir::Extent> dims;  // what the kernel's are at this call
};

// The spec with dims in place of its symbols, in the order in which they occur. `numbers` are symbols
// of the spec that stand for a number.
BoundSpec BindSymbols(KernelSpec spec, const std::map<std::string, int64_t>& numbers);

// The specs of a module's statements, for a back end that lets calls bind dims. Where two of them
// would be one kernel but for a window and for the ring that the cache's positions go round in, these
// are dims, too, and what has none is given one that hides nothing: as many positions as there are.
//
// Example: in Gemma 3 most layers see 512 positions of a ring, the others all of a cache. Attention
// and the matmuls that append to the cache are compiled once for both.
class SpecBinder {
 public:
  SpecBinder(const ir::Module& module, const Backend& backend);

  // Of a statement of one of the module's functions.
  BoundSpec Bind(const ir::Op& op) const;

 private:
  void Note(const ir::Op& op);

  const Backend& backend_;
  // By the key of a kernel that takes window and ring as dims: the keys of those that do not.
  std::map<std::string, std::set<std::string>> windows_;
};

}  // namespace lluda::codegen

#endif  // LLUDA_CODEGEN_BOUND_SPEC_H_
