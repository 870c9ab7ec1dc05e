// attention: softmax(q k^T * scale) v over the cached positions 0..pos of each token's slot.
//
// Online softmax (Milakov and Gimelshein 2018; Dao et al., FlashAttention, 2022) over blocks of
// cached positions counted from position 0, so the order of every sum depends on a token's position
// alone and not on how the prompt was split. One work item is a few neighbouring tokens and a KV
// head: the query heads of the group, for all these tokens, are the rows of one register tile, and
// each K panel and V row that is loaded serves them all. Tokens that are not neighbours in one
// sequence, and those left over, go through the same steps one by one.
#include <algorithm>
#include <limits>

#include "codegen/blocked.h"
#include "codegen/kernel.h"
#include "codegen/math.h"
#include "codegen/panel_dot.h"

namespace lluda::codegen {
namespace {

constexpr int kLanes = kPanelRows;
// Panels of K whose scores are computed together; a cache holds whole groups.
constexpr int kGroupPanels = 4;
constexpr int kGroup = kGroupPanels * kLanes;
constexpr int kBlock = 2 * kGroup;

class Attention {
 public:
  Attention(const KernelSpec& spec, Emitter& e, const TileRow& tile)
      : spec_(spec),
        e_(e),
        tile_(tile),
        q_(spec.operands[0]),
        k_(spec.operands[1]),
        v_(spec.operands[2]),
        positions_(spec.operands[3]),
        slots_(spec.operands[4]),
        k_scales_(spec.operands.size() > 5 ? &spec.operands[5] : nullptr),
        v_scales_(spec.operands.size() > 5 ? &spec.operands[6] : nullptr),
        result_buffer_(static_cast<int>(spec.operands.size())),
        slot_(spec.attrs.axes[0]),
        pos_(spec.attrs.axes[1]),
        dim_(spec.attrs.axes[2]),
        dims_(q_.Find(dim_)->axis.extent.value) {}

  absl::Status Check() const {
    if (!k_.layout.is_panel() || k_.layout.rows != kLanes || k_.layout.axis != dim_ ||
        k_.layout.depth != PanelDepth(k_.dtype) || PanelRowAxis(k_).name != pos_) {
      return NoKernel(spec_, "the K state must be in panels of 16 positions");
    }
    if (!IsContiguous(q_, dim_) || !IsContiguous(v_, dim_) || !IsContiguous(spec_.result, dim_)) {
      return NoKernel(spec_, "the head dimension is strided");
    }
    if (QueryAxes().size() > 1) return NoKernel(spec_, "more than one axis of query heads");
    if (positions_.axes.size() > 1) return NoKernel(spec_, "more than one axis of tokens");
    for (const TensorSpec* scales : {k_scales_, v_scales_}) {
      if (scales != nullptr && !IsContiguous(*scales, pos_)) {
        return NoKernel(spec_, "the scales of neighbouring positions are strided");
      }
    }
    if (spec_.attrs.mask != ir::Mask::kCausal) return NoKernel(spec_, "only the causal mask");
    return absl::OkStatus();
  }

  KernelInfo Emit() {
    const int64_t group = QueryAxes().empty() ? 1 : QueryAxes()[0].extent.value;
    int heads = static_cast<int>(std::min<int64_t>(group, tile_.rows));
    while (group % heads != 0) --heads;
    const bool has_tokens = !positions_.axes.empty();
    const int tokens = has_tokens ? std::max<int>(1, static_cast<int>(tile_.rows / group)) : 1;
    KernelInfo info;
    info.work_axes = HeadAxes();
    if (has_tokens) info.work_axes.push_back(positions_.axes[0].axis);
    info.block = tokens;
    info.item_cost = int64_t{4000} * tokens;
    info.scratch_bytes = PlanScratch(tokens * heads);
    const auto each_head = [&](const Indices& item, Value* token, int count) {
      e_.Loop(e_.Const(0), e_.Const(group), heads,
              [&](Value* head) { EmitRows(item, token, count, head, heads); });
    };
    e_.ForRows(
        info.work_axes,
        [&](const Indices& item) {
          Value* token = has_tokens ? item.at(Token()) : e_.Const(0);
          if (tokens == 1) {
            each_head(item, token, 1);
            return;
          }
          Value* all = e_.ExtentValue(positions_.axes[0].axis.extent);
          Value* end = e_.b().CreateAdd(token, e_.Const(tokens));
          const auto one_by_one = [&] {
            Value* fewer = e_.b().CreateSelect(e_.b().CreateICmpSLT(end, all), end, all);
            e_.Loop(token, fewer, 1, [&](Value* t) { each_head(item, t, 1); });
          };
          e_.If(
              e_.b().CreateICmpSLE(end, all),
              [&] {
                e_.If(
                    InOneSlot(token, tokens), [&] { each_head(item, token, tokens); }, one_by_one);
              },
              one_by_one);
        },
        tokens);
    return info;
  }

