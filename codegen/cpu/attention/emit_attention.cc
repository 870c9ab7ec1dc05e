// attention: softmax(q k^T * scale) v over the cached positions 0..pos of each token's slot, or the
// last of them that are in its window.
//
// Positions are divided in spans counted from position 0. Each span has an online softmax of its
// own, and spans are merged in their order, so that the order of every sum depends on a token's
// position alone and not on how the prompt was split or who computed a span. Spans wholly before a
// token's window are no part of its merge.
//
// One work item is a few neighbouring tokens and a KV head: the query heads of the group, for all
// these tokens, are the rows of one register tile. Tokens that are not neighbours in one sequence,
// and those left over, go through the same steps one by one. Items go through their spans one after
// another, or are cut into parts (runtime::Split) of some neighbouring spans each: these write
// their spans to the workspace, where the part that ends last merges them.
#include "codegen/cpu/attention/emit_attention.h"

#include <algorithm>
#include <functional>

#include "base/align.h"
#include "base/status_macros.h"
#include "codegen/cpu/attention/attention_tile.h"
#include "codegen/cpu/attention/softmax_partial.h"
#include "codegen/cpu/emit/amx.h"
#include "codegen/cpu/emit/row_interleave.h"
#include "codegen/emit/attention_operands.h"
#include "codegen/emit/integer.h"

namespace lluda::codegen {
namespace {

// Positions of a span, the least that a thread takes of a token: for heads of 128 bf16 elements it
// is 256 KB of K and V, tens of microseconds.
constexpr int64_t kSpan = 2 * AttentionTile::kSection;
// Calls of fewer items may be cut: a token alone, or a few. Bounds the workspace.
constexpr int64_t kFewItems = 32;
using base::kCacheLine;

class Attention {
 public:
  Attention(const AttentionOperands& operands, Emitter& e, const TileRow& tile)
      : o_(operands),
        e_(e),
        group_(operands.Group()),
        heads_(HeadsOf(group_, tile)),
        tokens_(o_.has_tokens() ? static_cast<int>(std::max<int64_t>(1, tile.rows / group_)) : 1),
        tile_(operands, e, tile, int64_t{tokens_} * heads_),
        row_bytes_(SoftmaxPartial::RowBytes(operands.Vectors())) {}

  KernelInfo Emit() {
    KernelInfo info;
    info.work_axes = o_.HeadAxes();
    if (o_.has_tokens()) info.work_axes.push_back(o_.Token());
    info.item_rows = tokens_;
    info.item_cost = int64_t{4000} * tokens_;
    // The tile's, then a partial for the spans so far and one for the span being computed.
    info.scratch_bytes = tile_.scratch_bytes() + 2 * tokens_ * heads_ * row_bytes_;
    const AttentionOperands::Units units = o_.UnitsOf(kSpan);
    info.split = {kFewItems, units.extent, units.more, kSpan / units.positions,
                  kCountBytes + (kFewItems - 1) * SpanBytes()};
    e_.ForItems([&](Value* part) {
      Value* item = e_.b().CreateUDiv(part, e_.Parts());
      EmitPart(e_.IndicesOf(info.work_axes, item, tokens_), item,
               e_.b().CreateURem(part, e_.Parts()));
    });
    if (tile_.is_amx()) EmitAmxRelease(e_);
    return info;
  }

 private:
  // Heads of a tile: all of the group's, or as many as fit and divide it.
  static int HeadsOf(int64_t group, const TileRow& tile) {
    int heads = static_cast<int>(std::min<int64_t>(group, tile.rows));
    while (group % heads != 0) --heads;
    return heads;
  }

  // A part of an item: the spans [first_span, end_span) of `tokens` tokens from first_token on.
  struct Part {
    Indices item;
    Value* first_token;
    Value* end_token;
    Value* from;   // the first span that any of them sees
    Value* spans;  // up to the last one, from 0 on
    Value* first_span;
    Value* end_span;
    Value* shared;     // i1: other parts have other spans of these tokens
    Value* done;       // if so, how many of its parts are done
    Value* workspace;  // and the partials of its rows, span by span
  };

