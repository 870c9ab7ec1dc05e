#include "codegen/cpu/matmul/block_panels.h"

#include "base/align.h"
#include "codegen/cpu/matmul/blocks/amx_scaled_dot.h"
#include "codegen/cpu/matmul/blocks/block_dot.h"
#include "codegen/cpu/matmul/blocks/pair_scaled_dot.h"
#include "ir/type/encoding.h"

namespace lluda::codegen {
namespace {

// Rows that share what is looked up of a panel in pairs: sums of a step and of the product have
// registers beside two panels' numbers. So many in all are sooner done by such passes than expanded
// for.
constexpr int kPairRows = 4;
constexpr int kMostPairRows = 8;

}  // namespace

BlockPanels::BlockPanels(MatmulOperands& operands, Emitter& e, ir::DType dtype)
    : o_(operands),
      e_(e),
      dtype_(dtype),
      is_scaled_(operands.tile.b == ir::DType::kBF16),
      has_term_(HasTerm(dtype)) {}

int64_t BlockPanels::Place(int64_t begin, int64_t panels, int most_rows) {
  int64_t end = begin;
  const auto take = [&](int64_t* at, int64_t bytes) {
    *at = base::RoundUp(end, base::kCacheLine);
    end = *at + bytes;
  };
  const int64_t halves = o_.halves ? 2 : 1;
  expanded_panels_ = panels;
  take(&expanded_, panels * halves * o_.PanelBytes());
  if (!is_scaled_) return end;
  const int64_t scale_bytes = panels * halves * ScaleBytes(dtype_, o_.depth_total);
  take(&scales_, scale_bytes);
  if (has_term_) take(&terms_, scale_bytes);
  if (HasPairs()) {
    if (has_term_) take(&ones_, PairRowSumBytes(dtype_, o_.depth_total, most_rows));
    return end;
  }
  take(&step_sums_, AmxScaledScratchBytes());
  take(&row_, ir::BytesOf(ir::DType::kF32, o_.depth_total));
  take(&decoded_, RowPanels() * halves * DecodedBytes(dtype_, o_.depth_total));
  if (has_term_) take(&ones_, AmxRowSumBytes(o_.depth_total, of_step()));
  return end;
}

int64_t BlockPanels::MatrixBytes() const { return ir::BytesOf(dtype_, o_.MatrixElements()); }

int BlockPanels::RowsAtOnce() const {
  if (HasPairs()) return kPairRows;
  return is_scaled_ || MultipliesBlocks(dtype_) ? 1 : 0;
}

int BlockPanels::MostRows() const { return HasPairs() ? kMostPairRows : RowsAtOnce(); }

int BlockPanels::RowPanels() const {
  return is_scaled_ || !MultipliesBlocks(dtype_) ? 1 : o_.width;
}

void BlockPanels::PrepareRows(const MatmulOperands::Rows& rows) {
  if (!is_scaled_) return;
  if (HasPairs()) return PrepareTile(o_.RowPointers(rows));
  EmitWidenRow(e_, dtype_, o_.depth_total, o_.RowPointers(rows)[0], Widened());
}

BlockPanels::Sums BlockPanels::RowSums(const MatmulOperands::Rows& rows, Value* first, int count,
                                       Value* matrix) {
  std::vector<Value*> panels;
  for (int i = 0; i < count; ++i) panels.push_back(Panel(matrix, Integer(e_, first) + i));
  for (int i = 0; o_.halves && i < count; ++i) {
    panels.push_back(Panel(matrix, Integer(e_, first) + (o_.panels + i)));
  }
  const int64_t ahead = e_.target().PrefetchBytes(panels.size());
  if (HasPairs()) {
    const PairScaledDot dot{dtype_, o_.depth_total, ahead, Ones()};
    return EmitPairBlockDot(e_, dot, o_.RowPointers(rows), panels);
  }
  if (is_scaled_) {
    const ScaledDot dot{dtype_, o_.depth_total, ahead, ScratchAt(decoded_)};
    return {EmitScaledDot(e_, dot, Widened(), panels)};
  }
  const BlockDot dot{o_.spec.operands[0].dtype, dtype_, o_.depth_total, ahead};
  return {EmitBlockDot(e_, dot, o_.RowPointers(rows)[0], panels)};
}

void BlockPanels::Expand(Value* first, Value* end, Value* matrix) {
  first_panel_ = first;
  Value* base = ScratchAt(expanded_);
  e_.Loop(first, end, 1, [&](Value* panel) {
    const Integer at = Integer(e_, panel) - first;
    const auto expand = [&](const Integer& from, const Integer& to) {
      if (is_scaled_) {
        return EmitExpandScaled(e_, dtype_, o_.depth_total, Panel(matrix, from), ScaledPanelAt(to));
      }
      EmitExpandPanel(e_, dtype_, o_.depth_total, Panel(matrix, from),
                      e_.Address(base, to * o_.PanelBytes(), ir::DType::kI8));
    };
    expand({e_, panel}, at);
    if (o_.halves) expand(Integer(e_, panel) + o_.panels, at + expanded_panels_);
  });
  o_.ReadPanelsAt(base, first, expanded_panels_);
}

void BlockPanels::PrepareTile(const std::vector<Value*>& a_rows) {
  if (has_term_) EmitPairRowSums(e_, dtype_, o_.depth_total, a_rows, Ones());
}

BlockPanels::Sums BlockPanels::TileSums(const std::vector<Value*>& a_rows, Value* first,
                                        int count) {
  const PairScaledDot dot{dtype_, o_.depth_total, /*prefetch_bytes=*/0, Ones()};
  return EmitPairScaledDot(e_, dot, a_rows, ScaledPanels(first, count));
}

void BlockPanels::PrepareAmxTile(const std::vector<AmxRows>& a, Value* rows) {
  if (!has_term_) return;
  EmitAmxRowSums(e_, a, o_.depth_total, of_step(), rows, ScratchAt(step_sums_), Ones());
}

void BlockPanels::AmxSums(const AmxDot& dot, Value* first, int count, Value* rows, Value* out) {
  AmxScaledDot scaled;
  scaled.numbers = dot;
  scaled.depth_total = o_.depth_total;
  for (const ScaledPanel& panel : ScaledPanels(first, count)) {
    scaled.scales.push_back(panel.scales);
    if (panel.terms != nullptr) scaled.terms.push_back(panel.terms);
  }
  scaled.row_sums = Ones();
  EmitAmxScaledDot(e_, scaled, rows, ScratchAt(step_sums_), out);
}

Value* BlockPanels::ScratchAt(int64_t byte) {
  return e_.Address(e_.Scratch(), e_.Const(byte), ir::DType::kI8);
}

Value* BlockPanels::Panel(Value* matrix, const Integer& panel) {
  const int64_t bytes = ir::BytesOf(dtype_, o_.depth_total * kLanes);
  return e_.Address(matrix != nullptr ? matrix : e_.Buffer(1), panel * bytes, ir::DType::kI8);
}

WidenedRow BlockPanels::Widened() { return {ScratchAt(row_), Ones()}; }

Value* BlockPanels::Ones() { return has_term_ ? ScratchAt(ones_) : nullptr; }

ScaledPanel BlockPanels::ScaledPanelAt(const Integer& number) {
  const auto part = [&](int64_t at, int64_t panel_bytes) {
    return e_.Address(ScratchAt(at), number * panel_bytes, ir::DType::kI8);
  };
  const int64_t bytes = ScaleBytes(dtype_, o_.depth_total);
  return {part(expanded_, o_.PanelBytes()), part(scales_, bytes),
          has_term_ ? part(terms_, bytes) : nullptr};
}

std::vector<ScaledPanel> BlockPanels::ScaledPanels(Value* first, int count) {
  std::vector<ScaledPanel> panels;
  const Integer at = Integer(e_, first) - first_panel_;
  for (int i = 0; i < count; ++i) panels.push_back(ScaledPanelAt(at + i));
  for (int i = 0; o_.halves && i < count; ++i) {
    panels.push_back(ScaledPanelAt(at + (expanded_panels_ + i)));
  }
  return panels;
}

}  // namespace lluda::codegen