 private:
  const std::string& Token() const { return positions_.axes[0].axis.name; }

  // Axes of q that the cache has too, and those it lacks.
  std::vector<ir::Axis> HeadAxes() const {
    std::vector<ir::Axis> axes;
    for (const ir::StridedAxis& strided : k_.axes) {
      const std::string& name = strided.axis.name;
      if (name != slot_ && name != pos_ && name != dim_) axes.push_back(strided.axis);
    }
    return axes;
  }
  std::vector<ir::Axis> QueryAxes() const {
    std::vector<ir::Axis> axes;
    for (const ir::StridedAxis& strided : q_.axes) {
      const std::string& name = strided.axis.name;
      if (name != dim_ && k_.Find(name) == nullptr && positions_.Find(name) == nullptr) {
        axes.push_back(strided.axis);
      }
    }
    return axes;
  }

  // Vectors that a head's elements fill, and how many elements the d-th one holds.
  int64_t Vectors() const { return (dims_ + kLanes - 1) / kLanes; }
  int Elements(int64_t d) const {
    return static_cast<int>(std::min<int64_t>(kLanes, dims_ - d * kLanes));
  }
  // Elements from one row of q's copy or of the output to the next.
  int64_t RowElements() const { return Vectors() * kLanes; }

  // The scratch memory: a copy of q's rows, and per row the scores (then the weights) of a block,
  // the output so far, 16 partial sums of weights, the maximum, what the last block's maximum asks
  // the output to be scaled by, and the last position it sees.
  int64_t PlanScratch(int64_t rows) {
    int64_t bytes = 0;
    const auto take = [&](int64_t wanted) {
      const int64_t at = bytes;
      bytes += (wanted + 63) / 64 * 64;
      return at;
    };
    query_at_ = take(rows * RowElements() * ir::DTypeSize(q_.dtype));
    scores_at_ = take(rows * kBlock * 4);
    output_at_ = take(rows * RowElements() * 4);
    sums_at_ = take(rows * kLanes * 4);
    maxima_at_ = take(rows * 4);
    corrections_at_ = take(rows * 4);
    last_at_ = take(rows * 8);
    return bytes;
  }
  Value* ScratchAt(int64_t bytes) {
    return e_.b().CreateConstInBoundsGEP1_64(e_.b().getInt8Ty(), e_.Scratch(), bytes);
  }
  Value* Score(Value* row, Value* column) {
    Value* at = e_.b().CreateAdd(e_.b().CreateMul(row, e_.Const(kBlock)), column);
    return e_.Address(ScratchAt(scores_at_), at, ir::DType::kF32);
  }
  Value* Output(Value* row, int64_t d) {
    Value* at =
        e_.b().CreateAdd(e_.b().CreateMul(row, e_.Const(RowElements())), e_.Const(d * kLanes));
    return e_.Address(ScratchAt(output_at_), at, ir::DType::kF32);
  }
  Value* Sum(Value* row) {
    return e_.Address(ScratchAt(sums_at_), e_.b().CreateMul(row, e_.Const(kLanes)),
                      ir::DType::kF32);
  }
  Value* Maximum(Value* row) { return e_.Address(ScratchAt(maxima_at_), row, ir::DType::kF32); }
  Value* Correction(Value* row) {
    return e_.Address(ScratchAt(corrections_at_), row, ir::DType::kF32);
  }
  Value* Last(Value* row) { return e_.Address(ScratchAt(last_at_), row, ir::DType::kI64); }

  Value* LoadF32(Value* at, int lanes) { return e_.Load(at, ir::DType::kF32, lanes); }
  void StoreF32(Value* at, Value* value) { e_.Store(at, ir::DType::kF32, value); }