  // The workspace begins with the items' counts, which are zero again when a call has ended: kernels
  // with other spans or rows find theirs there, too. As much is taken for each span as for all counts,
  // so that the workspace is a multiple of the number of spans.
  int64_t SpanBytes() const { return tokens_ * group_ * row_bytes_; }
  static constexpr int64_t kCountBytes = kFewItems * kCacheLine;

  Value* SpansOf(Value* last) { return Integer(e_, last) / kSpan + 1; }
  Value* FirstSpanOf(Value* last) {
    return Integer(e_, e_.Most(o_.FirstOf(e_, last), e_.Const(0))) / kSpan;
  }

  void EmitPart(const Indices& item, Value* item_number, Value* part) {
    auto& b = e_.b();
    Part p;
    p.item = item;
    p.first_token = o_.has_tokens() ? item.at(o_.Token().name) : e_.Const(0);
    p.end_token = e_.Least(Integer(e_, p.first_token) + tokens_, o_.Tokens(e_));
    p.spans = e_.Loop(p.first_token, p.end_token, 1, {e_.Const(1)},
                      [&](Value* token, const Emitter::Carried& most) -> Emitter::Carried {
                        Value* spans = SpansOf(o_.LastOf(e_, token));
                        return {e_.Most(spans, most[0])};
                      })[0];
    p.from = e_.Const(0);
    if (o_.has_window()) {
      p.from = e_.Loop(p.first_token, p.end_token, 1, {p.spans},
                       [&](Value* token, const Emitter::Carried& least) -> Emitter::Carried {
                         Value* first = FirstSpanOf(o_.LastOf(e_, token));
                         return {e_.Least(first, least[0])};
                       })[0];
    }
    // Spans are dealt out evenly and in order. What is one span only is not shared.
    Value* count = SpanCount(p);
    p.shared =
        b.CreateAnd(b.CreateICmpSGT(e_.Parts(), e_.Const(1)), b.CreateICmpSGT(count, e_.Const(1)));
    const auto dealt = [&](Value* parts) -> Value* {
      const Integer spans = Integer(e_, parts) * count / e_.Parts();
      return o_.has_window() ? spans + p.from : spans;
    };
    Value* is_first = b.CreateICmpEQ(part, e_.Const(0));
    p.first_span = b.CreateSelect(p.shared, dealt(part), p.from);
    p.end_span = b.CreateSelect(p.shared, dealt(Integer(e_, part) + 1),
                                b.CreateSelect(is_first, p.spans, e_.Const(0)));
    e_.If(b.CreateICmpSLT(p.first_span, p.end_span), [&] {
      Value* units = SpansOf(Integer(e_, o_.PositionsOf(e_, o_.UnitsOf(kSpan))) - 1);
      const Integer number(e_, item_number);
      p.done = e_.Address(e_.Workspace(), number * kCacheLine, ir::DType::kI8);
      p.workspace =
          e_.Address(e_.Workspace(), number * units * SpanBytes() + kCountBytes, ir::DType::kI8);
      EmitTokens(p);
      e_.If(p.shared, [&] { e_.If(IsLast(p), [&] { MergeShared(p); }); });
    });
  }

  // Of all tokens.
  Value* SpanCount(const Part& p) {
    return o_.has_window() ? Integer(e_, p.spans) - p.from : Integer(e_, p.spans);
  }

  void EmitTokens(const Part& p) {
    auto& b = e_.b();
    const auto tokens = [&](Value* first, int count) {
      e_.Loop(e_.Const(0), e_.Const(group_), heads_,
              [&](Value* head) { EmitRows(p, first, count, head); });
    };
    const auto one_by_one = [&] {
      e_.Loop(p.first_token, p.end_token, 1, [&](Value* token) { tokens(token, 1); });
    };
    if (tokens_ == 1) return one_by_one();
    Value* full = Integer(e_, p.end_token) - p.first_token == tokens_;
    e_.If(b.CreateAnd(full, InOneSlot(p)), [&] { tokens(p.first_token, tokens_); }, one_by_one);
  }

