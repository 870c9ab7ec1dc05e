#include "codegen/nvptx/product/tensor_product.h"

#include <algorithm>
#include <utility>

#include "codegen/emit/integer.h"
#include "codegen/emit/row_math.h"
#include "codegen/emit/tensor_access.h"
#include "codegen/nvptx/words/block_sum.h"
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

constexpr int64_t kSegment = 128;  // elements of a chain of products
constexpr int64_t kChunks = kSegment / kChunk;
// A lane has at most so many eights of weights under way at a time.
constexpr int64_t kEightsInFlight = 12;

// More blocks do not normalise what they read each for itself: that they wait for shows then.
constexpr int64_t kMostNormalising = 1024;

constexpr int64_t kStages = 3;  // slabs of 32 elements that are on their way or read

// A row of normalised elements in shared memory is so much longer that neighbouring rows lie in
// other banks.
constexpr int64_t kRowPadding = 64;

int64_t SegmentOf(DType b) { return ir::IsBlock(b) ? kBlockSegment : kSegment; }
// Of a short axis in blocks there are not segments enough for all warps.
int64_t FewColumnsOf(DType b, int64_t depth) {
  return ir::IsBlock(b) && depth < kBlockSegment * kBlockWarps ? kFewBlockColumns : kFewColumns;
}

// Of shared memory, for the segments' sums and for normalised rows.
int64_t SumBytes(DType b, int64_t depth, int64_t parts) {
  const int64_t segments = (depth + SegmentOf(b) - 1) / SegmentOf(b);
  return segments * parts * kFewRows * FewColumnsOf(b, depth) * 4;
}
int64_t StagedBytes(int64_t depth) { return kFewRows * (2 * depth + kRowPadding); }

}  // namespace

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

// The weights that a lane holds at first are asked for before the kernel waits for the one before
// it: they are nobody's result.
void TensorProduct::EmitFew() {
  shared_ = e_.Shared(SumBytes(b_.dtype, depth_, Parts()) +
                      (part_.norm == nullptr ? 0 : StagedBytes(depth_)));
  if (part_.norm != nullptr) {
    SumSegments(true);
  } else {
    WhereAligned([&](bool aligned) { SumSegments(aligned); });
  }
  e_.Barrier();
  StoreFew();
  if (MeetsHeads()) {
    e_.Barrier();  // all have read the segments' sums
    EndHeads(Integer(e_, group_) * FewColumns(), kFewRows);
  }
}

Value* TensorProduct::StagedRows() {
  return e_.b().CreateConstInBoundsGEP1_64(
      e_.b().getInt8Ty(), shared_, static_cast<uint64_t>(SumBytes(b_.dtype, depth_, Parts())));
}

// The rows, normalised as EmitRmsnorm does, as bf16 behind the segments' sums.
void TensorProduct::StageNorm() {
  const KernelSpec& norm = *part_.norm;
  const TensorSpec& x = norm.operands[0];
  auto& b = e_.b();
  const std::string& axis = norm.attrs.axes[0];
  Value* staged = StagedRows();
  const int64_t own = depth_ / kBlockThreads;  // elements of a thread
  // Each row's inverse, in the order of the warps' sums; elements stay where they are.
  e_.Loop(e_.Const(0), left_, 1, [&](Value* r) {
    Value* row = Integer(e_, first_) + r;
    std::vector<Value*> elements;
    for (int64_t k = 0; k < own; ++k) {
      Value* at = e_.Offset(x.axes, {{rows_.name, row}, {axis, ElementOfThread(k)}});
      elements.push_back(e_.Load(e_.Address(part_.norm_buffers[0], at, x.dtype), x.dtype, 1));
    }
    Value* squares = BlockSumOfSquares(e_, elements, shared_);
    e_.Barrier();  // the shared memory is free again
    Value* inverse = InverseRootMeanSquare(e_, squares, depth_, *norm.attrs.eps);
    for (int64_t k = 0; k < own; ++k) {
      const auto at = static_cast<size_t>(k);
      Value* y = b.CreateFMul(b.CreateFMul(elements[at], inverse), norm_weights_[at]);
      Value* to = Integer(e_, r) * (depth_ + kRowPadding / 2) + ElementOfThread(k);
      e_.Store(e_.Address(staged, to, DType::kBF16), DType::kBF16, y);
    }
  });
  e_.Barrier();
}

Value* TensorProduct::ElementOfThread(int64_t k) {
  return Integer(e_, e_.Thread()) + k * kBlockThreads;
}

