#include "codegen/emit/block_access.h"

#include "codegen/emit/integer.h"
#include "codegen/emit/tensor_access.h"
#include "ir/type/encoding.h"
#include "ir/type/layout.h"

namespace lluda::codegen {

BlockPlace BlockAt(Emitter& e, const TensorSpec& tensor, Value* buffer, const Indices& indices) {
  const ir::Encoding& encoding = ir::EncodingOf(tensor.dtype);
  const auto bytes = [&](Value* elements) {
    return Integer(e, elements) / encoding.elements * encoding.bytes;
  };
  if (!tensor.layout.is_panel()) {
    return {e.Address(buffer, bytes(ElementOffset(e, tensor, indices)), ir::DType::kI8), 1};
  }
  // The group's start is that of its first row.
  const int64_t rows = tensor.layout.rows;
  const std::string& name = PanelRowAxis(tensor).name;
  const Integer row(e, indices.at(name));
  Indices first = indices;
  first[name] = row - row % rows;
  const Integer group = bytes(ElementOffset(e, tensor, first));
  const int64_t unit = ir::BlockUnit(encoding, tensor.layout);
  return {e.Address(buffer, group + row % rows * unit, ir::DType::kI8), rows, unit};
}

const ir::Axis& BlockAxis(const TensorSpec& tensor) {
  if (!tensor.layout.is_panel()) return tensor.axes.back().axis;
  return tensor.Find(tensor.layout.axis)->axis;
}

}  // namespace lluda::codegen