  Value* InOneSlot(const Part& p) {
    auto& b = e_.b();
    Value* slot = o_.SlotOf(e_, p.first_token);
    Value* last = Integer(e_, p.end_token) - 1;
    Value* same = b.getTrue();
    for (int t = 1; t < tokens_; ++t) {
      Value* other = o_.SlotOf(e_, e_.Least(Integer(e_, p.first_token) + t, last));
      same = b.CreateAnd(same, b.CreateICmpEQ(slot, other));
    }
    return same;
  }

  SoftmaxPartial PartialAt(Value* memory, Value* bytes) {
    Value* at = e_.b().CreateGEP(e_.b().getInt8Ty(), memory, bytes);
    return SoftmaxPartial(e_, at, o_.Vectors(), o_.Scale());
  }
  // Bytes from the item's workspace to the partials of a span, from the row `head` of a token on.
  Value* SharedOffset(const Part& p, Value* span, Value* token, Value* head) {
    const Integer row = (Integer(e_, token) - p.first_token) * group_ + head;
    return row * row_bytes_ + Integer(e_, o_.Place(e_, span, kSpan)) * SpanBytes();
  }

  // The part's spans of one tile's rows, and without other parts their result.
  void EmitRows(const Part& p, Value* first_token, int tokens, Value* first_head) {
    auto& b = e_.b();
    const AttentionTile::Rows rows = tile_.Start(p.item, first_token, tokens, first_head, heads_);
    Value* count = e_.Const(rows.count());
    Value* own = b.CreateNot(p.shared);
    const SoftmaxPartial total = PartialAt(e_.Scratch(), e_.Const(tile_.scratch_bytes()));
    Value* spans = SpansOf(Integer(e_, rows.end) - 1);
    // Without a window the first span of all rows is the total so far. With one, rows begin in
    // different spans: all go the same way, and are added to a total of nothing.
    Value* first_span = p.first_span;
    if (o_.has_window()) {
      first_span = e_.Most(first_span, Integer(e_, rows.first) / kSpan);
      e_.If(own, [&] { e_.Loop(e_.Const(0), count, 1, [&](Value* row) { total.Clear(row); }); });
    }
    e_.Loop(first_span, e_.Least(p.end_span, spans), 1, [&](Value* span) {
      Value* later = o_.has_window() ? own : b.CreateAnd(own, b.CreateICmpSGT(span, e_.Const(0)));
      const int64_t next = tile_.scratch_bytes() + int64_t{tokens_} * heads_ * row_bytes_;
      Value* in_scratch = b.CreateSelect(later, e_.Const(next), e_.Const(tile_.scratch_bytes()));
      const SoftmaxPartial partial = PartialAt(
          b.CreateSelect(p.shared, p.workspace, e_.Scratch()),
          b.CreateSelect(p.shared, SharedOffset(p, span, first_token, first_head), in_scratch));
      e_.Loop(e_.Const(0), count, 1, [&](Value* row) { partial.Clear(row); });
      const Integer begin = Integer(e_, span) * kSpan;
      tile_.AddSpan(rows, begin, begin + kSpan, partial);
      e_.If(later, [&] {
        EachRow(first_token, e_.Const(tokens), first_head, heads_,
                [&](Value* row, Value* token, Value*) {
                  e_.If(Sees(token, begin), [&] { total.Merge(partial, row); });
                });
      });
    });
    const auto row_by_row = [&] {
      EachRow(first_token, e_.Const(tokens), first_head, heads_,
              [&](Value* row, Value* token, Value* head) {
                StoreResult(total, row, o_.RowOf(p.item, token, head));
              });
    };
    e_.If(own, [&] {
      if (tokens == 1 || !TilesFillRowGroups()) return row_by_row();
      Value* interleaved = InterleavedRows(e_, o_.spec.result, o_.Tokens(e_));
      e_.If(
          b.CreateICmpSLT(first_token, interleaved),
          [&] { StoreRowGroups(p, total, first_token, first_head); }, row_by_row);
    });
  }

