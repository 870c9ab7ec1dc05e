// The rows of one register tile, query heads of a few tokens of one sequence, and what they see of
// the cache: an online softmax over sections of positions (Dao et al., FlashAttention, 2022). Each K
// panel and V row that is loaded serves all rows.
//
//   AttentionTile tile(operands, e, row, /*most_rows=*/12);
//   const AttentionTile::Rows rows = tile.Start(item, token, /*tokens=*/6, head, /*heads=*/2);
//   tile.AddSpan(rows, e.Const(0), e.Const(512), partial);
#ifndef LLUDA_CODEGEN_CPU_ATTENTION_ATTENTION_TILE_H_
#define LLUDA_CODEGEN_CPU_ATTENTION_ATTENTION_TILE_H_

#include <functional>
#include <optional>

#include "codegen/cpu/attention/amx_values.h"
#include "codegen/cpu/attention/softmax_partial.h"
#include "codegen/emit/attention_operands.h"
#include "codegen/emit/tensor_access.h"

namespace lluda::codegen {

class AttentionTile {
 public:
  // Positions whose weights are computed together. A span is a multiple of it.
  static constexpr int64_t kSection = machine::kCacheSection;
  // Positions of a page, where the cache lies in pages: those whose scores are computed together.
  static constexpr int64_t kPage = 64;

  // Whether the products can be a matmul tile's: of AMX, whose steps must be whole.
  static bool CanBeAmx(const AttentionOperands& operands);

  // Scratch memory from its start on is the tile's. With a tile of AMX the kernel ends with
  // EmitAmxRelease.
  AttentionTile(const AttentionOperands& operands, Emitter& e, const TileRow& tile,
                int64_t most_rows);
  int64_t scratch_bytes() const { return scratch_bytes_; }
  bool is_amx() const { return amx_.has_value(); }

  // Row r is head first_head + r % heads of token first_token + r / heads.
  struct Rows {
    int tokens, heads;
    Indices cached;    // of the states, but for the position
    Value* least_end;  // of the rows' ends, the first positions they do not see: the least
    Value* end;        // and the largest
    // Of the first positions that the rows see: the least and the largest. Null without a window.
    Value* first = nullptr;
    Value* most_first = nullptr;
    // Where the table has the pages of the rows' slot. Null without pages.
    Value* pages = nullptr;
    int count() const { return tokens * heads; }
  };
  // Copies the rows' queries to scratch memory, where they are until the next Start.
  Rows Start(const Indices& item, Value* first_token, int tokens, Value* first_head, int heads);

  // Adds the positions [begin, end) that the rows see, `begin` being a multiple of kSection. A row
  // that sees none of them is left with numbers without meaning. Sections before all rows' windows
  // are passed over.
  void AddSpan(const Rows& rows, Value* begin, Value* end, const SoftmaxPartial& partial);

 private:
  Value* ScratchAt(int64_t bytes);
  // Where the section's positions lie in the cache. They lie together in a ring, too. Of a cache in
  // pages the cells are counted through all pages of the slot.
  Value* CellOfSection(Value* section) { return CellOf(e_, o_.spec, section); }
  // The indices of the states that lead to a cell; those of a page follow it.
  Indices CachedAt(const Rows& rows, Value* cell);
  // Bytes from an operand's cells at `cached` to those of the page that comes next, if the rows see
  // any of it; `cell` is one of the former.
  Value* BytesToNextPage(const Rows& rows, int buffer, const TensorSpec& tensor,
                         const Indices& cached, Value* cell);
  Value* AddressOf(int buffer, const TensorSpec& tensor, const Indices& cached);
  // Elements from one row of q's copy to the next.
  int64_t RowElements() const { return o_.Vectors() * kLanes; }
  Value* Score(Value* row, Value* column);
  Value* Correction(Value* row);
  Value* Last(Value* row);
  Value* LoadLast(Value* row);
  // How many positions of the section lie before this one, from none to all of them.
  Value* InSection(Value* section, Value* position);
  Value* LoadF32(Value* at, int lanes) { return e_.Load(at, ir::DType::kF32, lanes); }
  void StoreF32(Value* at, Value* value) { e_.Store(at, ir::DType::kF32, value); }
  int PanelsAtOnce(int rows, int most) const;

