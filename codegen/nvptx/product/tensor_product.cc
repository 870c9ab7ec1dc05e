#include "codegen/nvptx/product/tensor_product.h"

#include <algorithm>
#include <utility>

#include "codegen/emit/integer.h"
#include "codegen/emit/tensor_access.h"
#include "codegen/nvptx/words/eights.h"
#include "ir/op/contraction.h"
#include "ir/type/encoding.h"
#include "machine/gpu_tiles.h"
#include "machine/tiles.h"

namespace lluda::codegen::gpu {
namespace {

using ir::DType;
using runtime::kBlockThreads;
using runtime::kBlockWarps;
using Words = std::vector<Value*>;

// More blocks do not normalise what they read each for itself: that they wait for shows then.
constexpr int64_t kMostNormalising = 1024;

// Of a short axis in blocks there are not segments enough for all warps.
int64_t FewColumnsOf(DType b, int64_t depth) {
  return ir::IsBlock(b) && depth < kBlockSegment * kBlockWarps ? kFewBlockColumns : kFewColumns;
}

}  // namespace

int64_t TensorProduct::SegmentOf(DType b) { return ir::IsBlock(b) ? kBlockSegment : kSegment; }

int64_t TensorProduct::SumBytes(DType b, int64_t depth, int64_t parts) {
  const int64_t segments = (depth + SegmentOf(b) - 1) / SegmentOf(b);
  return segments * parts * kFewRows * FewColumnsOf(b, depth) * 4;
}

int64_t TensorProduct::StagedBytes(int64_t depth) { return kFewRows * (2 * depth + kRowPadding); }

bool TensorProduct::Fits(const KernelSpec& spec) {
  if (spec.opcode != ir::Opcode::kMatmul) return false;
  const TensorSpec& a = spec.operands[0];
  const TensorSpec& b = spec.operands[1];
  if (a.dtype != DType::kBF16 || a.layout.is_panel()) return false;
  const auto contracted = ir::ContractedAxes(spec.attrs);
  if (a.axes.size() != 2 || b.axes.size() != 2 || contracted.size() != 1) return false;
  const std::optional<ir::PanelShape> shape =
      machine::PanelShapeOf(machine::DeviceKind::kGpu, b.dtype, DType::kF32);
  if (!shape || !(b.layout == ir::Layout::Panel(shape->rows, shape->depth, contracted[0]))) {
    return false;
  }
  if (!IsContiguous(a, contracted[0])) return false;
  const ir::Extent& depth = b.Find(contracted[0])->axis.extent;
  const ir::StridedAxis& rows = a.axes[0].axis.name == contracted[0] ? a.axes[1] : a.axes[0];
  const bool whole_eights = rows.stride.symbols.empty() && rows.stride.factor % kEight == 0;
  if (!whole_eights || rows.axis.extent.is_constant()) return false;
  const int64_t head =
      spec.attrs.epilogue.per_head() ? spec.attrs.result_axes.back().extent.value : 0;
  const int64_t parts = spec.attrs.epilogue.grain() == ir::Grain::kHalves ? 2 : 1;
  return machine::HasTensorProduct(a.dtype, b.dtype, depth.value, head) &&
         SumBytes(b.dtype, depth.value, parts) <= runtime::kMaxSharedBytes;
}

bool TensorProduct::StagesNorm(const KernelSpec& spec) {
  const DType b = spec.operands[1].dtype;
  const int64_t depth = spec.operands[1].Find(spec.attrs.axes[0])->axis.extent.value;
  const int64_t parts = spec.attrs.epilogue.grain() == ir::Grain::kHalves ? 2 : 1;
  if (depth % kBlockThreads != 0) return false;
  int64_t columns = 1;
  for (const ir::StridedAxis& strided : spec.operands[1].axes) {
    if (strided.axis.name != spec.attrs.axes[0]) columns *= strided.axis.extent.value;
  }
  return SumBytes(b, depth, parts) + StagedBytes(depth) <= runtime::kMaxSharedBytes &&
         columns / FewColumnsOf(b, depth) <= kMostNormalising;
}

TensorProduct::Launch TensorProduct::LaunchOf(const std::vector<KernelSpec>& specs,
                                              const GpuEmitter& e) {
  Launch launch;
  launch.tiles = e.MultipliesTiles();
  for (const KernelSpec& spec : specs) {
    const TensorSpec& matrix = spec.operands[1];
    int64_t columns = 1;
    for (const ir::StridedAxis& strided : matrix.axes) {
      const int64_t extent = strided.axis.extent.value;
      if (strided.axis.name != spec.attrs.axes[0]) columns *= extent;
      if (strided.axis.name == spec.attrs.axes[0] && extent % kGroupSlab != 0) launch.tiles = false;
    }
    if (ir::IsBlock(matrix.dtype)) launch.tiles = false;
    launch.columns += columns;
  }
  return launch;
}

TensorProduct::TensorProduct(const KernelSpec& spec, const Launch& launch, GpuEmitter& e)
    : Product(spec, e),
      launch_(launch),
      rows_(FreeAxes(a_)[0]),
      depth_(contracted_[0].extent.value),
      segments_((depth_ + SegmentOf(b_.dtype) - 1) / SegmentOf(b_.dtype)) {
  if (spec.attrs.epilogue.per_head()) heads_ = std::make_unique<Heads>(spec, e);
  count_ = FreeAxes(b_)[0].extent.value / Parts();
}

TensorProduct::Tile TensorProduct::TileOf() const {
  constexpr int64_t kManyColumns = 2048;
  if (IsGroups()) return GroupTile();
  // What blocks are decoded in takes the registers.
  return {kTileRows, !IsBlocks() && count_ * Parts() >= kManyColumns ? 128 : 64};
}

int64_t TensorProduct::TileColumns() const { return TileOf().columns; }

int64_t TensorProduct::BlockColumns() const {
  return is_many() ? TileColumns() / Parts() : FewColumns();
}

int64_t TensorProduct::StageRows() const { return kTileRows + (IsBlocks() ? 0 : TileColumns()); }

int64_t TensorProduct::StageBytes() const { return StageRows() * kSlabBytes; }

int64_t TensorProduct::FewColumns() const { return FewColumnsOf(b_.dtype, depth_); }

int64_t TensorProduct::MeetingUnit() const { return std::max(heads_->dims(), BlockColumns()); }

int64_t TensorProduct::item_rows() const { return is_many() ? TileOf().rows : kFewRows; }

int64_t TensorProduct::Groups() const { return (count_ + BlockColumns() - 1) / BlockColumns(); }

// All blocks of a layer's product at once, on GPUs of more than a hundred multiprocessors, where the
// weights that its threads hold leave room for it.
int TensorProduct::BlocksTogether() const {
  if (IsBlocks()) return 2;
  if (is_many()) return 0;
  const int64_t own = (segments_ + kBlockWarps - 1) / kBlockWarps;
  const int64_t words = kChunks * Parts() * own;
  if (words <= kChunks) return 4;
  return words <= 2 * kChunks ? 3 : 2;
}

SplitInfo TensorProduct::WorkspaceFor(int64_t columns) const {
  return {/*below=*/1, rows_.extent, /*more=*/0, kFewRows, 4 * kFewRows * columns};
}

KernelInfo TensorProduct::Emit() {
  KernelInfo info;
  info.work_axes = {{"group", ir::Extent::Constant(Groups())}, rows_};
  info.item_rows = item_rows();
  if (MeetsHeads()) info.split = WorkspaceFor(count_);
  if (BlocksTogether() > 0) e_.WantBlocks(BlocksTogether());
  EmitPart({nullptr, {}, 0, 0, count_});
  return info;
}

void TensorProduct::EmitPart(const Part& part) {
  part_ = part;
  const Indices item =
      e_.IndicesOf({{"group", ir::Extent::Constant(Groups())}, rows_}, e_.Block(), item_rows());
  group_ = item.at("group");
  first_ = item.at(rows_.name);
  left_ = e_.Least(Integer(e_, e_.ExtentValue(rows_.extent)) - first_, e_.Const(item_rows()));
  if (!is_many()) return EmitFew();
  e_.WaitForEarlier();
  if (IsGroups()) return EmitGroups();
  WhereAligned([&](bool aligned) { EmitMany(aligned); });
}

Value* TensorProduct::RowPointer(Value* row) {
  return e_.Address(e_.Buffer(0), e_.Offset(a_.axes, {{rows_.name, row}}), a_.dtype);
}

Value* TensorProduct::WeightPointer(int64_t part, Value* column) {
  return e_.Address(e_.Buffer(1), (Integer(e_, column) + part * count_) * depth_, b_.dtype);
}

// What a view begins with may lie anywhere.
Value* TensorProduct::IsAligned() {
  auto& b = e_.b();
  Value* address = b.CreatePtrToInt(e_.Buffer(0), b.getInt64Ty());
  return b.CreateICmpEQ(b.CreateAnd(address, e_.Const(15)), e_.Const(0));
}

void TensorProduct::WhereAligned(const std::function<void(bool)>& emit) {
  e_.If(IsAligned(), [&] { emit(true); }, [&] { emit(false); });
}

// Neighbouring bf16 elements, two a word.
Words TensorProduct::LoadWords(Value* pointer, bool aligned, int count) {
  auto& b = e_.b();
  Words words;
  if (aligned) {
    Value* all = b.CreateAlignedLoad(e_.Int(32, count), pointer,
                                     llvm::Align(static_cast<uint64_t>(4 * count)));
    for (uint64_t i = 0; i < static_cast<uint64_t>(count); ++i) {
      words.push_back(b.CreateExtractElement(all, i));
    }
    return words;
  }
  for (int64_t i = 0; i < count; ++i) {
    Value* word = e_.ConstInt(0, 32, 1);
    for (int64_t half = 0; half < 2; ++half) {
      Value* element = e_.Address(pointer, e_.Const(2 * i + half), DType::kBF16);
      Value* bits =
          b.CreateZExt(b.CreateAlignedLoad(e_.Int(16, 1), element, llvm::Align(2)), e_.Int(32, 1));
      word = b.CreateOr(word, half == 0 ? bits : b.CreateShl(bits, 16));
    }
    words.push_back(word);
  }
  return words;
}

// Where a lane's elements of a step begin; of a matrix in blocks they are made as neighbours.
Integer TensorProduct::LaneOffset() {
  const Integer t = Integer(e_, e_.Lane()) % 4;
  return IsBlocks() ? t * kLaneElements : t % 2 * kEight + t / 2 * kLaneElements;
}

Value* TensorProduct::MeetingAddress(Value* row, Value* column) {
  auto& b = e_.b();
  Value* sums =
      b.CreateConstInBoundsGEP1_64(b.getInt8Ty(), e_.Workspace(), runtime::kWorkspaceCounterBytes);
  return e_.Address(sums, Integer(e_, row) * part_.all_columns + part_.first_column + column,
                    DType::kF32);
}

Value* TensorProduct::Ended(Value* row, Value* column, const std::vector<Value*>& sums) {
  return Finished({{rows_.name, row}}, column, has_halves() ? count_ : 0, sums);
}

void TensorProduct::StoreEnded(Value* row, Value* column, Value* value) {
  Indices to = {{rows_.name, row}};
  if (MeetsHeads()) {
    e_.Store(MeetingAddress(row, column), DType::kF32, value);
  } else if (HasHeads()) {
    e_.Store(HeadSum(row, column), DType::kF32, value);
  } else if (heads_ != nullptr) {
    const Integer head = Integer(e_, column) / heads_->dims();
    heads_->StoreElement(heads_->RowOf(to, head), Integer(e_, column) % heads_->dims(), value);
  } else {
    to[spec_.result.axes.back().axis.name] = column;
    StoreAt(to, value);
  }
}

// Warps take the heads of the block's rows in turns.
void TensorProduct::EndHeads(Value* first_column, int64_t rows) {
  const int64_t unit = MeetingUnit();
  const int64_t heads = unit / heads_->dims();
  const Integer number = Integer(e_, first_column) / unit;
  Integer row_blocks = (Integer(e_, e_.ExtentValue(rows_.extent)) + (rows - 1)) / rows;
  const Integer counter = (number + part_.first_counter) * row_blocks + Integer(e_, first_) / rows;
  Value* place = e_.Address(e_.Workspace(), counter, DType::kI32);
  e_.IfLastBlock(place, e_.Const(unit / BlockColumns()), [&] {
    e_.Loop(e_.Warp(), Integer(e_, left_) * heads, kBlockWarps, [&](Value* i) {
      Value* row = Integer(e_, first_) + Integer(e_, i) / heads;
      const Integer head = number * heads + Integer(e_, i) % heads;
      e_.If(head < count_ / heads_->dims(), [&] {
        heads_->Finish({{heads_->RowOf({{rows_.name, row}}, head),
                         MeetingAddress(row, head * heads_->dims())}});
      });
    });
  });
}

}  // namespace lluda::codegen::gpu