// The factors of the thread's elements.
void TensorProduct::LoadNormWeights() {
  const TensorSpec& weight = part_.norm->operands[1];
  for (int64_t k = 0; k < depth_ / kBlockThreads; ++k) {
    Value* at = e_.Offset(weight.axes, {{part_.norm->attrs.axes[0], ElementOfThread(k)}});
    norm_weights_.push_back(
        e_.Load(e_.Address(part_.norm_buffers[1], at, weight.dtype), weight.dtype, 1));
  }
}

// Of a chunk of 32 elements, of which each of four lanes has an eight, the lane's words of its two steps
// of 16: the first two lanes and the last two have exchanged halves. Of a step, lane t has four
// elements from LaneOffset() on.
Words TensorProduct::InSteps(const Words& eight) {
  auto& b = e_.b();
  Value* lane = e_.Lane();
  Value* is_first = Integer(e_, lane) % 4 < 2;
  Value* other = b.CreateTrunc(b.CreateXor(lane, e_.Const(2)), e_.Int(32, 1));
  Words words(4);
  for (size_t i = 0; i < 2; ++i) {
    Value* given = b.CreateSelect(is_first, eight[2 + i], eight[i]);
    Value* taken = e_.ShuffleBits(given, other);
    words[i] = b.CreateSelect(is_first, eight[i], taken);
    words[2 + i] = b.CreateSelect(is_first, taken, eight[2 + i]);
  }
  return words;
}

// Where a lane's elements of a step begin; of a matrix in blocks they are made as neighbours.
Integer TensorProduct::LaneOffset() {
  const Integer t = Integer(e_, e_.Lane()) % 4;
  return IsBlocks() ? t * kLaneElements : t % 2 * kEight + t / 2 * kLaneElements;
}

// Warp w takes segments from w * (segments of a warp) on.
void TensorProduct::SumSegments(bool aligned) {
  if (IsBlocks()) return SumBlockSegments(aligned);
  auto& b = e_.b();
  const int64_t own = (segments_ + kBlockWarps - 1) / kBlockWarps;
  const bool all_whole = segments_ % kBlockWarps == 0 && depth_ % kSegment == 0;
  Value* lane = e_.Lane();
  const Integer g = Integer(e_, lane) / 4;
  const Integer t = Integer(e_, lane) % 4;
  const Integer begin = Integer(e_, e_.Warp()) * own;
  Value* column = e_.Least(Integer(e_, group_) * kFewColumns + g, e_.Const(count_ - 1));
  std::vector<Value*> weights;
  for (int64_t part = 0; part < Parts(); ++part) weights.push_back(WeightPointer(part, column));
  // Where a chunk begins; one behind the last is that.
  const auto element = [&](int64_t segment, int64_t chunk) {
    const Integer at = (begin + segment) * kSegment + chunk * kChunk;
    return all_whole ? at : Integer(e_, e_.Least(at, e_.Const(depth_ - kChunk)));
  };
  const auto load_weights = [&](int64_t from, int64_t to) {
    std::vector<Words> words;
    for (int64_t segment = from; segment < to; ++segment) {
      for (int64_t part = 0; part < Parts(); ++part) {
        for (int64_t chunk = 0; chunk < kChunks; ++chunk) {
          Value* eight = element(segment, chunk) + t * kEight;
          words.push_back(
              LoadWords(e_.Address(weights[static_cast<size_t>(part)], eight, b_.dtype), true, 4));
        }
      }
    }
    return words;
  };
  const int64_t together = std::max<int64_t>(1, kEightsInFlight / (kChunks * Parts()));
  std::vector<Words> words = load_weights(0, std::min(own, together));
  if (part_.norm != nullptr) LoadNormWeights();
  Value* rows = LanesRow(g);
  const auto load_rows = [&](int64_t segment, int64_t chunk) {
    Words in_steps;
    for (int64_t step = 0; step < kChunk; step += kStep) {
      Value* at = element(segment, chunk) + LaneOffset() + step;
      Value* from = e_.Address(rows, at, a_.dtype);
      for (Value* word : LoadWords(from, aligned, kLaneElements / 2)) in_steps.push_back(word);
    }
    return in_steps;
  };
  Value* none = e_.ConstInt(0, 32, 1);
  for (int64_t from = 0; from < own; from += together) {
    const int64_t to = std::min(own, from + together);
    if (from > 0) words = load_weights(from, to);
    size_t next = 0;
    for (int64_t segment = from; segment < to; ++segment) {
      std::vector<Words> a;
      for (int64_t chunk = 0; chunk < kChunks; ++chunk) {
        a.push_back(load_rows(segment, chunk));
      }
      for (int64_t part = 0; part < Parts(); ++part) {
        Words sums(4, e_.ConstF32(0.0f, 1));
        for (int64_t chunk = 0; chunk < kChunks; ++chunk) {
          Words x = a[static_cast<size_t>(chunk)];
          Words y = InSteps(words[next++]);
          if (!all_whole) {  // what is not there adds nothing
            Value* inside = (begin + segment) * kSegment + chunk * kChunk < depth_;
            for (Words* some : {&x, &y}) {
              for (Value*& word : *some) word = b.CreateSelect(inside, word, none);
            }
          }
          sums = e_.Multiply({x[0], none, x[1], none}, {y[0], y[1]}, sums);
          sums = e_.Multiply({x[2], none, x[3], none}, {y[2], y[3]}, sums);
        }
        const Integer place = ((begin + segment) * Parts() + part) * (kFewRows * kFewColumns) +
                              g * kFewColumns + t * 2;
        const auto store = [&] {
          for (int64_t i = 0; i < 2; ++i) {
            e_.Store(e_.Address(shared_, place + i, DType::kF32), DType::kF32,
                     sums[static_cast<size_t>(i)]);
          }
        };
        if (all_whole) store();
        if (!all_whole) e_.If(begin + segment < segments_, store);
      }
    }
  }
}

