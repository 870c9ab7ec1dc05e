#include "runtime/bound_dims.h"

namespace lluda::runtime {

BoundDims::BoundDims(const Program& program) : program_(program) {
  size_t count = 0;
  for (const Binding& binding : program.bindings) {
    first_.push_back(count);
    count += binding.size();
  }
  values_.resize(count);
}

void BoundDims::Bind(const int64_t* symbols) {
  symbols_ = symbols;
  size_t i = 0;
  for (const Binding& binding : program_.bindings) {
    for (const Dim& dim : binding) {
      values_[i++] = dim.symbol < 0 ? dim.value : symbols[dim.symbol];
    }
  }
}

}  // namespace lluda::runtime