  void FetchQuery(const Indices& indices);
  void CopyQuery(Value* row, const Indices& indices);
  void EmitScores(const Rows& rows, Value* section);
  void EmitAmxScores(const Rows& rows, Value* section);
  // Turns the scores of a row and 16 columns into what the softmax takes.
  Value* SoftCapped(Value* scores);
  Value* LoadScales(int buffer, const TensorSpec& scales, const Rows& rows, Value* cell);
  void Weigh(const Rows& rows, Value* row, Value* section, const SoftmaxPartial& partial);
  void WeighWhole(const Rows& rows, Value* row, Value* section, const SoftmaxPartial& partial);
  // The positions [hidden, seen) of a section, which may be none.
  struct Seen {
    Value* hidden;  // null without a window
    Value* seen;
  };
  void WeighPart(const Rows& rows, Value* row, Value* section, const Seen& seen,
                 const SoftmaxPartial& partial);
  struct Columns {
    Value* begin;
    Value* end;
  };
  // Calls `body` for each vector of a row's scores, with the first of its columns and what the one
  // before returned, `value` at first; a round of the loop has `step` columns.
  Value* EachVector(Value* row, const Columns& columns, int64_t step, Value* value,
                    const std::function<Value*(Value* column, Value* score, Value* so_far)>& body);
  // Weights from this column on, fewer than are stored together.
  struct PendingWeights {
    Value* column = nullptr;
    std::vector<Value*> weights = {};
  };
  void AddWeight(const Rows& rows, Value* row, Value* section, Value* column, Value* weight,
                 PendingWeights* pending);
  struct Raised {
    Value* maximum;  // in all lanes
    Value* sums;     // of the weights so far, as it asks for
  };
  Raised Raise(Value* row, Value* lanes, const SoftmaxPartial& partial);
  Value* WeightOf(Value* scores, const Raised& raised);
  // Vectors whose weights are stored together.
  int VectorsAtOnce() const { return amx_ ? 2 : 1; }
  void StoreWeights(const Rows& rows, Value* row, Value* section, Value* column,
                    const std::vector<Value*>& weights);
  void AddValues(const Rows& rows, Value* section, const SoftmaxPartial& partial);
  void AddAmxValues(const Rows& rows, Value* section, const SoftmaxPartial& partial);
  void AddSums(Value* row, const SoftmaxPartial& partial);
  // The columns of a section that any of the rows sees, whole steps of AMX.
  Columns AmxColumns(const Rows& rows, Value* section);
  // Rows [first, first + count), whose values so far are multiplied by their corrections first.
  struct Adding {
    Value* first;
    int count;
    bool corrected;
  };
  void AddPositions(const Rows& rows, Value* section, const Adding& adding, Value* begin,
                    Value* end, const SoftmaxPartial& partial);
  // Calls `add` for the positions [begin, end) of a section in their order: with each one's number in
  // it, and the offset of its values. `ahead` is where the values lie that are needed kPage positions
  // later, in bytes from these.
  using AddPosition = std::function<Emitter::Carried(Value* j, Value* at, Value* ahead,
                                                     const Emitter::Carried& before)>;
  Emitter::Carried EachPosition(const Rows& rows, Value* section, Value* begin, Value* end,
                                const Emitter::Carried& sums, const AddPosition& add);
  Value* LoadValues(Value* row, int64_t d);
  void FetchValues(const Rows& rows, Value* section);
  // Of a single token: a share of the values of 32 columns, at element `k` of its scores with them;
  // and a share of the next section's keys, at a step of this one's values.
  void FetchValuesAt(const Rows& rows, Value* section, Value* column, Value* k);
  void FetchKeysAt(const Rows& rows, Value* section, Value* step);
  int64_t BytesAhead() const;
  void PrefetchValues(Value* row, int64_t d, int64_t width, Value* ahead);

  const AttentionOperands& o_;
  Emitter& e_;
  const TileRow& tile_;
  // Where the parts of the scratch memory begin, in bytes.
  int64_t config_at_ = 0, query_at_ = 0, scores_at_ = 0, corrections_at_ = 0, last_at_ = 0;
  int64_t scratch_bytes_ = 0;
  std::optional<AmxValues> amx_;  // where the tile is one of AMX
};

}  // namespace lluda::codegen

#endif  // LLUDA_CODEGEN_CPU_ATTENTION_ATTENTION_TILE_H_