  Value* LoadOfToken(int buffer, const TensorSpec& tensor, Value* token) {
    Indices indices;
    if (!tensor.axes.empty()) indices[Token()] = token;
    Value* at = e_.Address(e_.Buffer(buffer), e_.Offset(tensor.axes, indices), tensor.dtype);
    return e_.LoadIndex(at, tensor.dtype);
  }

  Value* InOneSlot(Value* token, int tokens) {
    Value* first = LoadOfToken(4, slots_, token);
    Value* same = e_.b().getTrue();
    for (int t = 1; t < tokens; ++t) {
      Value* other = LoadOfToken(4, slots_, e_.b().CreateAdd(token, e_.Const(t)));
      same = e_.b().CreateAnd(same, e_.b().CreateICmpEQ(first, other));
    }
    return same;
  }

  // All that EmitRows' parts need. Row r of the tile is head first_head + r % heads of token
  // first_token + r / heads.
  struct Rows {
    int tokens, heads;
    std::vector<Indices> indices;  // of q and of the result
    Indices cached;                // of the states, but for the position
    Value* least_end;  // of the rows' ends, the first positions they do not see: the least
    Value* end;        // and the largest
    int count() const { return tokens * heads; }
  };

  void EmitRows(const Indices& item, Value* first_token, int tokens, Value* first_head, int heads) {
    auto& b = e_.b();
    Rows rows{tokens, heads, {}, item, nullptr, nullptr};
    rows.cached[slot_] = LoadOfToken(4, slots_, first_token);
    for (int t = 0; t < tokens; ++t) {
      Value* token = b.CreateAdd(first_token, e_.Const(t));
      Value* last = LoadOfToken(3, positions_, token);
      Value* end = b.CreateAdd(last, e_.Const(1));
      const auto select = [&](llvm::CmpInst::Predicate want, Value* other) {
        return other == nullptr ? end : b.CreateSelect(b.CreateICmp(want, end, other), end, other);
      };
      rows.least_end = select(llvm::CmpInst::ICMP_SLT, rows.least_end);
      rows.end = select(llvm::CmpInst::ICMP_SGT, rows.end);
      for (int h = 0; h < heads; ++h) {
        Indices indices = item;
        if (!positions_.axes.empty()) indices[Token()] = token;
        if (!QueryAxes().empty()) {
          indices[QueryAxes()[0].name] = b.CreateAdd(first_head, e_.Const(h));
        }
        StartRow(e_.Const(int64_t{t} * heads + h), indices, last);
        rows.indices.push_back(std::move(indices));
      }
    }
    e_.Loop(e_.Const(0), rows.end, kBlock, [&](Value* block) {
      EmitScores(rows, block);
      e_.Loop(e_.Const(0), e_.Const(rows.count()), 1, [&](Value* row) { Weigh(rows, row, block); });
      AddValues(rows, block);
    });
    for (int r = 0; r < rows.count(); ++r) FinishRow(e_.Const(r), rows.indices[r]);
  }

  void StartRow(Value* row, const Indices& indices, Value* last) {
    auto& b = e_.b();
    const int bits = static_cast<int>(8 * ir::DTypeSize(q_.dtype));
    const llvm::Align align(ir::DTypeSize(q_.dtype));
    Value* from = e_.Offset(q_.axes, indices);
    Value* to = b.CreateMul(row, e_.Const(RowElements()));
    const auto copy = [&](int64_t i, int lanes) {
      Value* source = e_.Address(e_.Buffer(0), b.CreateAdd(from, e_.Const(i)), q_.dtype);
      Value* target = e_.Address(ScratchAt(query_at_), b.CreateAdd(to, e_.Const(i)), q_.dtype);
      b.CreateAlignedStore(b.CreateAlignedLoad(e_.Int(bits, lanes), source, align), target, align);
    };
    for (int64_t d = 0; d < Vectors(); ++d) {
      if (Elements(d) == kLanes) {
        copy(d * kLanes, kLanes);
      } else {
        for (int i = 0; i < Elements(d); ++i) copy(d * kLanes + i, 1);
      }
      StoreF32(Output(row, d), e_.ConstF32(0.0f, kLanes));
    }
    StoreF32(Sum(row), e_.ConstF32(0.0f, kLanes));
    StoreF32(Maximum(row), e_.ConstF32(-std::numeric_limits<float>::infinity(), 1));
    b.CreateAlignedStore(last, Last(row), llvm::Align(8));
  }

