// Several products as one kernel: its blocks are those of the first, then those of the second, and so
// on. With an rmsnorm before them each block normalises its rows itself, so that nobody waits for a
// kernel that reads next to nothing.
#include <algorithm>

#include "codegen/emit/integer.h"
#include "codegen/emit/op_emitter.h"
#include "codegen/emit/tensor_access.h"
#include "codegen/nvptx/emit_gpu.h"
#include "codegen/nvptx/product/tensor_product.h"
#include "codegen/nvptx/words/block_sum.h"

namespace lluda::codegen::gpu {
namespace {

int BuffersOf(const KernelSpec& spec) { return static_cast<int>(spec.operands.size()) + 1; }

const KernelSpec* NormOf(const KernelSpec& group) {
  const KernelSpec& first = group.group.front();
  return first.opcode == ir::Opcode::kRmsnorm ? &first : nullptr;
}

const ir::StridedAxis& RowsOf(const KernelSpec& product) {
  const TensorSpec& a = product.operands[0];
  return a.axes[0].axis.name == product.attrs.axes[0] ? a.axes[1] : a.axes[0];
}

bool NormFits(const KernelSpec& norm, const KernelSpec& product) {
  const TensorSpec& x = norm.operands[0];
  if (norm.opcode != ir::Opcode::kRmsnorm || norm.result.dtype != ir::DType::kBF16) return false;
  if (x.axes.size() != 2 || x.layout.is_panel()) return false;
  const ir::Extent& depth = x.Find(norm.attrs.axes[0])->axis.extent;
  return depth.is_constant() && depth.value >= kLongRow &&
         x.Find(RowsOf(product).axis.name) != nullptr &&
         product.operands[0].Find(norm.attrs.axes[0]) != nullptr &&
         product.attrs.axes[0] == norm.attrs.axes[0] && TensorProduct::StagesNorm(product);
}

}  // namespace

bool MayGroup(const KernelSpec* norm, const std::vector<KernelSpec>& products) {
  return std::all_of(products.begin(), products.end(), [&](const KernelSpec& product) {
    return TensorProduct::Fits(product) && (norm == nullptr || NormFits(*norm, product)) &&
           RowsOf(product).axis == RowsOf(products.front()).axis;
  });
}

std::string RowSymbolOf(const KernelSpec& product) { return RowsOf(product).axis.extent.symbol; }

int GroupBuffers(const KernelSpec& group) {
  int buffers = 0;
  for (const KernelSpec& member : group.group) buffers += BuffersOf(member);
  return buffers;
}

absl::StatusOr<KernelInfo> EmitGroup(const KernelSpec& group, GpuEmitter& e) {
  const KernelSpec* norm = NormOf(group);
  TensorProduct::Part part;
  int buffer = 0;
  if (norm != nullptr) {
    if (!group.many) {
      part.norm = norm;
      part.norm_buffers = e.Buffers(0, BuffersOf(*norm));
    }
    buffer = BuffersOf(*norm);
  }
  std::vector<KernelSpec> specs;
  for (const KernelSpec& member : group.group) {
    if (&member == norm) continue;
    specs.push_back(member);
    specs.back().many = group.many;
  }
  std::vector<std::unique_ptr<TensorProduct>> products;
  const TensorProduct::Launch launch = TensorProduct::LaunchOf(specs, e);
  for (const KernelSpec& spec : specs) {
    products.push_back(std::make_unique<TensorProduct>(spec, launch, e));
    part.all_columns += products.back()->MeetingColumns();
  }
  const TensorProduct& one = *products.front();
  Value* row_blocks =
      (Integer(e, e.ExtentValue(one.rows().extent)) + (one.item_rows() - 1)) / one.item_rows();
  const Integer block(e, e.Block());
  std::vector<std::vector<Value*>> buffers;
  for (const KernelSpec& spec : specs) {
    buffers.push_back(e.Buffers(buffer, BuffersOf(spec)));
    buffer += BuffersOf(spec);
  }
  int blocks = one.BlocksTogether();
  for (const auto& product : products) blocks = std::min(blocks, product->BlocksTogether());
  if (blocks > 0) e.WantBlocks(blocks);
  int64_t groups = 0;
  for (size_t i = 0; i < products.size(); ++i) {
    TensorProduct& product = *products[i];
    const Integer begin = Integer(e, row_blocks) * groups;
    groups += product.Groups();
    const Integer end = Integer(e, row_blocks) * groups;
    e.If(e.b().CreateAnd(e.b().CreateICmpSGE(block, begin), block < end), [&] {
      e.UsePart(buffers[i], block - begin);
      product.EmitPart(part);
    });
    part.first_counter += product.Counters();
    part.first_column += product.MeetingColumns();
  }
  KernelInfo info;
  info.work_axes = {{"group", ir::Extent::Constant(groups)}, one.rows()};
  info.item_rows = one.item_rows();
  if (part.all_columns > 0) info.split = one.WorkspaceFor(part.all_columns);
  return info;
}

}  // namespace lluda::codegen::gpu
