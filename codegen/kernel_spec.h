// What a kernel is specialised to: the op, its attributes, and how each operand lies in memory. Two
// ops with equal specs share one kernel, whatever layer or function they stand in.
//
// Example: the 28 layers' `rmsnorm %x @attn_norm[layer] over hid` have one spec, and so does
// `@mlp`'s norm when its types are the same.
#ifndef LLUDA_CODEGEN_KERNEL_SPEC_H_
#define LLUDA_CODEGEN_KERNEL_SPEC_H_

#include <optional>
#include <string>
#include <vector>

#include "ir/graph.h"
#include "ir/view.h"

namespace lluda::codegen {

// A tensor as a kernel sees it: its buffer starts at the first element.
struct TensorSpec {
  ir::DType dtype = ir::DType::kF32;
  ir::Layout layout;
  std::vector<ir::StridedAxis> axes;  // strides are meaningful for row-major layouts only
  int interleaved_rows = 0;           // of a group, see cpu/emit/row_interleave.h; 0: none
  int interleaved_dwords = 1;         // of a row that lie together in its group

  const ir::StridedAxis* Find(absl::string_view axis) const;
  // The axes without their strides.
  std::vector<ir::Axis> PlainAxes() const;
};

struct KernelSpec {
  ir::Opcode opcode;
  ir::Attrs attrs;  // without a window and a ring
  std::vector<TensorSpec> operands;
  TensorSpec result;
  // The attributes of these names: numbers, or what a call says.
  std::optional<ir::Extent> window = {}, ring = {};
  // How many symbols the spec has, DimName(0) and so on, which are the kernel's own (bound_spec.h);
  // 0: they are the module's.
  size_t dims = 0;
  int64_t row_offset = 0;  // kPack: row of the result that the operand's first row becomes
  // The kernel that takes this one's place where there are many rows: Backend::ManyRows.
  bool many = false;
  // Of several statements that are one kernel: theirs, whose buffers follow one another. The first
  // may be an rmsnorm whose result is the others' operand 0. All else is as in the last of them.
  std::vector<KernelSpec> group = {};
};

// The name of a kernel's own dim: "d0".
std::string DimName(size_t dim);
// In the order of KernelArgs::dims; `symbols` are the module's.
std::vector<std::string> SymbolsOf(const KernelSpec& spec, const std::vector<std::string>& symbols);

// The spec of an op that is neither a view, a call, a loop nor a terminator.
KernelSpec SpecOf(const ir::Op& op);
// The spec with which operand `part` of a pack becomes the result's rows from `row_offset` on.
KernelSpec PackPartSpec(const ir::Op& pack, int part, int64_t row_offset);

// A pack is one call per operand and matrix of it: what has an axis more holds a matrix for each of
// its elements, whose panels follow one another. Parts that start at a panel's edge share kernels:
// their buffer starts `offset` bytes into the result, and their spec has no row offset.
struct PackPart {
  KernelSpec spec;
  int operand = 0;
  int64_t matrix = 0;
  int64_t from = 0;    // bytes into the operand, where its matrix begins
  int64_t offset = 0;  // bytes into the result
};
std::vector<PackPart> PackParts(const ir::Op& pack);

// The spec of a kernel for these statements.
KernelSpec GroupOf(std::vector<KernelSpec> group);

// Equal exactly for equal specs.
std::string KeyOf(const KernelSpec& spec);
// A readable stem for the symbol: `matmul_bf16_bf16_f32_1024x4096`.
std::string StemOf(const KernelSpec& spec);

}  // namespace lluda::codegen

#endif  // LLUDA_CODEGEN_KERNEL_SPEC_H_