  // Scores of the rows with the block's positions, in groups of which the last may reach past
  // `end`.
  void EmitScores(const Rows& rows, Value* block) {
    auto& b = e_.b();
    std::vector<Value*> q_rows;
    for (int r = 0; r < rows.count(); ++r) {
      q_rows.push_back(e_.Address(ScratchAt(query_at_), e_.Const(r * RowElements()), q_.dtype));
    }
    Value* left = b.CreateSub(rows.end, block);
    Value* count = b.CreateSelect(b.CreateICmpSLT(left, e_.Const(kBlock)), left, e_.Const(kBlock));
    const int width = PanelsAtOnce(rows.count(), kGroupPanels);
    e_.Loop(e_.Const(0), count, kGroup, [&](Value* group) {
      for (int first = 0; first < kGroupPanels; first += width) {
        std::vector<Value*> panels;
        Indices cached = rows.cached;
        for (int p = 0; p < width; ++p) {
          cached[pos_] = b.CreateAdd(block, b.CreateAdd(group, e_.Const((first + p) * kLanes)));
          panels.push_back(e_.Address(e_.Buffer(1), ElementOffset(e_, k_, cached), k_.dtype));
        }
        // A single token is a stream through the cache; its next group lies right behind.
        const int64_t panel_bytes = RowElements() * kLanes * ir::DTypeSize(k_.dtype);
        const int64_t ahead = rows.tokens == 1 ? kGroupPanels * panel_bytes : 0;
        const auto scores =
            EmitPanelDot(e_, {tile_.dot, q_.dtype, k_.dtype, dims_, ahead}, q_rows, panels);
        for (int p = 0; p < width; ++p) {
          Value* column = b.CreateAdd(group, e_.Const((first + p) * kLanes));
          Value* scales = nullptr;
          if (k_scales_ != nullptr) {
            scales = LoadScales(5, *k_scales_, rows, b.CreateAdd(block, column));
          }
          for (int r = 0; r < rows.count(); ++r) {
            Value* score = scales == nullptr ? scores[r][p] : b.CreateFMul(scores[r][p], scales);
            StoreF32(Score(e_.Const(r), column), score);
          }
        }
      }
    });
  }

  // The scales of a panel of positions.
  Value* LoadScales(int buffer, const TensorSpec& scales, const Rows& rows, Value* position) {
    Indices cached = rows.cached;
    cached[pos_] = position;
    return LoadF32(e_.Address(e_.Buffer(buffer), e_.Offset(scales.axes, cached), scales.dtype),
                   kLanes);
  }

  // How many vectors of `most` fit the registers beside so many rows; divides `most`.
  int PanelsAtOnce(int rows, int most) const {
    int width = std::clamp(tile_.rows * tile_.panels / rows, 1, most);
    while (most % width != 0) --width;
    return width;
  }

