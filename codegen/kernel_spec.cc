#include "codegen/kernel_spec.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "ir/type/encoding.h"
#include "ir/type/layout.h"

namespace lluda::codegen {
namespace {

TensorSpec FromAccess(const ir::Access& access) {
  return {access.dtype, access.layout, access.axes, 0};
}

TensorSpec FromType(const ir::Type& type) {
  return {type.dtype, type.layout, ir::RowMajorAxes(type)};
}

std::string KeyOf(const TensorSpec& tensor) {
  std::string key(ir::DTypeName(tensor.dtype));
  for (const ir::StridedAxis& strided : tensor.axes) {
    absl::StrAppend(&key, " ", ir::ToString(strided.axis));
    if (tensor.layout.is_panel()) continue;
    absl::StrAppend(&key, ":", strided.stride.factor);
    for (const std::string& symbol : strided.stride.symbols) absl::StrAppend(&key, "*", symbol);
  }
  if (tensor.interleaved_rows > 0) absl::StrAppend(&key, " blocks of ", tensor.interleaved_rows);
  if (tensor.interleaved_dwords > 1) absl::StrAppend(&key, " by ", tensor.interleaved_dwords);
  return absl::StrCat(key, ir::ToString(tensor.layout));
}

// Rows of blocks as rows of bytes: what moves rows need not know what they are.
TensorSpec AsBytes(TensorSpec blocks) {
  const auto bytes = [&](int64_t elements) { return ir::BytesOf(blocks.dtype, elements); };
  for (ir::StridedAxis& strided : blocks.axes) {
    const bool along = &strided == &blocks.axes.back();
    if (along) strided.axis.extent = ir::Extent::Constant(bytes(strided.axis.extent.value));
    if (!along) strided.stride.factor = bytes(strided.stride.factor);
  }
  blocks.dtype = ir::DType::kI8;
  return blocks;
}

// The attribute's value as part of a symbol's name: `norm_rope` for `norm rope`.
std::string OneWord(const ir::Attrs& attrs, ir::AttrKey key) {
  return absl::StrReplaceAll(ir::AttrValueText(attrs, key), {{" ", "_"}});
}

}  // namespace

const ir::StridedAxis* TensorSpec::Find(absl::string_view axis) const {
  for (const ir::StridedAxis& strided : axes) {
    if (strided.axis.name == axis) return &strided;
  }
  return nullptr;
}

std::vector<ir::Axis> TensorSpec::PlainAxes() const {
  std::vector<ir::Axis> plain;
  for (const ir::StridedAxis& strided : axes) plain.push_back(strided.axis);
  return plain;
}

std::string DimName(size_t dim) { return absl::StrCat("d", dim); }

std::vector<std::string> SymbolsOf(const KernelSpec& spec,
                                   const std::vector<std::string>& symbols) {
  if (spec.dims == 0) return symbols;
  std::vector<std::string> names;
  for (size_t i = 0; i < spec.dims; ++i) names.push_back(DimName(i));
  return names;
}

KernelSpec SpecOf(const ir::Op& op) {
  KernelSpec spec{op.opcode(), op.attrs, {}, FromType(op.result_type())};
  if (op.attrs.window) spec.window = ir::Extent::Constant(*op.attrs.window);
  if (op.attrs.ring) spec.ring = ir::Extent::Constant(*op.attrs.ring);
  spec.attrs.window.reset();
  spec.attrs.ring.reset();
  for (const ir::Operand& operand : op.operands()) {
    spec.operands.push_back(FromAccess(ir::ResolveAccess(operand)));
  }
  if (ir::CouldBeView(op.opcode()) && ir::IsBlock(spec.result.dtype)) {
    spec.operands[0] = AsBytes(std::move(spec.operands[0]));
    spec.result = AsBytes(std::move(spec.result));
  }
  return spec;
}

KernelSpec PackPartSpec(const ir::Op& pack, int part, int64_t row_offset) {
  KernelSpec spec = SpecOf(pack);
  spec.operands = {spec.operands[part]};
  const auto& names = pack.attrs.axes;
  // The operand's own name of the joined axis; a pack of one operand joins none.
  const std::string own = names.size() < 2 ? "" : names[names.size() == 2 ? 0 : part];
  const std::string joined = own.empty() ? "" : pack.attrs.result_axes[0].name;
  for (ir::StridedAxis& strided : spec.operands[0].axes) {
    if (strided.axis.name == own) strided.axis.name = joined;
  }
  spec.attrs.axes = {names.back()};
  spec.attrs.result_axes.clear();
  spec.row_offset = row_offset;
  return spec;
}

namespace {

// The axis of a packed type that its matrices lie along, if it has one: -1 for a matrix.
int MatrixAxis(const ir::Type& type) {
  if (type.axes.size() != 3) return -1;
  const ir::PanelAxes panel = ir::PanelAxesOf(type.layout, type.axes);
  return static_cast<int>(3 - panel.row - panel.depth);
}

void EraseAxis(const std::string& name, std::vector<ir::StridedAxis>* axes) {
  axes->erase(
      std::remove_if(axes->begin(), axes->end(),
                     [&](const ir::StridedAxis& strided) { return strided.axis.name == name; }),
      axes->end());
}

}  // namespace

std::vector<PackPart> PackParts(const ir::Op& pack) {
  const ir::Type& type = pack.result_type();
  const std::string& over = pack.attrs.axes.back();
  const int outer = MatrixAxis(type);
  const int64_t matrices = outer < 0 ? 1 : type.axes[outer].extent.value;
  std::vector<int64_t> first(type.axes.size(), 0);  // the element that a part begins with
  const size_t row_axis = ir::PanelAxesOf(type.layout, type.axes).row;
  std::vector<PackPart> parts;
  int64_t row = 0;
  for (int i = 0; i < pack.operand_count(); ++i) {
    const bool aligned = row % type.layout.rows == 0;
    first[row_axis] = aligned ? row : 0;
    PackPart part{PackPartSpec(pack, i, aligned ? 0 : row), i, 0, 0, 0};
    int64_t stride = 0;
    if (outer >= 0) {
      const std::string name = type.axes[outer].name;
      stride = part.spec.operands[0].Find(name)->stride.factor;
      EraseAxis(name, &part.spec.operands[0].axes);
      EraseAxis(name, &part.spec.result.axes);
    }
    for (int64_t matrix = 0; matrix < matrices; ++matrix) {
      if (outer >= 0) first[outer] = matrix;
      part.matrix = matrix;
      part.from = ir::BytesOf(part.spec.operands[0].dtype, matrix * stride);
      part.offset = ir::BytesOf(type.dtype, ir::ElementOffset(type, first));
      parts.push_back(part);
    }
    for (const ir::StridedAxis& strided : parts.back().spec.operands[0].axes) {
      if (strided.axis.name != over) row += strided.axis.extent.value;
    }
  }
  return parts;
}

KernelSpec GroupOf(std::vector<KernelSpec> group) {
  KernelSpec spec = group.back();
  spec.group = std::move(group);
  return spec;
}

std::string KeyOf(const KernelSpec& spec) {
  std::string key(spec.many ? "many rows of " : "");
  if (!spec.group.empty()) {
    for (const KernelSpec& member : spec.group) absl::StrAppend(&key, "[", KeyOf(member), "]");
    return key;
  }
  absl::StrAppend(&key, ir::Info(spec.opcode).name);
  absl::StrAppend(&key, " over ", absl::StrJoin(spec.attrs.axes, " "), " ->");
  for (const ir::Axis& axis : spec.attrs.result_axes) {
    absl::StrAppend(&key, " ", ir::ToString(axis));
  }
  absl::StrAppend(&key, " ", spec.attrs.begin, "..", spec.attrs.end, " {");
  for (int i = 0; i < static_cast<int>(ir::AttrKey::kCount); ++i) {
    const auto attr = static_cast<ir::AttrKey>(i);
    if (!spec.attrs.IsSet(attr)) continue;
    absl::StrAppend(&key, ir::AttrKeyName(attr), "=", OneWord(spec.attrs, attr), ",");
  }
  if (spec.window) absl::StrAppend(&key, "window=", ir::ToString(*spec.window), ",");
  if (spec.ring) absl::StrAppend(&key, "ring=", ir::ToString(*spec.ring), ",");
  absl::StrAppend(&key, "} row ", spec.row_offset);
  for (const TensorSpec& operand : spec.operands) absl::StrAppend(&key, " | ", KeyOf(operand));
  return absl::StrCat(key, " => ", KeyOf(spec.result));
}

std::string StemOf(const KernelSpec& spec) {
  std::string stem;
  for (const KernelSpec& member : spec.group) {
    absl::StrAppend(&stem, ir::Info(member.opcode).name, "_");
  }
  if (spec.group.empty()) stem = absl::StrCat(ir::Info(spec.opcode).name, "_");
  if (spec.many) absl::StrAppend(&stem, "many_");
  stem.pop_back();
  for (const TensorSpec& operand : spec.operands) {
    absl::StrAppend(&stem, "_", ir::DTypeName(operand.dtype));
  }
  absl::StrAppend(&stem, "_", ir::DTypeName(spec.result.dtype), "_");
  const bool is_matmul =
      spec.opcode == ir::Opcode::kMatmul || spec.opcode == ir::Opcode::kExpertMatmul;
  const auto axes = is_matmul ? spec.operands[1].PlainAxes() : spec.result.PlainAxes();
  absl::StrAppend(&stem, absl::StrJoin(axes, "x", [](std::string* out, const ir::Axis& axis) {
    absl::StrAppend(out, ir::ToString(axis.extent));
  }));
  if (spec.attrs.IsSet(ir::AttrKey::kEpilogue)) {
    absl::StrAppend(&stem, "_", OneWord(spec.attrs, ir::AttrKey::kEpilogue));
  }
  return stem;
}

}  // namespace lluda::codegen