  // Whether a token sees anything of the span that begins there.
  Value* Sees(Value* token, Value* begin) {
    auto& b = e_.b();
    Value* last = o_.LastOf(e_, token);
    Value* reaches = b.CreateICmpSGE(last, begin);
    if (!o_.has_window()) return reaches;
    return b.CreateAnd(reaches, Integer(e_, o_.FirstOf(e_, last)) < Integer(e_, begin) + kSpan);
  }

  // Whether a tile's tokens lie in one group of the result's rows, if the first lies in any.
  bool TilesFillRowGroups() const {
    const int interleaved_rows = o_.spec.result.interleaved_rows;
    return interleaved_rows > 0 && interleaved_rows % tokens_ == 0;
  }

  // The result of a tile whose tokens lie in one group of rows: their elements side by side.
  void StoreRowGroups(const Part& p, const SoftmaxPartial& partial, Value* first_token,
                      Value* first_head) {
    const TensorSpec& result = o_.spec.result;
    e_.Loop(e_.Const(0), e_.Const(heads_), 1, [&](Value* h) {
      std::vector<Value*> rows, reciprocals;
      for (int64_t t = 0; t < tokens_; ++t) {
        rows.push_back(Integer(e_, e_.Const(t * heads_)) + h);
        reciprocals.push_back(partial.ReciprocalTotal(rows.back()));
      }
      Indices of_head = o_.RowOf(p.item, e_.Const(0), Integer(e_, first_head) + h);
      const Integer first(e_, e_.Offset(result.axes, of_head));
      e_.Loop(e_.Const(0), e_.Const(o_.Vectors()), 1, [&](Value* d) {
        std::vector<Value*> values;
        for (int t = 0; t < tokens_; ++t) {
          values.push_back(partial.Mean(rows[t], d, reciprocals[t]));
        }
        StoreRowGroup(e_, result, e_.Buffer(o_.result_buffer()), first_token,
                      first + Integer(e_, d) * kLanes, values);
      });
    });
  }

  // Rows in the order of a tile's, by their number, token and head.
  void EachRow(Value* first_token, Value* tokens, Value* first_head, int64_t heads,
               const std::function<void(Value* row, Value* token, Value* head)>& body) {
    e_.Loop(e_.Const(0), tokens, 1, [&](Value* t) {
      e_.Loop(e_.Const(0), e_.Const(heads), 1, [&](Value* h) {
        Value* head = Integer(e_, first_head) + h;
        Value* token = Integer(e_, first_token) + t;
        body(Integer(e_, t) * heads + h, token, head);
      });
    });
  }

  // Counts this part as done: whether all others that have spans are. What they wrote is then seen,
  // and the count is zero again for the next call.
  Value* IsLast(const Part& p) {
    auto& b = e_.b();
    Value* before = b.CreateAtomicRMW(llvm::AtomicRMWInst::Add, p.done, e_.Const(1), llvm::Align(8),
                                      llvm::AtomicOrdering::AcquireRelease);
    Value* parts = e_.Least(SpanCount(p), e_.Parts());
    Value* is_last = b.CreateICmpEQ(Integer(e_, before) + 1, parts);
    e_.If(is_last, [&] { b.CreateAlignedStore(e_.Const(0), p.done, llvm::Align(8)); });
    return is_last;
  }