  // Turns a row's scores into weights exp(score - maximum), 0 for positions it does not see, and
  // notes what the new maximum asks of the output so far. Weights of integers take their scale
  // along once they are summed; of positions that are not seen it may be anything.
  void Weigh(const Rows& rows, Value* row, Value* block) {
    auto& b = e_.b();
    std::vector<uint32_t> lane_numbers;
    for (int i = 0; i < kLanes; ++i) lane_numbers.push_back(static_cast<uint32_t>(i));
    Value* lanes = llvm::ConstantDataVector::get(e_.context(), lane_numbers);
    const auto scale = static_cast<float>(*spec_.attrs.scale);
    Value* last = b.CreateAlignedLoad(b.getInt64Ty(), Last(row), llvm::Align(8));
    Value* seen = e_.Splat(b.CreateTrunc(b.CreateSub(last, block), b.getInt32Ty()), kLanes);
    std::vector<Value*> masked;
    Value* maximum = nullptr;
    for (int p = 0; p < kBlock / kLanes; ++p) {
      Value* key = b.CreateAdd(lanes, e_.ConstInt(int64_t{p} * kLanes, 32, kLanes));
      Value* score = LoadF32(Score(row, e_.Const(int64_t{p} * kLanes)), kLanes);
      score = b.CreateSelect(b.CreateICmpSLE(key, seen),
                             b.CreateFMul(score, e_.ConstF32(scale, kLanes)),
                             e_.ConstF32(-std::numeric_limits<float>::infinity(), kLanes));
      masked.push_back(score);
      maximum = maximum == nullptr ? score : e_.Max(maximum, score);
    }
    Value* old_maximum = LoadF32(Maximum(row), 1);
    Value* new_maximum = e_.Max(e_.MaxLanes(maximum), old_maximum);
    Value* correction = ExpOfNonPositive(e_, b.CreateFSub(old_maximum, new_maximum));
    Value* sum = b.CreateFMul(LoadF32(Sum(row), kLanes), e_.Splat(correction, kLanes));
    for (int p = 0; p < kBlock / kLanes; ++p) {
      Value* weight = ExpOfNonPositive(e_, b.CreateFSub(masked[p], e_.Splat(new_maximum, kLanes)));
      sum = b.CreateFAdd(sum, weight);
      if (v_scales_ != nullptr) {
        // The last group of the block may lie behind the cache's end; nothing there is seen.
        Value* position = b.CreateAdd(block, e_.Const(int64_t{p} * kLanes));
        Value* capacity = e_.ExtentValue(v_.Find(pos_)->axis.extent);
        position = b.CreateSelect(b.CreateICmpSLT(position, capacity), position, e_.Const(0));
        weight = b.CreateFMul(weight, LoadScales(6, *v_scales_, rows, position));
      }
      StoreF32(Score(row, e_.Const(int64_t{p} * kLanes)), weight);
    }
    StoreF32(Sum(row), sum);
    StoreF32(Maximum(row), new_maximum);
    StoreF32(Correction(row), correction);
  }

  // output = output * correction + weights * V. A block that every row sees goes through the whole
  // tile; otherwise each token adds the positions it sees and looks at no other.
  void AddValues(const Rows& rows, Value* block) {
    auto& b = e_.b();
    Value* block_end = b.CreateAdd(block, e_.Const(kBlock));
    e_.If(
        b.CreateICmpSLE(block_end, rows.least_end),
        [&] { AddPositions(rows, block, e_.Const(0), rows.count(), e_.Const(kBlock)); },
        [&] {
          e_.Loop(e_.Const(0), e_.Const(rows.count()), rows.heads, [&](Value* row) {
            Value* last = b.CreateAlignedLoad(b.getInt64Ty(), Last(row), llvm::Align(8));
            Value* left = b.CreateAdd(b.CreateSub(last, block), e_.Const(1));
            Value* count =
                b.CreateSelect(b.CreateICmpSLT(left, e_.Const(kBlock)), left, e_.Const(kBlock));
            AddPositions(rows, block, row, rows.heads, count);
          });
        });
  }