// Where the row g of the block begins, once it is there.
Value* TensorProduct::LanesRow(Value* g) {
  e_.WaitForEarlier();
  if (part_.norm != nullptr) {
    StageNorm();
    return e_.Address(StagedRows(), Integer(e_, g) * (depth_ + kRowPadding / 2), DType::kBF16);
  }
  // Rows behind the last are computed as it, and not stored.
  Value* last = Integer(e_, left_) - 1;
  return RowPointer(Integer(e_, e_.Least(g, last)) + first_);
}

// A thread for each row's column.
void TensorProduct::StoreFew() {
  auto& b = e_.b();
  const Integer row = Integer(e_, e_.Thread()) / FewColumns();
  const Integer own = Integer(e_, e_.Thread()) % FewColumns();
  Value* column = Integer(e_, group_) * FewColumns() + own;
  Value* inside = b.CreateAnd(b.CreateICmpSLT(row, left_), Integer(e_, column) < count_);
  e_.If(inside, [&] {
    std::vector<Value*> sums;
    for (int64_t part = 0; part < Parts(); ++part) {
      Value* sum = e_.ConstF32(0.0f, 1);
      for (int64_t segment = 0; segment < segments_; ++segment) {
        const Integer at =
            Integer(e_, e_.Thread()) + (segment * Parts() + part) * (kFewRows * FewColumns());
        sum = b.CreateFAdd(sum, e_.Load(e_.Address(shared_, at, DType::kF32), DType::kF32, 1));
      }
      sums.push_back(sum);
    }
    Value* to = Integer(e_, first_) + row;
    StoreEnded(to, column, Ended(to, column, sums));
  });
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

// A stage holds the slab's 32 elements of each row of a, then of each of the tile's columns; the two
// steps of 16 are apart, so that what a warp reads of eight rows lies side by side.
void TensorProduct::EmitMany(bool aligned) {
  const int64_t columns = TileColumns();
  const int64_t slabs = depth_ / kChunk;
  const int64_t of_segment = SegmentOf(b_.dtype) / kChunk;
  shared_ = e_.Shared(kStages * StageBytes());
  for (int64_t slab = 0; slab < kStages - 1; ++slab) {
    if (slab < slabs) CopySlab(e_.Const(slab), e_.Const(slab), aligned);
    e_.CloseCopies();
  }
  const size_t tile_rows = kTileRows / kWarpRows / 16;
  const auto tile_columns = static_cast<size_t>(columns / kWarpColumns / 8);
  const size_t count = tile_rows * tile_columns * 4;
  const auto step = [&](Value* slab, const std::function<void(Value * stage)>& add) {
    e_.WaitForCopies(kStages - 2);
    e_.Barrier();  // all see the slab, and have read the one whose place is taken next
    Value* next = Integer(e_, slab) + (kStages - 1);
    e_.If(Integer(e_, next) < slabs, [&] { CopySlab(next, Integer(e_, next) % kStages, aligned); });
    e_.CloseCopies();
    add(Integer(e_, slab) % kStages);
  };
  const std::vector<LaneColumns> block_columns =
      IsBlocks() ? TileBlockColumns() : std::vector<LaneColumns>();
  const auto segment = [&](Value* first_slab, int64_t own, Words totals) {
    Words sums(count, e_.ConstF32(0.0f, 1));
    std::unique_ptr<BlockSegment> blocks;
    if (IsBlocks()) {
      std::vector<Value*> numbers;
      const int64_t elements = ir::EncodingOf(b_.dtype).elements;
      for (int64_t i = 0; i < own * kChunk; i += elements) {
        numbers.push_back(FirstBlock(Integer(e_, first_slab) * kChunk + i));
      }
      blocks = std::make_unique<BlockSegment>(e_, b_.dtype, block_columns, numbers);
      blocks->Load(0);
    }
    for (int64_t i = 0; i < own; ++i) {
      step(Integer(e_, first_slab) + i, [&](Value* stage) {
        if (blocks == nullptr) return AddSlab(stage, &sums);
        if (i + 1 < own) blocks->Load(i + 1);
        blocks->Add(i, TileRows(stage), &sums);
      });
    }
    for (size_t i = 0; i < count; ++i) totals[i] = e_.b().CreateFAdd(totals[i], sums[i]);
    return totals;
  };
  Words totals(count, e_.ConstF32(0.0f, 1));
  const int64_t whole = slabs / of_segment * of_segment;
  totals = e_.Loop(e_.Const(0), e_.Const(whole), of_segment, totals,
                   [&](Value* slab, const Words& c) { return segment(slab, of_segment, c); });
  if (whole < slabs) totals = segment(e_.Const(whole), slabs - whole, totals);
  const Integer warp(e_, e_.Warp());
  StoreTile(totals, warp / kWarpColumns * (kTileRows / kWarpRows),
            warp % kWarpColumns * (BlockColumns() / kWarpColumns), columns / kWarpColumns / 8);
  if (MeetsHeads()) EndHeads(Integer(e_, group_) * BlockColumns(), kTileRows);
}

void TensorProduct::CopyUnaligned(Value* to, Value* from) {
  auto& b = e_.b();
  Value* words = llvm::PoisonValue::get(e_.Int(32, 4));
  const Words loaded = LoadWords(from, false);
  for (uint64_t i = 0; i < 4; ++i) words = b.CreateInsertElement(words, loaded[i], i);
  b.CreateAlignedStore(words, to, llvm::Align(16));
}

// Of the columns of a tile, where the weights of column `in_tile` begin: columns of both halves lie in
// turns of eight, so that a lane has a column and its partner. One behind the last is the last.
Value* TensorProduct::TileWeights(Value* in_tile) {
  const Integer at(e_, in_tile);
  Integer column = at;
  Integer part(e_, e_.Const(0));
  if (has_halves()) {
    part = at / 8 % 2;
    column = at / 16 * 8 + at % 8;
  }
  const Integer own(e_,
                    e_.Least(column + Integer(e_, group_) * BlockColumns(), e_.Const(count_ - 1)));
  return e_.Address(e_.Buffer(1), (part * count_ + own) * depth_, b_.dtype);
}

// A thread copies an eight of a row, and of one or two columns.
void TensorProduct::CopySlab(Value* slab, Value* stage, bool aligned) {
  const Integer bytes = Integer(e_, stage) * StageBytes();
  const Integer row = Integer(e_, e_.Thread()) / 4;
  const Integer element = Integer(e_, slab) * kChunk + Integer(e_, e_.Thread()) % 4 * kEight;
  Value* last = Integer(e_, left_) - 1;
  Value* from =
      e_.Address(RowPointer(Integer(e_, first_) + e_.Least(row, last)), element, a_.dtype);
  Value* to = StagePlace(bytes, row);
  if (aligned) {
    e_.BeginCopy(to, from);
  } else {
    CopyUnaligned(to, from);
  }
  if (IsBlocks()) return;
  const int64_t columns = TileColumns();
  constexpr int64_t kRowsTogether = kBlockThreads / 4;
  for (int64_t first = 0; first < columns; first += kRowsTogether) {
    const Integer in_tile = row + first;
    e_.BeginCopy(StagePlace(bytes, in_tile + kTileRows),
                 e_.Address(TileWeights(in_tile), element, b_.dtype));
  }
}

// Where a thread's eight of a row's 32 elements goes.
Value* TensorProduct::StagePlace(Value* stage_bytes, Value* row) {
  const Integer eight = Integer(e_, e_.Thread()) % 4;
  const Integer at = Integer(e_, stage_bytes) + eight / 2 * (StageRows() * kStepBytes) +
                     Integer(e_, row) * kStepBytes + eight % 2 * (2 * kEight);
  return e_.Address(shared_, at, DType::kI8);
}

// The lane's words of row g of eight that begin with `first`.
Words TensorProduct::StageWords(Value* stage, Value* first) {
  Words words;
  for (int64_t step = 0; step < kChunk / kStep; ++step) {
    const Integer row = Integer(e_, e_.Lane()) / 4 + first;
    const Integer at = Integer(e_, stage) * StageBytes() + row * kStepBytes + LaneOffset() * 2 +
                       step * StageRows() * kStepBytes;
    Value* own = e_.Address(shared_, at, DType::kI8);
    for (Value* word : LoadWords(own, true, kLaneElements / 2)) words.push_back(word);
  }
  return words;
}

void TensorProduct::AddSlab(Value* stage, Words* sums) {
  const int64_t columns = TileColumns();
  const Integer warp_row = Integer(e_, e_.Warp()) / kWarpColumns;
  const Integer warp_column = Integer(e_, e_.Warp()) % kWarpColumns;
  const int64_t tile_rows = kTileRows / kWarpRows / 16;
  const int64_t tile_columns = columns / kWarpColumns / 8;
  std::vector<Words> x, y;
  for (int64_t i = 0; i < 2 * tile_rows; ++i) {
    x.push_back(StageWords(stage, warp_row * (kTileRows / kWarpRows) + i * 8));
  }
  for (int64_t j = 0; j < tile_columns; ++j) {
    y.push_back(StageWords(stage, warp_column * (columns / kWarpColumns) + (kTileRows + j * 8)));
  }
  for (size_t half = 0; half < 2; ++half) {
    for (size_t i = 0; i < static_cast<size_t>(tile_rows); ++i) {
      const Words& upper = x[2 * i];
      const Words& lower = x[2 * i + 1];
      for (size_t j = 0; j < y.size(); ++j) {
        const size_t first = (i * y.size() + j) * 4;
        const Words before(sums->begin() + static_cast<int64_t>(first),
                           sums->begin() + static_cast<int64_t>(first) + 4);
        const Words next = e_.Multiply(
            {upper[2 * half], lower[2 * half], upper[2 * half + 1], lower[2 * half + 1]},
            {y[j][2 * half], y[j][2 * half + 1]}, before);
        std::copy(next.begin(), next.end(), sums->begin() + static_cast<int64_t>(first));
      }
    }
  }
}

// What the lane has of 16 rows and 8 columns, again and again: rows from `row` on, and columns of the
// block's from `column` on.
void TensorProduct::StoreTile(const Words& totals, const Integer& row, const Integer& column,
                              int64_t tile_columns) {
  auto& b = e_.b();
  const int64_t tile_rows = static_cast<int64_t>(totals.size()) / 4 / tile_columns;
  const Integer g = Integer(e_, e_.Lane()) / 4;
  const Integer t = Integer(e_, e_.Lane()) % 4;
  const bool whole = count_ % BlockColumns() == 0;
  for (int64_t i = 0; i < tile_rows; ++i) {
    for (int64_t lower = 0; lower < 2; ++lower) {
      const Integer own = row + g + (i * 16 + lower * 8);
      e_.If(own < left_, [&] {
        Value* at = Integer(e_, first_) + own;
        const Integer first_column = Integer(e_, group_) * BlockColumns() + column + t * 2;
        // What is read for an element is asked for before anything is stored: all of it is then on its
        // way at a time.
        Words columns, values;
        for (int64_t j = 0; j < tile_columns; j += Parts()) {
          for (int64_t c = 0; c < 2; ++c) {
            Words sums;
            for (int64_t part = 0; part < Parts(); ++part) {
              sums.push_back(
                  totals[static_cast<size_t>(((i * tile_columns + j + part) * 4) + lower * 2 + c)]);
            }
            columns.push_back(first_column + (j / Parts() * 8 + c));
            Value* inside = whole ? columns.back() : e_.Least(columns.back(), e_.Const(count_ - 1));
            values.push_back(Ended(at, inside, sums));
          }
        }
        for (size_t n = 0; n < values.size(); ++n) {
          const auto store = [&] { StoreEnded(at, columns[n], values[n]); };
          if (whole) store();
          if (!whole) e_.If(b.CreateICmpSLT(columns[n], e_.Const(count_)), store);
        }
      });
    }
  }
}

}  // namespace lluda::codegen::gpu
