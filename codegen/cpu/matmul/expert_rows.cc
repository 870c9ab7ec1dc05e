#include "codegen/cpu/matmul/expert_rows.h"

#include <vector>

#include "codegen/emit/integer.h"
#include "codegen/emit/tensor_access.h"

namespace lluda::codegen {
namespace {

// The operands' numbers.
constexpr int kIndices = 2;
constexpr int kOrder = 3;

// Whether the elements follow one another in the order of the axes.
bool IsRowMajor(const TensorSpec& tensor) {
  ir::Type type{tensor.dtype, tensor.PlainAxes(), {}};
  const std::vector<ir::StridedAxis> expected = ir::RowMajorAxes(type);
  for (size_t i = 0; i < expected.size(); ++i) {
    if (!(tensor.axes[i].stride == expected[i].stride)) return false;
  }
  return !tensor.layout.is_panel();
}

Value* ElementAt(Emitter& e, const KernelSpec& spec, int operand, Value* place) {
  const ir::DType dtype = spec.operands[operand].dtype;
  return e.LoadIndex(e.Address(e.Buffer(operand), place, dtype), dtype);
}

}  // namespace

bool HasReadableOrder(const KernelSpec& spec) {
  return IsRowMajor(spec.operands[kIndices]) && IsRowMajor(spec.operands[kOrder]);
}

Value* ExpertOf(Emitter& e, const KernelSpec& spec, const Indices& row) {
  return LoadIndexAt(e, spec.operands[kIndices], e.Buffer(kIndices), row);
}

Indices ExpertRow(Emitter& e, const KernelSpec& spec, Value* place) {
  return e.IndicesOf(spec.operands[kIndices].PlainAxes(), ElementAt(e, spec, kOrder, place), 1);
}

void ForExpertRuns(Emitter& e, const KernelSpec& spec,
                   const std::function<void(Value* expert, Value* begin, Value* end)>& body) {
  auto& b = e.b();
  Integer rows(e, e.Const(1));
  for (const ir::Axis& axis : spec.operands[kIndices].PlainAxes()) {
    rows = rows * e.ExtentValue(axis.extent);
  }
  const auto expert_at = [&](Value* place) {
    return ElementAt(e, spec, kIndices, ElementAt(e, spec, kOrder, place));
  };
  Value* last = rows - 1;
  e.Loop(e.Const(0), rows, 1, {e.Const(0)}, [&](Value* place, const Emitter::Carried& carried) {
    Value* begin = carried[0];
    Value* expert = expert_at(place);
    Value* end = Integer(e, place) + 1;
    Value* differs = b.CreateICmpNE(expert_at(e.Least(end, last)), expert);
    Value* ends = b.CreateOr(b.CreateICmpEQ(end, rows), differs);
    e.If(ends, [&] { body(expert, begin, end); });
    return Emitter::Carried{b.CreateSelect(ends, end, begin)};
  });
}

}  // namespace lluda::codegen