  // Rows [first, first + count) and the positions [block, block + positions).
  void AddPositions(const Rows& rows, Value* block, Value* first, int count, Value* positions) {
    auto& b = e_.b();
    const int width = PanelsAtOnce(count, static_cast<int>(Vectors()));
    const auto row_at = [&](int r) { return b.CreateAdd(first, e_.Const(r)); };
    for (int64_t d = 0; d < Vectors(); d += width) {
      Emitter::Carried outputs;  // row by row
      for (int i = 0; i < count * width; ++i) {
        Value* correction = e_.Splat(LoadF32(Correction(row_at(i / width)), 1), kLanes);
        outputs.push_back(
            b.CreateFMul(LoadF32(Output(row_at(i / width), d + i % width), kLanes), correction));
      }
      const auto add_position = [&](Value* j, const Emitter::Carried& before) {
        Indices cached = rows.cached;
        cached[pos_] = b.CreateAdd(block, j);
        Value* at = e_.Offset(v_.axes, cached);
        std::vector<Value*> values;
        for (int i = 0; i < width; ++i) values.push_back(LoadValues(at, d + i));
        if (rows.tokens == 1) PrefetchValues(at, d, width);
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
      outputs = e_.Loop(e_.Const(0), positions, 1, outputs, add_position);
      for (int i = 0; i < count * width; ++i) {
        StoreF32(Output(row_at(i / width), d + i % width), outputs[i]);
      }
    }
  }

  // The d-th vector of a V row; lanes past the head's end are zero.
  Value* LoadValues(Value* row, int64_t d) {
    Value* at = e_.b().CreateAdd(row, e_.Const(d * kLanes));
    if (Elements(d) == kLanes) {
      return e_.Load(e_.Address(e_.Buffer(2), at, v_.dtype), v_.dtype, kLanes);
    }
    Value* vector = e_.ConstF32(0.0f, kLanes);
    for (int i = 0; i < Elements(d); ++i) {
      Value* element = e_.Address(e_.Buffer(2), e_.b().CreateAdd(at, e_.Const(i)), v_.dtype);
      vector = e_.b().CreateInsertElement(vector, e_.Load(element, v_.dtype, 1),
                                          static_cast<uint64_t>(i));
    }
    return vector;
  }

  // What the same vectors of V are one group further.
  void PrefetchValues(Value* row, int64_t d, int64_t width) {
    constexpr int64_t kCacheLine = 64;
    const int64_t size = ir::DTypeSize(v_.dtype);
    const int64_t ahead = kGroup * dims_ * size;
    Value* first = e_.Address(e_.Buffer(2), e_.b().CreateAdd(row, e_.Const(d * kLanes)), v_.dtype);
    for (int64_t byte = 0; byte < width * kLanes * size; byte += kCacheLine) {
      e_.Prefetch(first, ahead + byte);
    }
  }

  void FinishRow(Value* row, const Indices& indices) {
    const ir::DType dtype = spec_.result.dtype;
    Value* total = e_.Splat(e_.SumLanes(LoadF32(Sum(row), kLanes)), kLanes);
    Value* first = e_.Offset(spec_.result.axes, indices);
    Value* token = nullptr;
    Value* in_block = nullptr;
    if (spec_.result.block_rows > 0) {
      token = indices.at(Token());
      Value* tokens = e_.ExtentValue(positions_.axes[0].axis.extent);
      in_block = e_.b().CreateICmpSLT(token, RowsInBlocks(e_, spec_.result, tokens));
      first = e_.b().CreateSub(first,
                               e_.b().CreateMul(token, e_.Const(BlockedRowElements(spec_.result))));
    }
    for (int64_t d = 0; d < Vectors(); ++d) {
      Value* vector = e_.b().CreateFDiv(LoadF32(Output(row, d), kLanes), total);
      if (in_block != nullptr) {
        Value* k = e_.b().CreateAdd(first, e_.Const(d * kLanes));
        StoreBlocked(e_, spec_.result, e_.Buffer(result_buffer_), token, in_block, k, vector);
        continue;
      }
      Value* at = e_.b().CreateAdd(first, e_.Const(d * kLanes));
      if (Elements(d) == kLanes) {
        e_.Store(e_.Address(e_.Buffer(result_buffer_), at, dtype), dtype, vector);
        continue;
      }
      for (int i = 0; i < Elements(d); ++i) {
        Value* element =
            e_.Address(e_.Buffer(result_buffer_), e_.b().CreateAdd(at, e_.Const(i)), dtype);
        e_.Store(element, dtype, e_.b().CreateExtractElement(vector, static_cast<uint64_t>(i)));
      }
    }
  }

  const KernelSpec& spec_;
  Emitter& e_;
  const TileRow& tile_;
  const TensorSpec& q_;
  const TensorSpec& k_;
  const TensorSpec& v_;
  const TensorSpec& positions_;
  const TensorSpec& slots_;
  const TensorSpec* k_scales_;  // of i8 states, else null
  const TensorSpec* v_scales_;
  const int result_buffer_;
  const std::string slot_;
  const std::string pos_;
  const std::string dim_;
  const int64_t dims_;
  // Where the parts of the scratch memory begin, in bytes.
  int64_t query_at_ = 0, scores_at_ = 0, output_at_ = 0, sums_at_ = 0, maxima_at_ = 0,
          corrections_at_ = 0, last_at_ = 0;
};

}  // namespace

absl::StatusOr<KernelInfo> EmitAttention(const KernelSpec& spec, Emitter& e) {
  // Integers are widened to what the query is.
  const ir::DType q = spec.operands[0].dtype, k = spec.operands[1].dtype;
  const TileRow* tile = e.target().FindTile(q, k == ir::DType::kI8 ? q : k);
  if (tile == nullptr) return NoKernel(spec, "no tile for these types");
  Attention attention(spec, e, *tile);
  if (absl::Status s = attention.Check(); !s.ok()) return s;
  return attention.Emit();
}

}  // namespace lluda::codegen
