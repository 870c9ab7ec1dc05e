// Products of bf16 rows with a bf16 matrix in panels, on tensor cores.
//
// The order of sums is one for any number of rows: a segment is 128 elements of the contracted axis,
// a chain of products of 16 that begins with zero, and the segments' sums are added one after the
// other. With few rows a block computes 8 columns of 8 rows, its warps the segments; with many it
// computes a tile of 64 rows, whose warps go through all of them.
//
// Where the epilogue needs whole heads, the blocks that computed a head's columns leave their sums in
// the workspace, and the last of them ends it.
//
//   if (TensorProduct::Fits(spec)) return TensorProduct(spec, e).Emit();
#ifndef LLUDA_CODEGEN_NVPTX_PRODUCT_TENSOR_PRODUCT_H_
#define LLUDA_CODEGEN_NVPTX_PRODUCT_TENSOR_PRODUCT_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "codegen/backend.h"
#include "codegen/emit/integer.h"
#include "codegen/kernel_spec.h"
#include "codegen/nvptx/product/block_segment.h"
#include "codegen/nvptx/product/heads.h"
#include "codegen/nvptx/product/product.h"

namespace lluda::codegen::gpu {

// Elements that an instruction multiplies of a row, of which a lane holds four neighbours, and those of
// a row that a slab of a tile holds.
inline constexpr int64_t kStep = 16, kLaneElements = 4, kStepBytes = 2 * kStep;
inline constexpr int64_t kChunk = 32;
inline constexpr int64_t kSlabBytes = kChunk * 2;
inline constexpr int64_t kSegment = 128;  // elements of a chain of products
inline constexpr int64_t kChunks = kSegment / kChunk;
inline constexpr int64_t kFewRows = 8, kFewColumns = 8;
// A row of normalised elements in shared memory is so much longer that neighbouring rows lie in other
// banks.
inline constexpr int64_t kRowPadding = 64;
inline constexpr int64_t kTileRows = 64;
inline constexpr int64_t kGroupSlab = 64;  // elements of a slab that a warpgroup multiplies
// A tile's warps.
inline constexpr int64_t kWarpRows = 2, kWarpColumns = 4;
// Of a matrix in blocks, as long as the longest one: chains of steps. And columns for few rows.
inline constexpr int64_t kBlockSegment = 256, kFewBlockColumns = 16;
static_assert(kChunk == kBlockChunk);

class TensorProduct : public Product {
 public:
  static bool Fits(const KernelSpec& spec);
  // Whether there is room to normalise its rows in, and not too many blocks that would.
  static bool StagesNorm(const KernelSpec& spec);

  // What products that are one launch have in common: they divide their rows alike.
  struct Launch {
    int64_t columns = 0;  // of all their matrices
    bool tiles = false;   // many rows are multiplied by warpgroups
  };
  static Launch LaunchOf(const std::vector<KernelSpec>& specs, const GpuEmitter& e);

  TensorProduct(const KernelSpec& spec, const Launch& launch, GpuEmitter& e);

  // A kernel of its own.
  KernelInfo Emit();

  // As one of several products whose blocks are one kernel's: see EmitGroup.
  struct Part {
    const KernelSpec* norm = nullptr;  // what makes the rows, if they are not in memory yet
    std::vector<Value*> norm_buffers;
    int64_t first_counter = 0;  // in the workspace
    int64_t first_column = 0;   // among all products' sums there
    int64_t all_columns = 0;
  };
  void EmitPart(const Part& part);
  // Blocks for each `item_rows` rows, heads' columns that meet in the workspace, and counters there.
  int64_t Groups() const;
  // What the sums of so many columns take of the workspace.
  SplitInfo WorkspaceFor(int64_t columns) const;
  int64_t item_rows() const;
  const ir::Axis& rows() const { return rows_; }
  // Blocks that a multiprocessor should hold at a time; 0: as many as there is room for.
  int BlocksTogether() const;
  int64_t MeetingColumns() const { return MeetsHeads() ? count_ : 0; }
  int64_t Counters() const {
    return MeetsHeads() ? (count_ + MeetingUnit() - 1) / MeetingUnit() : 0;
  }

 private:
  static int64_t SegmentOf(ir::DType b);
  // With few rows, of shared memory: for the segments' sums, and for normalised rows.
  static int64_t SumBytes(ir::DType b, int64_t depth, int64_t parts);
  static int64_t StagedBytes(int64_t depth);

