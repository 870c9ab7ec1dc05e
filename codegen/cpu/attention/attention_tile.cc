#include "codegen/cpu/attention/attention_tile.h"

#include <algorithm>
#include <functional>
#include <limits>

#include "base/align.h"
#include "codegen/cpu/emit/amx.h"
#include "codegen/cpu/matmul/panel_dot.h"
#include "codegen/emit/integer.h"
#include "codegen/emit/lanes.h"
#include "codegen/emit/math.h"
#include "codegen/emit/tensor_access.h"
#include "ir/type/encoding.h"

namespace lluda::codegen {
namespace {

// The most panels of K whose scores are computed together, and their positions. A cache holds whole
// multiples of them.
constexpr int kMostPanels = 4;
constexpr int kMostPositions = kMostPanels * kLanes;
static_assert(kMostPositions == AttentionTile::kPage);
constexpr int kSection = AttentionTile::kSection;
using base::kCacheLine;
static_assert(kSection % kMostPositions == 0);
static_assert(kSection % kAmxDepth == 0);

// Columns of a row that become weights in one round of a loop.
constexpr int64_t kColumnsAtOnce = 64;
static_assert(kSection % kColumnsAtOnce == 0);

// Panels of K that meet a tile of AMX at once: as many positions as a step of the weights takes.
constexpr int kAmxPanels = kAmxDepth / kLanes;

// Where the step of kAmxDepth columns begins that this one lies in.
Integer StepBegin(const Integer& column) { return column / kAmxDepth * kAmxDepth; }

// The same of the next step, unless the column is the first of one.
Integer StepEnd(const Integer& column) { return StepBegin(column + (kAmxDepth - 1)); }

}  // namespace

bool AttentionTile::CanBeAmx(const AttentionOperands& operands) {
  return operands.dims % kAmxDepth == 0 && operands.v.dtype == ir::DType::kBF16;
}

// The scratch memory holds a copy of q's rows. For each row it holds the scores of a section, which
// become weights; the factor that the section's maximum asks of the values so far; and the last
// position that the row sees.
AttentionTile::AttentionTile(const AttentionOperands& operands, Emitter& e, const TileRow& tile,
                             int64_t most_rows)
    : o_(operands), e_(e), tile_(tile) {
  const auto take = [&](int64_t wanted) {
    const int64_t at = scratch_bytes_;
    scratch_bytes_ += base::RoundUp(wanted, kCacheLine);
    return at;
  };
  if (tile.dot == Dot::kAmx) config_at_ = take(kAmxConfigBytes);
  query_at_ = take(ir::BytesOf(o_.q.dtype, most_rows * RowElements()));
  scores_at_ = take(most_rows * kSection * 4);
  corrections_at_ = take(most_rows * 4);
  last_at_ = take(most_rows * 8);
  if (tile.dot == Dot::kAmx) {
    amx_.emplace(o_, e_, scratch_bytes_, most_rows, kSection);
    take(amx_->scratch_bytes());
  }
}

Value* AttentionTile::ScratchAt(int64_t bytes) {
  return e_.b().CreateConstInBoundsGEP1_64(e_.b().getInt8Ty(), e_.Scratch(), bytes);
}

Value* AttentionTile::Score(Value* row, Value* column) {
  const Integer at = Integer(e_, row) * kSection + column;
  return e_.Address(ScratchAt(scores_at_), at, ir::DType::kF32);
}

Value* AttentionTile::Correction(Value* row) {
  return e_.Address(ScratchAt(corrections_at_), row, ir::DType::kF32);
}

Value* AttentionTile::Last(Value* row) {
  return e_.Address(ScratchAt(last_at_), row, ir::DType::kI64);
}

Value* AttentionTile::LoadLast(Value* row) {
  return e_.b().CreateAlignedLoad(e_.b().getInt64Ty(), Last(row), llvm::Align(8));
}

AttentionTile::Rows AttentionTile::Start(const Indices& item, Value* first_token, int tokens,
                                         Value* first_head, int heads) {
  auto& b = e_.b();
  Rows rows{tokens, heads, item, nullptr, nullptr};
  if (amx_) {
    std::vector<Value*> of_tiles;
    for (int left = rows.count(); left > 0; left -= kAmxRows) {
      of_tiles.push_back(e_.Const(std::min(left, kAmxRows)));
    }
    EmitAmxConfig(e_, ScratchAt(config_at_), of_tiles);
  }
  rows.cached[o_.slot] = o_.SlotOf(e_, first_token);
  if (o_.has_pages()) rows.pages = o_.PagesOf(e_, rows.cached[o_.slot]);
  // Carried are the smallest and the largest end of what tokens see, and with a window its begin.
  const Emitter::Carried nothing = {e_.Const(std::numeric_limits<int64_t>::max()), e_.Const(0)};
  Emitter::Carried seen = nothing;
  if (o_.has_window()) seen.insert(seen.end(), nothing.begin(), nothing.end());
  seen = e_.Loop(
      e_.Const(0), e_.Const(tokens), 1, seen, [&](Value* t, const Emitter::Carried& before) {
        const Integer token = Integer(e_, first_token) + t;
        const Integer last(e_, o_.LastOf(e_, token));
        Emitter::Carried after = {e_.Least(last + 1, before[0]), e_.Most(last + 1, before[1])};
        if (o_.has_window()) {
          Value* first = e_.Most(o_.FirstOf(e_, last), e_.Const(0));
          after.push_back(e_.Least(first, before[2]));
          after.push_back(e_.Most(first, before[3]));
        }
        e_.Loop(e_.Const(0), e_.Const(heads), 1, [&](Value* h) {
          Value* row = Integer(e_, t) * heads + h;
          Value* head = Integer(e_, first_head) + h;
          CopyQuery(row, o_.RowOf(item, token, head));
          // The next tile's.
          if (tokens > 1) FetchQuery(o_.RowOf(item, token + tokens, head));
          b.CreateAlignedStore(last, Last(row), llvm::Align(8));
        });
        return after;
      });
  rows.least_end = seen[0];
  rows.end = seen[1];
  if (o_.has_window()) {
    rows.first = seen[2];
    rows.most_first = seen[3];
  }
  return rows;
}

void AttentionTile::FetchQuery(const Indices& indices) {
  Value* first =
      e_.Address(e_.Buffer(AttentionOperands::kQ), e_.Offset(o_.q.axes, indices), o_.q.dtype);
  for (int64_t byte = 0; byte < ir::BytesOf(o_.q.dtype, o_.dims); byte += kCacheLine) {
    e_.PrefetchNear(e_.Address(first, e_.Const(byte), ir::DType::kI8));
  }
}

void AttentionTile::CopyQuery(Value* row, const Indices& indices) {
  auto& b = e_.b();
  const ir::DType dtype = o_.q.dtype;
  const llvm::Align align = Emitter::AlignOf(dtype);
  const Integer from(e_, e_.Offset(o_.q.axes, indices));
  const Integer to = Integer(e_, row) * RowElements();
  const auto copy = [&](Value* i, int lanes) {
    Value* source = e_.Address(e_.Buffer(AttentionOperands::kQ), from + i, dtype);
    Value* target = e_.Address(ScratchAt(query_at_), to + i, dtype);
    b.CreateAlignedStore(b.CreateAlignedLoad(e_.BitsOf(dtype, lanes), source, align), target,
                         align);
  };
  e_.InRounds(o_.dims / kLanes, [&](Value* d) { copy(Integer(e_, d) * kLanes, kLanes); });
  for (int64_t i = o_.dims / kLanes * kLanes; i < o_.dims; ++i) copy(e_.Const(i), 1);
}

void AttentionTile::AddSpan(const Rows& rows, Value* begin, Value* end,
                            const SoftmaxPartial& partial) {
  Value* seen = e_.Least(end, rows.end);
  if (rows.first != nullptr) {
    begin = e_.Most(begin, Integer(e_, rows.first) / kSection * kSection);
  }
  e_.Loop(begin, seen, kSection, [&](Value* section) {
    EmitScores(rows, section);
    // A single token waits for memory: its values come while their weights are computed.
    if (rows.tokens == 1 && !amx_) FetchValues(rows, section);
    e_.Loop(e_.Const(0), e_.Const(rows.count()), 1,
            [&](Value* row) { Weigh(rows, row, section, partial); });
    AddValues(rows, section, partial);
  });
}

// Scores of the rows with the section's positions. The last panels may reach past the rows' end, but
// not past the cache's.
void AttentionTile::EmitScores(const Rows& rows, Value* section) {
  if (amx_) return EmitAmxScores(rows, section);
  auto& b = e_.b();
  Value* cell = CellOfSection(section);
  std::vector<Value*> q_rows;
  for (int r = 0; r < rows.count(); ++r) {
    q_rows.push_back(e_.Address(ScratchAt(query_at_), e_.Const(r * RowElements()), o_.q.dtype));
  }
  Value* left = b.CreateSub(rows.end, section);
  Value* count = e_.Least(left, e_.Const(kSection));
  const int width = PanelsAtOnce(rows.count(), kMostPanels);
  const int64_t step = int64_t{width} * kLanes;
  Value* begin = e_.Const(0);
  if (rows.first != nullptr) begin = Integer(e_, InSection(section, rows.first)) / step * step;
  e_.Loop(begin, count, step, [&](Value* first) {
    const auto column = [&](int p) { return Integer(e_, first) + p * kLanes; };
    std::vector<Value*> panels;
    Indices cached;
    for (int p = 0; p < width; ++p) {
      cached = CachedAt(rows, Integer(e_, cell) + column(p));
      panels.push_back(AddressOf(AttentionOperands::kK, o_.k, cached));
    }
    PanelDot dot{tile_.dot, o_.q.dtype, o_.k.dtype, o_.dims};
    // A single token is a stream through the cache: the panels that come next lie right behind, or in
    // the next page.
    if (rows.tokens == 1 && o_.has_pages()) {
      dot.prefetch_distance =
          BytesToNextPage(rows, AttentionOperands::kK, o_.k, cached, Integer(e_, cell) + first);
    } else if (rows.tokens == 1) {
      dot.prefetch_bytes = kMostPanels * ir::BytesOf(o_.k.dtype, RowElements() * kLanes);
    }
    const auto scores = EmitPanelDot(e_, dot, q_rows, panels);
    for (int p = 0; p < width; ++p) {
      Value* scales = nullptr;
      if (o_.has_scales()) {
        scales = LoadScales(AttentionOperands::kKScales, *o_.k_scales, rows,
                            Integer(e_, cell) + column(p));
      }
      for (int r = 0; r < rows.count(); ++r) {
        Value* score = scales == nullptr ? scores[r][p] : b.CreateFMul(scores[r][p], scales);
        StoreF32(Score(e_.Const(r), column(p)), SoftCapped(score));
      }
    }
  });
}

void AttentionTile::EmitAmxScores(const Rows& rows, Value* section) {
  const int64_t row_bytes = ir::BytesOf(o_.q.dtype, RowElements());
  AmxDot dot{{}, {}, e_.Const(o_.dims)};
  for (int64_t first = 0; first < rows.count(); first += kAmxRows) {
    dot.a.push_back(
        AmxRowsSideBySide(e_, ScratchAt(query_at_ + first * row_bytes), e_.Const(row_bytes)));
  }
  dot.out_row = kSection;
  const Columns columns = AmxColumns(rows, section);
  Value* cell = CellOfSection(section);
  e_.Loop(columns.begin, columns.end, kAmxDepth, [&](Value* column) {
    dot.panels.clear();
    for (int p = 0; p < kAmxPanels; ++p) {
      const Indices cached = CachedAt(rows, Integer(e_, cell) + column + int64_t{p} * kLanes);
      dot.panels.push_back(AddressOf(AttentionOperands::kK, o_.k, cached));
    }
    // A single token waits for memory: its values come while its scores are computed.
    if (rows.tokens == 1) {
      dot.visit = [&](Value* k) { FetchValuesAt(rows, section, column, k); };
    }
    EmitAmxDot(e_, dot, Score(e_.Const(0), column));
    if (!o_.has_softcap()) return;
    e_.Loop(e_.Const(0), e_.Const(rows.count()), 1, [&](Value* row) {
      for (int p = 0; p < kAmxPanels; ++p) {
        Value* at = Score(row, Integer(e_, column) + int64_t{p} * kLanes);
        StoreF32(at, SoftCapped(LoadF32(at, kLanes)));
      }
    });
  });
}

Value* AttentionTile::SoftCapped(Value* scores) {
  if (!o_.has_softcap()) return scores;
  return Tanh(e_, e_.b().CreateFMul(scores, e_.ConstF32(o_.InnerScale(), kLanes)));
}

AttentionTile::Columns AttentionTile::AmxColumns(const Rows& rows, Value* section) {
  Value* begin = e_.Const(0);
  if (rows.first != nullptr) {
    begin = StepBegin(Integer(e_, InSection(section, rows.first)));
  }
  return {begin, StepEnd(Integer(e_, InSection(section, rows.end)))};
}

// The scales of a panel of positions, which begins at this cell.
Value* AttentionTile::LoadScales(int buffer, const TensorSpec& scales, const Rows& rows,
                                 Value* cell) {
  const Indices cached = CachedAt(rows, cell);
  return LoadF32(e_.Address(e_.Buffer(buffer), e_.Offset(scales.axes, cached), scales.dtype),
                 kLanes);
}

// How many vectors of `most` fit the registers beside so many rows; divides `most`.
int AttentionTile::PanelsAtOnce(int rows, int most) const {
  int width = std::clamp(tile_.rows * tile_.panels / rows, 1, most);
  while (most % width != 0) --width;
  return width;
}

// Turns a row's scores into weights exp(scale * (score - maximum)), and notes the factor that the
// new maximum asks of the values so far. Positions that the row does not see have the weight 0 up
// to the end of a vector; behind that, and more than a vector before its window, scores are left.
void AttentionTile::Weigh(const Rows& rows, Value* row, Value* section,
                          const SoftmaxPartial& partial) {
  auto& b = e_.b();
  Value* last = LoadLast(row);
  Seen seen = {nullptr, Integer(e_, last) + 1 - section};
  Value* is_whole = b.CreateICmpSGE(seen.seen, e_.Const(kSection));
  if (o_.has_window()) {
    seen.hidden = InSection(section, o_.FirstOf(e_, last));
    seen.seen = e_.Least(seen.seen, e_.Const(kSection));
    is_whole = b.CreateAnd(is_whole, b.CreateICmpEQ(seen.hidden, e_.Const(0)));
  }
  e_.If(
      is_whole, [&] { WeighWhole(rows, row, section, partial); },
      [&] { WeighPart(rows, row, section, seen, partial); });
}

void AttentionTile::WeighWhole(const Rows& rows, Value* row, Value* section,
                               const SoftmaxPartial& partial) {
  const Columns columns = {e_.Const(0), e_.Const(kSection)};
  Value* lowest = e_.ConstF32(-std::numeric_limits<float>::infinity(), kLanes);
  const auto larger = [&](Value*, Value* score, Value* most) { return e_.Max(most, score); };
  const Raised raised =
      Raise(row, EachVector(row, columns, kColumnsAtOnce, lowest, larger), partial);
  PendingWeights pending;
  const auto weigh = [&](Value* column, Value* score, Value* so_far) {
    Value* weight = WeightOf(score, raised);
    AddWeight(rows, row, section, column, weight, &pending);
    return e_.b().CreateFAdd(so_far, weight);
  };
  StoreF32(partial.Sums(row), EachVector(row, columns, kColumnsAtOnce, raised.sums, weigh));
}

void AttentionTile::WeighPart(const Rows& rows, Value* row, Value* section, const Seen& seen,
                              const SoftmaxPartial& partial) {
  auto& b = e_.b();
  Value* lanes = LaneNumbers(e_);
  const auto from_column = [&](Value* position, Value* column) {
    return e_.Splat(b.CreateTrunc(b.CreateSub(position, column), b.getInt32Ty()), kLanes);
  };
  const auto is_seen = [&](Value* column) {
    Value* before_end = b.CreateICmpSLT(lanes, from_column(seen.seen, column));
    if (seen.hidden == nullptr) return before_end;
    return b.CreateAnd(before_end, b.CreateICmpSGE(lanes, from_column(seen.hidden, column)));
  };
  Columns columns = {e_.Const(0), seen.seen};
  if (seen.hidden != nullptr) columns.begin = Integer(e_, seen.hidden) / kLanes * kLanes;
  // A tile's product takes the columns that other rows see, too: their weights are zero.
  if (amx_) columns = AmxColumns(rows, section);
  const int64_t step = VectorsAtOnce() * kLanes;
  Value* lowest = e_.ConstF32(-std::numeric_limits<float>::infinity(), kLanes);
  const auto larger = [&](Value* column, Value* score, Value* most) {
    return e_.Max(most, b.CreateSelect(is_seen(column), score, lowest));
  };
  const Raised raised = Raise(row, EachVector(row, columns, step, lowest, larger), partial);
  PendingWeights pending;
  const auto weigh = [&](Value* column, Value* score, Value* so_far) {
    Value* weight =
        b.CreateSelect(is_seen(column), WeightOf(score, raised), e_.ConstF32(0.0f, kLanes));
    AddWeight(rows, row, section, column, weight, &pending);
    return b.CreateFAdd(so_far, weight);
  };
  StoreF32(partial.Sums(row), EachVector(row, columns, step, raised.sums, weigh));
}

Value* AttentionTile::EachVector(
    Value* row, const Columns& columns, int64_t step, Value* value,
    const std::function<Value*(Value* column, Value* score, Value* so_far)>& body) {
  return e_.Loop(columns.begin, columns.end, step, {value},
                 [&](Value* first, const Emitter::Carried& before) -> Emitter::Carried {
                   Value* after = before[0];
                   for (int64_t i = 0; i < step; i += kLanes) {
                     Value* column = Integer(e_, first) + i;
                     after = body(column, LoadF32(Score(row, column), kLanes), after);
                   }
                   return {after};
                 })[0];
}

void AttentionTile::AddWeight(const Rows& rows, Value* row, Value* section, Value* column,
                              Value* weight, PendingWeights* pending) {
  if (pending->weights.empty()) pending->column = column;
  pending->weights.push_back(weight);
  if (static_cast<int>(pending->weights.size()) < VectorsAtOnce()) return;
  StoreWeights(rows, row, section, pending->column, pending->weights);
  pending->weights.clear();
}

// Makes the lanes' largest the row's maximum, if it is larger.
AttentionTile::Raised AttentionTile::Raise(Value* row, Value* lanes,
                                           const SoftmaxPartial& partial) {
  auto& b = e_.b();
  Value* old_maximum = LoadF32(partial.Maximum(row), 1);
  Value* maximum = e_.Max(e_.MaxLanes(lanes), old_maximum);
  Value* correction = ExpOfScaled(e_, b.CreateFSub(old_maximum, maximum), o_.Scale());
  if (o_.has_window()) {
    // Nothing is seen yet, perhaps not in this section either.
    Value* lowest = e_.ConstF32(-std::numeric_limits<float>::infinity(), 1);
    correction =
        b.CreateSelect(b.CreateFCmpOEQ(old_maximum, lowest), e_.ConstF32(0.0f, 1), correction);
  }
  StoreF32(partial.Maximum(row), maximum);
  StoreF32(Correction(row), correction);
  return {e_.Splat(maximum, kLanes),
          b.CreateFMul(LoadF32(partial.Sums(row), kLanes), e_.Splat(correction, kLanes))};
}

Value* AttentionTile::WeightOf(Value* scores, const Raised& raised) {
  return ExpOfScaled(e_, e_.b().CreateFSub(scores, raised.maximum), o_.Scale());
}

// Weights of integers take their scale along once they are summed.
void AttentionTile::StoreWeights(const Rows& rows, Value* row, Value* section, Value* column,
                                 const std::vector<Value*>& weights) {
  if (amx_) return amx_->StoreWeights(row, column, weights[0], weights[1]);
  Value* weight = weights[0];
  if (o_.has_scales()) {
    weight = e_.b().CreateFMul(weight, LoadScales(AttentionOperands::kVScales, *o_.v_scales, rows,
                                                  Integer(e_, CellOfSection(section)) + column));
  }
  StoreF32(Score(row, column), weight);
}

Value* AttentionTile::InSection(Value* section, Value* position) {
  return e_.Most(e_.Least(e_.b().CreateSub(position, section), e_.Const(kSection)), e_.Const(0));
}

// values = values * correction + weights * V. Positions that every row sees go through the whole
// tile; each token adds those that it alone sees, before and behind them, and looks at no other.
void AttentionTile::AddValues(const Rows& rows, Value* section, const SoftmaxPartial& partial) {
  if (amx_) return AddAmxValues(rows, section, partial);
  auto& b = e_.b();
  const auto each_token = [&](const std::function<void(Value * row, Value * last)>& add) {
    e_.Loop(e_.Const(0), e_.Const(rows.count()), rows.heads,
            [&](Value* row) { add(row, LoadLast(row)); });
  };
  Value* begin = e_.Const(0);
  Value* end = InSection(section, rows.least_end);
  // The values are corrected once: by what comes first.
  const bool alone_first = rows.first != nullptr && rows.tokens > 1;
  if (rows.first != nullptr) {
    begin = InSection(section, rows.most_first);
    end = e_.Most(begin, end);
  }
  if (alone_first) {
    each_token([&](Value* row, Value* last) {
      Value* own_end = e_.Least(begin, InSection(section, Integer(e_, last) + 1));
      AddPositions(rows, section, {row, rows.heads, /*corrected=*/true},
                   InSection(section, o_.FirstOf(e_, last)), own_end, partial);
    });
  }
  AddPositions(rows, section, {e_.Const(0), rows.count(), /*corrected=*/!alone_first}, begin, end,
               partial);
  if (rows.tokens == 1) return;
  e_.If(b.CreateICmpSLT(end, InSection(section, rows.end)), [&] {
    each_token([&](Value* row, Value* last) {
      AddPositions(rows, section, {row, rows.heads, /*corrected=*/false}, end,
                   InSection(section, Integer(e_, last) + 1), partial);
    });
  });
}

// values = values * correction + (weights * V). Of the columns that some rows see and others do not,
// an unseen value that is no finite number would spoil those others: then each token goes by itself,
// with zeros for what it does not see.
void AttentionTile::AddAmxValues(const Rows& rows, Value* section, const SoftmaxPartial& partial) {
  auto& b = e_.b();
  const Columns columns = AmxColumns(rows, section);
  const Integer cell(e_, CellOfSection(section));
  const auto cached = [&](Value* column) { return CachedAt(rows, cell + column); };
  // The columns between are seen by all rows.
  Columns whole = {columns.begin, StepBegin(Integer(e_, InSection(section, rows.least_end)))};
  Value* hidden = e_.Const(0);
  if (rows.first != nullptr) {
    hidden = InSection(section, rows.first);
    whole.begin = StepEnd(Integer(e_, InSection(section, rows.most_first)));
  }
  whole.end = e_.Most(whole.begin, whole.end);
  const auto pair_edges = [&](Value* from, Value* to) {
    Value* unseen = amx_->PairSeen(cached, whole.end, columns.end, from, to);
    if (rows.first == nullptr) return unseen;
    return b.CreateOr(unseen, amx_->PairSeen(cached, columns.begin, whole.begin, from, to));
  };
  amx_->Pair(cached, whole.begin, whole.end);
  Value* odd_ones = pair_edges(hidden, InSection(section, rows.end));
  const auto add = [&](Value* first, Value* end) {
    std::function<void(Value * step)> fetch;
    if (rows.tokens == 1) fetch = [&](Value* step) { FetchKeysAt(rows, section, step); };
    amx_->Multiply(rows.count(), columns.begin, columns.end, fetch);
    e_.Loop(first, end, 1, [&](Value* row) {
      e_.If(b.CreateICmpSGE(LoadLast(row), section), [&] { AddSums(row, partial); });
    });
  };
  if (rows.tokens == 1) return add(e_.Const(0), e_.Const(rows.count()));
  Value* rounds = b.CreateSelect(odd_ones, e_.Const(rows.tokens), e_.Const(1));
  e_.Loop(e_.Const(0), rounds, 1, [&](Value* token) {
    const Integer first = Integer(e_, token) * rows.heads;
    e_.If(odd_ones, [&] {
      Value* last = LoadLast(first);
      Value* from = o_.has_window() ? InSection(section, o_.FirstOf(e_, last)) : e_.Const(0);
      pair_edges(from, InSection(section, Integer(e_, last) + 1));
    });
    add(first, b.CreateSelect(odd_ones, first + rows.heads, e_.Const(rows.count())));
  });
}

// Adds what came of a row's weights and the section's values.
void AttentionTile::AddSums(Value* row, const SoftmaxPartial& partial) {
  Value* correction = e_.Splat(LoadF32(Correction(row), 1), kLanes);
  e_.InRounds(o_.Vectors(), [&](Value* d) {
    Value* values = LoadF32(partial.Values(row, d), kLanes);
    Value* sums = LoadF32(amx_->Sums(row, d), kLanes);
    StoreF32(partial.Values(row, d), e_.MulAdd(values, correction, sums));
  });
}

// The positions [begin, end) of the section.
void AttentionTile::AddPositions(const Rows& rows, Value* section, const Adding& adding,
                                 Value* begin, Value* end, const SoftmaxPartial& partial) {
  auto& b = e_.b();
  const int count = adding.count;
  const int width = PanelsAtOnce(count, static_cast<int>(o_.Vectors()));
  const auto row_at = [&](int r) { return Integer(e_, adding.first) + r; };
  for (int64_t d = 0; d < o_.Vectors(); d += width) {
    Emitter::Carried sums;  // row by row
    for (int i = 0; i < count * width; ++i) {
      const Integer row = row_at(i / width);
      Value* sum = LoadF32(partial.Values(row, e_.Const(d + i % width)), kLanes);
      if (adding.corrected) {
        sum = b.CreateFMul(sum, e_.Splat(LoadF32(Correction(row), 1), kLanes));
      }
      sums.push_back(sum);
    }
    const auto add_position = [&](Value* j, Value* at, Value* ahead,
                                  const Emitter::Carried& before) {
      std::vector<Value*> values;
      for (int i = 0; i < width; ++i) values.push_back(LoadValues(at, d + i));
      if (rows.tokens == 1) PrefetchValues(at, d, width, ahead);
      Emitter::Carried after = before;
      for (int r = 0; r < count; ++r) {
        Value* weight = e_.Splat(LoadF32(Score(row_at(r), j), 1), kLanes);
        for (int i = 0; i < width; ++i) {
          Value*& sum = after[r * width + i];
          sum = e_.MulAdd(weight, values[i], sum);
        }
      }
      return after;
    };
    sums = EachPosition(rows, section, begin, end, sums, add_position);
    for (int i = 0; i < count * width; ++i) {
      StoreF32(partial.Values(row_at(i / width), e_.Const(d + i % width)), sums[i]);
    }
  }
}

}  // namespace lluda::codegen
