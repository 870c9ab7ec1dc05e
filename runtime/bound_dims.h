// The dims of all calls of a program, for some values of its symbols: what each binding (Call::binding)
// then is. They are computed once for a run, however many calls have a binding.
//
//   BoundDims dims(program);                       // once
//   dims.Bind(values.data());                      // for each run; allocates nothing
//   kernel.work.Count(dims.Of(call));
//
// Example: with the symbols T = 3, C = 4096 the binding (T, C, 2^62) is 3, 4096, 2^62.
#ifndef LLUDA_RUNTIME_BOUND_DIMS_H_
#define LLUDA_RUNTIME_BOUND_DIMS_H_

#include <cstdint>
#include <vector>

#include "runtime/program.h"

namespace lluda::runtime {

class BoundDims {
 public:
  // The program outlives the dims, and its bindings stay.
  explicit BoundDims(const Program& program);
  // The symbols' values, which outlive their use.
  void Bind(const int64_t* symbols);

  const int64_t* symbols() const { return symbols_; }
  // As KernelArgs::dims.
  const int64_t* Of(const Call& call) const {
    return call.binding < 0 ? symbols_ : values_.data() + first_[static_cast<size_t>(call.binding)];
  }

 private:
  const Program& program_;
  const int64_t* symbols_ = nullptr;
  std::vector<size_t> first_;  // of each binding's values
  std::vector<int64_t> values_;
};

}  // namespace lluda::runtime

#endif  // LLUDA_RUNTIME_BOUND_DIMS_H_