  void MergeShared(const Part& p) {
    Value* tokens = Integer(e_, p.end_token) - p.first_token;
    EachRow(p.first_token, tokens, e_.Const(0), group_, [&](Value*, Value* token, Value* head) {
      const auto partial = [&](Value* span) {
        return PartialAt(p.workspace, SharedOffset(p, span, token, head));
      };
      Value* last = o_.LastOf(e_, token);
      const bool window = o_.has_window();
      const SoftmaxPartial total =
          window ? PartialAt(e_.Scratch(), e_.Const(tile_.scratch_bytes())) : partial(e_.Const(0));
      if (window) total.Clear(e_.Const(0));
      e_.Loop(window ? FirstSpanOf(last) : e_.Const(1), SpansOf(last), 1,
              [&](Value* span) { total.Merge(partial(span), e_.Const(0)); });
      StoreResult(total, e_.Const(0), o_.RowOf(p.item, token, head));
    });
  }

  void StoreResult(const SoftmaxPartial& partial, Value* row, const Indices& indices) {
    auto& b = e_.b();
    const TensorSpec& result = o_.spec.result;
    Value* buffer = e_.Buffer(o_.result_buffer());
    Value* reciprocal = partial.ReciprocalTotal(row);
    Integer first(e_, e_.Offset(result.axes, indices));
    Value* token = nullptr;
    Value* interleaved = nullptr;
    if (result.interleaved_rows > 0) {
      token = indices.at(o_.Token().name);
      interleaved = b.CreateICmpSLT(token, InterleavedRows(e_, result, o_.Tokens(e_)));
      first = first - Integer(e_, token) * ElementsOfRow(result);
    }
    const auto at = [&](Value* d) { return first + Integer(e_, d) * kLanes; };
    // Rows that may be interleaved are whole vectors.
    e_.InRounds(interleaved != nullptr ? o_.Vectors() : o_.dims / kLanes, [&](Value* d) {
      Value* vector = partial.Mean(row, d, reciprocal);
      if (interleaved != nullptr) {
        StoreInterleaved(e_, result, buffer, token, interleaved, at(d), vector);
      } else {
        e_.Store(e_.Address(buffer, at(d), result.dtype), result.dtype, vector);
      }
    });
    if (interleaved != nullptr || o_.dims % kLanes == 0) return;
    Value* last = e_.Const(o_.dims / kLanes);
    Value* vector = partial.Mean(row, last, reciprocal);
    for (int i = 0; i < o_.dims % kLanes; ++i) {
      Value* element = e_.Address(buffer, at(last) + i, result.dtype);
      e_.Store(element, result.dtype, b.CreateExtractElement(vector, static_cast<uint64_t>(i)));
    }
  }

  const AttentionOperands& o_;
  Emitter& e_;
  const int64_t group_;
  const int heads_;   // of a tile
  const int tokens_;  // of an item, and of a tile if they are neighbours
  AttentionTile tile_;
  const int64_t row_bytes_;  // of a partial
};

}  // namespace

const TileRow* AttentionTileRow(const KernelSpec& spec, const Target& target) {
  const ir::DType q = spec.operands[AttentionOperands::kQ].dtype;
  const ir::DType k = spec.operands[AttentionOperands::kK].dtype;
  const bool amx = AttentionTile::CanBeAmx(AttentionOperands(spec));
  return amx ? target.FindMatmulTile(q, k) : target.FindTile(q, k);
}

absl::StatusOr<KernelInfo> EmitAttention(const KernelSpec& spec, Emitter& e) {
  const TileRow* tile = AttentionTileRow(spec, e.target());
  if (tile == nullptr) return NoKernel(spec, "no tile for these types");
  const AttentionOperands operands(spec);
  RETURN_IF_ERROR(operands.Check());
  // What a call says of a ring is whole sections, too.
  if (spec.ring && spec.ring->value % AttentionTile::kSection != 0) {
    return NoKernel(spec, "the ring is no whole number of sections");
  }
  if (operands.has_pages() && operands.PagePositions() != AttentionTile::kPage) {
    return NoKernel(spec, "pages are of another size than 64 positions");
  }
  return Attention(operands, e, *tile).Emit();
}

}  // namespace lluda::codegen
