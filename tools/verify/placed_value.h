// Values where kernels find and leave them: in panels, with rows interleaved or row-major.
//
//   ir::Tensor packed = ReadPlaced(type, {type.layout}, bytes);
//
// Types have constant extents here.
#ifndef LLUDA_TOOLS_VERIFY_PLACED_VALUE_H_
#define LLUDA_TOOLS_VERIFY_PLACED_VALUE_H_

#include "ir/interpreter/tensor.h"
#include "ir/type/type.h"

namespace lluda::tools {

struct Placement {
  ir::Layout layout;         // ir/type/layout.h says how panels are laid out
  int interleaved_rows = 0;  // as codegen/cpu/emit/row_interleave.h says; 0: none are
  int interleaved_dwords = 1;
};

// The value of this type, whose layout does not matter, that starts at `from`.
ir::Tensor ReadPlaced(const ir::Type& type, const Placement& placement, const char* from);
// Stores all elements; padding stays as it is.
void WritePlaced(const ir::Tensor& value, const Placement& placement, char* to);

}  // namespace lluda::tools

#endif  // LLUDA_TOOLS_VERIFY_PLACED_VALUE_H_
