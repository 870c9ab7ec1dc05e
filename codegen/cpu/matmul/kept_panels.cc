#include "codegen/cpu/matmul/kept_panels.h"

#include <limits>

#include "codegen/emit/column_epilogue.h"
#include "codegen/emit/integer.h"

namespace lluda::codegen {

Value* KeptPanels::Any(const MatmulOperands::Rows& rows, Value* panel) const {
  Value* any = nullptr;
  for (int i = 0; i < rows.count; ++i) {
    Value* kept = OfRow(o_.RowAt(rows, i), panel);
    any = any == nullptr ? kept : e_.b().CreateOr(any, kept);
  }
  return any;
}

Value* KeptPanels::Any(Value* first, Value* count, Value* panel) const {
  return e_.Loop(e_.Const(0), count, 1, {e_.b().getFalse()},
                 [&](Value* row, const Emitter::Carried& any) {
                   Value* kept = OfRow(Integer(e_, first) + row, panel);
                   return Emitter::Carried{e_.b().CreateOr(any[0], kept)};
                 })[0];
}

// Of a last panel that is partly padding, the columns before it are looked at instead of that.
Value* KeptPanels::OfRow(Value* row, Value* panel) const {
  Value* column = Integer(e_, panel) * kLanes;
  if (o_.columns % kLanes != 0) column = e_.Least(column, e_.Const(o_.columns - kLanes));
  return e_.b().CreateOrReduce(IsKept(o_.spec, e_, o_.IndicesOf(row), column, kLanes));
}

Value* KeptPanels::Hidden() const {
  return e_.ConstF32(-std::numeric_limits<float>::infinity(), kLanes);
}

void KeptPanels::Count() const {
  auto& b = e_.b();
  Value* computed = e_.Computed();
  e_.If(b.CreateIsNotNull(computed), [&] {
    Value* before = b.CreateAlignedLoad(b.getInt64Ty(), computed, llvm::Align(8));
    b.CreateAlignedStore(b.CreateAdd(before, e_.Const(kLanes)), computed, llvm::Align(8));
  });
}

}  // namespace lluda::codegen
