// Where the memory of a program's spaces begins, and so where a buffer's does. Whoever runs the
// calls of a program asks here: on addresses, or on values of code that is being made.
//
//   SpaceBases<const void*> bases;
//   bases.frame = frame.data();
//   bases.states = {addresses of the states};
//   const void* base = bases.Of(ref);   // ref.offset is still to be added
#ifndef LLUDA_RUNTIME_SPACE_BASES_H_
#define LLUDA_RUNTIME_SPACE_BASES_H_

#include "absl/types/span.h"
#include "runtime/program.h"

namespace lluda::runtime {

template <typename Pointer>
struct SpaceBases {
  Pointer frame = {}, loaded = {}, output = {};
  absl::Span<const Pointer> weights = {}, states = {}, inputs = {};

  Pointer Of(const BufferRef& buffer) const {
    switch (buffer.space) {
      case Space::kFrame:
        return frame;
      case Space::kWeight:
        return weights[buffer.index];
      case Space::kLoaded:
        return loaded;
      case Space::kState:
        return states[buffer.index];
      case Space::kInput:
        return inputs[buffer.index];
      case Space::kOutput:
        break;
    }
    return output;
  }
};

}  // namespace lluda::runtime

#endif  // LLUDA_RUNTIME_SPACE_BASES_H_