  bool is_many() const { return spec_.many; }
  int64_t Parts() const { return has_halves() ? 2 : 1; }
  bool IsGroups() const { return is_many() && launch_.tiles; }
  // Whether a block has whole heads, which it ends itself; if not, and where an element of a head depends
  // on the others, blocks leave their sums to the last of them.
  bool HasHeads() const {
    return IsGroups() && heads_ != nullptr && BlockColumns() % heads_->dims() == 0;
  }
  bool MeetsHeads() const { return heads_ != nullptr && heads_->IsWhole() && !HasHeads(); }
  // What a block computes with many rows.
  struct Tile {
    int64_t rows, columns;
    // Of its warpgroups those that have other rows, the rest have other columns; slabs of a stage, and
    // stages of the ring.
    int64_t row_groups = 0, slabs = 0, stages = 0;
  };
  Tile TileOf() const;
  int64_t TileColumns() const;
  int64_t FewColumns() const;
  int64_t StageRows() const;
  int64_t StageBytes() const;
  // Columns of the result that a block computes.
  int64_t BlockColumns() const;
  // Columns whose blocks meet: whole heads of whole blocks.
  int64_t MeetingUnit() const;

  Integer LaneOffset();
  Value* RowPointer(Value* row);
  Value* WeightPointer(int64_t part, Value* column);
  std::vector<Value*> LoadWords(Value* pointer, bool aligned, int count = 4);
  Value* IsAligned();
  void WhereAligned(const std::function<void(bool)>& emit);

  // Few rows: tensor_few.cc.
  void EmitFew();
  void StageNorm();
  Value* StagedRows();
  void LoadNormWeights();
  Value* ElementOfThread(int64_t k);
  void SumSegments(bool aligned);
  Value* LanesRow(Value* g);
  std::vector<Value*> InSteps(const std::vector<Value*>& eight);
  void StoreFew();

  // Many rows by warps: tensor_many.cc.
  void EmitMany(bool aligned);
  void CopySlab(Value* slab, Value* stage, bool aligned);
  Value* StagePlace(Value* stage_bytes, Value* row);
  std::vector<Value*> StageWords(Value* stage, Value* first);
  void AddSlab(Value* stage, std::vector<Value*>* sums);
  void CopyUnaligned(Value* to, Value* from);
  Value* TileWeights(Value* in_tile);
  void StoreTile(const std::vector<Value*>& totals, const Integer& row, const Integer& column,
                 int64_t tile_columns);

  // Many rows by warpgroups: tensor_groups.cc.
  Tile GroupTile() const;
  int64_t GroupSlabBytes() const;
  int64_t HeadRow() const;
  Value* HeadSum(Value* row, Value* column);
  void EndOwnHeads();
  void EmitGroups();

  // Of a matrix in blocks: tensor_blocks.cc.
  LaneColumns BlockColumnsFrom(Value* first, int64_t part);
  Value* BlockPointer(Value* column);
  Value* FirstBlock(Value* element);
  void SumBlockSegments(bool aligned);
  std::vector<LaneColumns> TileBlockColumns();
  std::vector<BlockTile::Rows> TileRows(Value* stage);

  // What the steps on columns make of a row's sum, or of that of a column and of its partner.
  Value* Ended(Value* row, Value* column, const std::vector<Value*>& sums);
  // Stores that, or leaves it for who ends the head.
  void StoreEnded(Value* row, Value* column, Value* value);
  void EndHeads(Value* first_column, int64_t rows);
  Value* MeetingAddress(Value* row, Value* column);

  const Launch launch_;
  std::unique_ptr<Heads> heads_;
  ir::Axis rows_;
  const int64_t depth_;
  int64_t count_ = 0;  // columns of the result
  const int64_t segments_;
  Part part_;
  Value* shared_ = nullptr;
  Value* first_ = nullptr;  // row of the block
  Value* left_ = nullptr;   // rows from there on, item_rows() at most
  Value* group_ = nullptr;
  std::vector<Value*> norm_weights_;
};

}  // namespace lluda::codegen::gpu

#endif  // LLUDA_CODEGEN_NVPTX_PRODUCT_TENSOR_PRODUCT_H_
