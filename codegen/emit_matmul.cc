// matmul. B in panels (the packed weights): register tiles from codegen/tiles.def. Anything else,
// such as the scores of an unfused attention: one dot product per result element.
#include <algorithm>
#include <functional>
#include <utility>

#include "codegen/amx.h"
#include "codegen/blocked.h"
#include "codegen/kernel.h"
#include "codegen/math.h"
#include "codegen/panel_dot.h"
#include "codegen/transpose.h"

namespace lluda::codegen {
namespace {

constexpr int kLanes = kPanelRows;
constexpr int64_t kCacheLine = 64;
// Rows that are multiplied in one pass though they fill no tile.
constexpr int kMostFewRows = 8;
// Panels that stay in the second nearest cache while the rows go by.
constexpr int64_t kCachedPanelBytes = 384 << 10;

// A matmul on packed weights: [rows] x [K] times N columns.
class PanelMatmul {
 public:
  PanelMatmul(const KernelSpec& spec, Emitter& e, const TileRow& tile)
      : spec_(spec),
        e_(e),
        tile_(tile),
        over_(spec.attrs.axes[0]),
        depth_total_(spec.operands[0].Find(over_)->axis.extent.value),
        columns_(spec.result.axes.back().axis.extent.value),
        silu_mul_(spec.attrs.epilogue == ir::Epilogue::kSiluMul),
        // silu_mul reads a gate and an up panel for every panel of results.
        width_(silu_mul_ ? tile.panels / 2 : tile.panels),
        panels_((columns_ + kLanes - 1) / kLanes) {}

  // Whether the tile applies; otherwise the general kernel computes the op.
  static bool Applies(const KernelSpec& spec) {
    const TensorSpec& a = spec.operands[0];
    const TensorSpec& b = spec.operands[1];
    const std::string& over = spec.attrs.axes[0];
    const int64_t columns = spec.result.axes.back().axis.extent.value;
    if (!b.layout.is_panel() || b.layout.axis != over || b.axes.size() != 2) return false;
    if (b.layout.rows != kLanes || b.layout.depth != PanelDepth(b.dtype)) return false;
    if (a.axes.size() > 2 || !IsContiguous(a, over)) return false;
    if (!a.axes[0].stride.symbols.empty()) return false;
    return spec.attrs.epilogue != ir::Epilogue::kSiluMul || columns % kLanes == 0;
  }

  // A few panels at a time, for these the rows, and for each block of rows the panels: the panels
  // stay in one cache, the block in the nearest one.
  KernelInfo Emit() {
    const int64_t groups = (panels_ + width_ - 1) / width_;
    KernelInfo info;
    info.work_axes = {{"panels", ir::Extent::Constant(groups)}};
    const int64_t group_bytes =
        PanelElements() * width_ * (silu_mul_ ? 2 : 1) * ir::DTypeSize(spec_.operands[1].dtype);
    info.item_cost = std::max<int64_t>(1, group_bytes / 32);
    if (!RowAxes().empty()) info.cost_symbol = RowAxes()[0].extent.symbol;
    if (tile_.dot == Dot::kAmx) {
      info.scratch_bytes = kAmxConfigBytes + int64_t{tile_.rows} * tile_.panels * kLanes * 4;
    } else if (!RowAxes().empty() && !IsBlocked() && Interleaves()) {
      info.scratch_bytes = depth_total_ / Unit() * tile_.rows * 4 + 64;
    }
    const int64_t groups_at_once = std::max<int64_t>(1, kCachedPanelBytes / group_bytes);
    e_.Loop(e_.Begin(), e_.End(), groups_at_once, [&](Value* group) {
      Value* end = e_.b().CreateAdd(group, e_.Const(groups_at_once));
      first_group_ = group;
      end_group_ = e_.b().CreateSelect(e_.b().CreateICmpSLT(end, e_.End()), end, e_.End());
      EmitRows();
    });
    return info;
  }

 private:
  // Neighbouring rows of a tile. The rows after `last`, if that is given, are `last` once more.
  struct Rows {
    Value* first;
    int count;
    Value* last = nullptr;
    bool fills_tile = false;
  };
  Value* RowAt(const Rows& rows, int i) {
    Value* row = e_.b().CreateAdd(rows.first, e_.Const(i));
    if (rows.last == nullptr) return row;
    return e_.b().CreateSelect(e_.b().CreateICmpSLT(row, rows.last), row, rows.last);
  }

  bool IsBlocked() const { return spec_.operands[0].block_rows > 0; }

  // All rows times the panels of [first_group_, end_group_).
  void EmitRows() {
    if (tile_.dot == Dot::kAmx) {
      EmitAmxRows();
      return;
    }
    if (RowAxes().empty()) {
      EmitPanels({e_.Const(0), 1}, RowPointers({e_.Const(0), 1}), 1);
      return;
    }
    Value* rows = e_.ExtentValue(RowAxes()[0].extent);
    Value* rest = e_.b().CreateURem(rows, e_.Const(tile_.rows));
    Value* whole = e_.b().CreateSub(rows, rest);
    e_.Loop(e_.Const(0), whole, tile_.rows, [&](Value* row) {
      const Rows rows_here{row, tile_.rows, nullptr, /*fills_tile=*/true};
      std::vector<Value*> a_rows = RowPointers(rows_here);
      if (!IsBlocked() && !Interleaves()) {
        EmitPanels(rows_here, a_rows, 1);
        return;
      }
      Value* block = a_rows[0];  // rows before it fill whole blocks, so row-major counts alike
      if (!IsBlocked()) {
        Interleave(a_rows);
        block = e_.Scratch();
      }
      for (int i = 0; i < tile_.rows; ++i) {
        a_rows[i] = e_.Address(block, e_.Const(i), ir::DType::kF32);
      }
      EmitPanels(rows_here, a_rows, tile_.rows);
    });
    EmitFewRows(whole, rest);
  }

  // The `count` rows from `row` on, fewer than a tile has: up to 8 in a single pass over the
  // panels, which then come from memory only once and bound the time. A tile with more rows than
  // there are does the last one several times over.
  void EmitFewRows(Value* row, Value* count) {
    auto& b = e_.b();
    for (int size = kMostFewRows; size >= 1; size /= 2) {
      if (size > tile_.rows || size / 2 >= tile_.rows - 1) continue;  // never that many are left
      Value* all = e_.Const(size);
      e_.If(b.CreateICmpSGT(count, e_.Const(size / 2)), [&] {
        Value* present = b.CreateSelect(b.CreateICmpSLT(count, all), count, all);
        const Rows rows{row, size, b.CreateSub(b.CreateAdd(row, present), e_.Const(1))};
        EmitPanels(rows, RowPointers(rows), 1);
      });
      // A tile of `size` rows has left none, or it was too large for them.
      Value* done = b.CreateSelect(b.CreateICmpSGT(count, e_.Const(size / 2)), all, e_.Const(0));
      row = b.CreateAdd(row, done);
      count = b.CreateSub(count, done);
    }
  }

  // The same with AMX: blocks of two A tiles, then what is left with smaller ones.
  void EmitAmxRows() {
    Value* one = e_.Const(1);
    Value* rows = RowAxes().empty() ? one : e_.ExtentValue(RowAxes()[0].extent);
    Value* rest = e_.b().CreateURem(rows, e_.Const(tile_.rows));
    Value* whole = e_.b().CreateSub(rows, rest);
    Value* full = e_.Const(kAmxRows);
    const auto positive = [&](Value* value) { return e_.b().CreateICmpSGT(value, e_.Const(0)); };
    e_.If(positive(whole), [&] {
      EmitAmxConfig(e_, e_.Scratch(), {full, full});
      e_.Loop(e_.Const(0), whole, tile_.rows, [&](Value* row) { EmitAmxPanels(row, 2, full); });
    });
    e_.If(positive(rest), [&] {
      Value* second = e_.b().CreateSub(rest, full);
      e_.If(
          positive(second),
          [&] {
            EmitAmxConfig(e_, e_.Scratch(), {full, second});
            EmitAmxPanels(whole, 2, second);
          },
          [&] {
            EmitAmxConfig(e_, e_.Scratch(), {rest});
            EmitAmxPanels(whole, 1, rest);
          });
    });
    EmitAmxRelease(e_);
  }

  // `tiles` A tiles from `row` on, the last of `rows` rows, times the call's panels.
  void EmitAmxPanels(Value* row, int tiles, Value* rows) {
    ForPanels([&](Value* first, int count) {
      const TensorSpec& a = spec_.operands[0];
      AmxDot dot{{},
                 e_.Const(0),
                 PanelPointers(first, count),
                 depth_total_,
                 tiles == 1 ? e_.target().PrefetchBytes() : 0};
      for (int i = 0; i < tiles; ++i) {
        Value* tile_row = e_.b().CreateAdd(row, e_.Const(i * kAmxRows));
        dot.a.push_back(RowPointers({tile_row, 1})[0]);
      }
      if (!RowAxes().empty()) {
        dot.a_stride = e_.b().CreateMul(e_.StrideValue(a.Find(RowAxes()[0].name)->stride),
                                        e_.Const(ir::DTypeSize(a.dtype)));
      }
      Value* out = e_.Address(e_.Scratch(), e_.Const(kAmxConfigBytes), ir::DType::kI8);
      EmitAmxDot(e_, dot, out);
      const auto panels = static_cast<int64_t>(dot.panels.size());
      Value* all = e_.b().CreateAdd(rows, e_.Const((tiles - 1) * kAmxRows));
      e_.Loop(e_.Const(0), all, 1, [&](Value* r) {
        std::vector<Value*> sums;
        for (int64_t j = 0; j < panels; ++j) {
          Value* at =
              e_.b().CreateMul(e_.b().CreateAdd(e_.b().CreateMul(r, e_.Const(panels)), e_.Const(j)),
                               e_.Const(kLanes));
          sums.push_back(e_.Load(e_.Address(out, at, ir::DType::kF32), ir::DType::kF32, kLanes));
        }
        StoreTile({e_.b().CreateAdd(row, r), 1}, first, count, {sums});
      });
    });
  }

  std::vector<ir::Axis> RowAxes() const { return AxesWithout(spec_.operands[0], over_); }

  // Elements of one panel, padding included.
  int64_t PanelElements() const {
    const int64_t depth = spec_.operands[1].layout.depth;
    return (depth_total_ + depth - 1) / depth * depth * kLanes;
  }

  // Elements of A that move together.
  int64_t Unit() const { return 4 / ir::DTypeSize(spec_.operands[0].dtype); }

  // Whether B is used often enough in a tile to take care of how A lies and what comes next.
  bool HasManyRows() const { return tile_.rows >= 8; }

  // Whether whole row blocks are copied to the scratch memory, their rows taking turns: the tile
  // then reads one stream instead of one a row. Pays for itself where a tile has many rows.
  bool Interleaves() const { return HasManyRows() && depth_total_ % (Unit() * kTransposed) == 0; }

  void Interleave(const std::vector<Value*>& a_rows) {
    const ir::DType dtype = spec_.operands[0].dtype;
    const llvm::Align align(ir::DTypeSize(dtype));
    e_.Loop(e_.Const(0), e_.Const(depth_total_ / Unit()), kTransposed, [&](Value* unit) {
      std::vector<Value*> lines(kTransposed, llvm::PoisonValue::get(e_.Int(32, kTransposed)));
      for (size_t i = 0; i < a_rows.size(); ++i) {
        lines[i] = e_.b().CreateAlignedLoad(
            e_.Int(32, kTransposed),
            e_.Address(a_rows[i], e_.b().CreateMul(unit, e_.Const(Unit())), dtype), align);
      }
      lines = Transpose(e_, std::move(lines));
      // A line is longer than a block has rows: the next one overwrites what is too much.
      for (int i = 0; i < kTransposed; ++i) {
        Value* at = e_.b().CreateMul(e_.b().CreateAdd(unit, e_.Const(i)), e_.Const(tile_.rows));
        e_.b().CreateAlignedStore(lines[i], e_.Address(e_.Scratch(), at, ir::DType::kF32),
                                  llvm::Align(4));
      }
    });
  }

  std::vector<Value*> RowPointers(const Rows& rows) {
    const TensorSpec& a = spec_.operands[0];
    std::vector<Value*> pointers;
    for (int i = 0; i < rows.count; ++i) {
      Value* offset = e_.Const(0);
      if (!RowAxes().empty()) {
        offset = e_.Offset(a.axes, {{RowAxes()[0].name, RowAt(rows, i)}});
      }
      pointers.push_back(e_.Address(e_.Buffer(0), offset, a.dtype));
    }
    return pointers;
  }

  // The rows times all panels of the call's items.
  void EmitPanels(const Rows& rows, const std::vector<Value*>& a_rows, int interleaved) {
    ForPanels([&](Value* first, int count) { EmitTile(rows, a_rows, interleaved, first, count); });
  }

  // The groups' first panels and how many each has; the last group may have fewer.
  void ForPanels(const std::function<void(Value* first, int count)>& body) {
    e_.Loop(first_group_, end_group_, 1, [&](Value* group) {
      Value* first = e_.b().CreateMul(group, e_.Const(width_));
      const int64_t rest = panels_ % width_;
      if (rest == 0) {
        body(first, width_);
        return;
      }
      e_.If(
          e_.b().CreateICmpSLE(first, e_.Const(panels_ - width_)), [&] { body(first, width_); },
          [&] { body(first, static_cast<int>(rest)); });
    });
  }

  // The panels [first, first + count) of B; for silu_mul the gate's, then the up projection's.
  std::vector<Value*> PanelPointers(Value* first, int count) {
    const TensorSpec& b = spec_.operands[1];
    std::vector<Value*> panels;
    const auto add_panels = [&](int64_t from) {
      for (int i = 0; i < count; ++i) {
        Value* panel = e_.b().CreateAdd(first, e_.Const(from + i));
        panels.push_back(
            e_.Address(e_.Buffer(1), e_.b().CreateMul(panel, e_.Const(PanelElements())), b.dtype));
      }
    };
    add_panels(0);
    if (silu_mul_) add_panels(panels_);
    return panels;
  }

  void EmitTile(const Rows& rows, const std::vector<Value*>& a_rows, int interleaved, Value* first,
                int count) {
    const TensorSpec& a = spec_.operands[0];
    const TensorSpec& b = spec_.operands[1];
    PanelDot dot{tile_.dot,
                 a.dtype,
                 b.dtype,
                 depth_total_,
                 rows.fills_tile ? 0 : e_.target().PrefetchBytes(),
                 interleaved};
    const std::vector<Value*> next = NextPanels(rows, first, count);
    if (rows.fills_tile && HasManyRows() && depth_total_ % VisitStep() == 0) {
      dot.visit = [&](Value* k) {
        FetchPanels(next, k);
        FetchRows(a_rows[0], interleaved, k);
        FetchResult(rows, first, count, k);
      };
    }
    StoreTile(rows, first, count, EmitPanelDot(e_, dot, a_rows, PanelPointers(first, count)));
  }

  int64_t VisitStep() const { return VisitDepth(spec_.operands[1].dtype); }

  // The panels that the thread will most likely need after the call's own, from where this tile is
  // to fetch on: each block of rows brings in the eighth of them, until all are there. Else the
  // first block would wait for memory line by line.
  std::vector<Value*> NextPanels(const Rows& rows, Value* first, int count) {
    auto& b = e_.b();
    const auto least = [&](Value* x, Value* y) {
      return b.CreateSelect(b.CreateICmpSLT(x, y), x, y);
    };
    const int64_t slice = depth_total_ / VisitStep() * kCacheLine;
    Value* at = b.CreateMul(b.CreateUDiv(rows.first, e_.Const(tile_.rows)), e_.Const(slice));
    const int64_t panel_bytes = PanelElements() * ir::DTypeSize(spec_.operands[1].dtype);
    at = least(at, e_.Const(panel_bytes - slice));
    Value* later = b.CreateMul(b.CreateSub(end_group_, first_group_), e_.Const(width_));
    Value* next = least(b.CreateAdd(first, later), e_.Const(panels_ - count));
    std::vector<Value*> places = PanelPointers(next, count);
    for (Value*& place : places) place = e_.Address(place, at, ir::DType::kI8);
    return places;
  }
  // A line of each.
  void FetchPanels(const std::vector<Value*>& places, Value* k) {
    Value* at = e_.b().CreateMul(k, e_.Const(kCacheLine / VisitStep()));
    for (Value* place : places) e_.PrefetchNear(e_.Address(place, at, ir::DType::kI8));
  }

  // What lies behind the block of rows by the size of one.
  void FetchRows(Value* block, int interleaved, Value* k) {
    if (!IsBlocked()) return;
    const int64_t element_bytes = ir::DTypeSize(spec_.operands[0].dtype) * interleaved;
    Value* here = e_.Address(block, e_.b().CreateMul(k, e_.Const(element_bytes)), ir::DType::kI8);
    const int64_t block_bytes = depth_total_ * element_bytes;
    for (int64_t line = 0; line < VisitStep() * element_bytes; line += kCacheLine) {
      e_.PrefetchNear(e_.Address(here, e_.Const(block_bytes + line), ir::DType::kI8));
    }
  }

  // The lines that the tile will add and store, row by row while it multiplies.
  void FetchResult(const Rows& rows, Value* first, int count, Value* k) {
    auto& b = e_.b();
    if (spec_.result.block_rows > 0) {
      const int64_t bytes =
          int64_t{kLanes} * ir::DTypeSize(spec_.result.dtype) * tile_.rows * count;
      Value* visit = b.CreateUDiv(k, e_.Const(VisitStep()));
      e_.If(b.CreateICmpSLT(visit, e_.Const(bytes / kCacheLine)), [&] {
        Value* block = BlockAddress(e_, spec_.result, ResultBuffer(), rows.first,
                                    b.CreateMul(first, e_.Const(kLanes)));
        e_.PrefetchForWrite(
            e_.Address(block, b.CreateMul(visit, e_.Const(kCacheLine)), ir::DType::kI8));
      });
      return;
    }
    const int64_t visits = depth_total_ / VisitStep();
    const int64_t visits_per_row = std::max<int64_t>(1, visits / tile_.rows);
    Value* visit = b.CreateUDiv(k, e_.Const(VisitStep()));
    Value* row = b.CreateUDiv(visit, e_.Const(visits_per_row));
    Value* begins = b.CreateICmpEQ(b.CreateURem(visit, e_.Const(visits_per_row)), e_.Const(0));
    e_.If(b.CreateAnd(begins, b.CreateICmpSLT(row, e_.Const(tile_.rows))), [&] {
      Value* r = b.CreateAdd(rows.first, row);
      for (int j = 0; j < count; ++j) {
        Value* panel = b.CreateAdd(first, e_.Const(j));
        e_.PrefetchForWrite(ColumnAddress(ResultBuffer(), spec_.result, r, panel, 0));
        if (AddsResidual()) {
          e_.Prefetch(ColumnAddress(e_.Buffer(2), spec_.operands[2], r, panel, 0), 0);
        }
      }
    });
  }

  // Finishes and stores the rows' sums, [row][panel]. A row that is there several times is stored
  // as often, with the same value: all residuals are read before.
  void StoreTile(const Rows& rows, Value* first, int count, std::vector<std::vector<Value*>> sums) {
    const auto each =
        [&](const std::function<void(Value * row, Value * panel, Value * *value)>& body) {
          for (int i = 0; i < rows.count; ++i) {
            Value* row = RowAt(rows, i);
            for (int j = 0; j < count; ++j) {
              body(row, e_.b().CreateAdd(first, e_.Const(j)), &sums[i][j]);
            }
          }
        };
    if (silu_mul_) {
      for (auto& values : sums) {
        for (int j = 0; j < count; ++j) {
          values[j] = e_.b().CreateFMul(Silu(e_, values[j]), values[count + j]);
        }
      }
    }
    // All loads before the first store: rows are often a multiple of 4 KiB apart, and a load behind
    // such a store waits for it.
    const bool whole_panels = columns_ % kLanes == 0;
    if (whole_panels && AddsResidual()) {
      each([&](Value* r, Value* panel, Value** value) {
        *value = e_.b().CreateFAdd(Residual(r, panel, kLanes, 0), *value);
      });
    }
    if (rows.fills_tile && spec_.result.block_rows == rows.count) {
      for (int j = 0; j < count; ++j) {
        std::vector<Value*> column;
        for (const auto& row_sums : sums) column.push_back(row_sums[static_cast<size_t>(j)]);
        Value* k = e_.b().CreateMul(e_.b().CreateAdd(first, e_.Const(j)), e_.Const(kLanes));
        StoreWholeBlock(e_, spec_.result, ResultBuffer(), rows.first, k, column);
      }
      return;
    }
    each([&](Value* r, Value* panel, Value** value) {
      if (spec_.result.block_rows > 0) {
        Value* k = e_.b().CreateMul(panel, e_.Const(kLanes));
        StoreBlocked(e_, spec_.result, ResultBuffer(), r, InBlock(r, rows.fills_tile), k, *value);
      } else if (whole_panels) {
        StoreLanes(r, panel, *value, 0);
      }
    });
    if (whole_panels) return;
    for (int i = 0; i < rows.count; ++i) {
      Value* row = e_.b().CreateAdd(rows.first, e_.Const(i));
      const auto store = [&] {
        for (int j = 0; j < count; ++j) {
          StorePartOfPanel(row, e_.b().CreateAdd(first, e_.Const(j)), sums[i][j]);
        }
      };
      if (rows.last == nullptr) {
        store();
      } else {
        e_.If(e_.b().CreateICmpSLE(row, rows.last), store);
      }
    }
  }

  // Whether the result's row lies in a block. The result's readers may have tiles of other rows.
  Value* InBlock(Value* row, bool fills_tile) {
    if (tile_.dot != Dot::kAmx && spec_.result.block_rows == tile_.rows) {
      return e_.b().getInt1(fills_tile);
    }
    Value* rows = RowAxes().empty() ? e_.Const(1) : e_.ExtentValue(RowAxes()[0].extent);
    return e_.b().CreateICmpSLT(row, RowsInBlocks(e_, spec_.result, rows));
  }

  bool AddsResidual() const { return spec_.attrs.epilogue == ir::Epilogue::kAdd; }
  Value* ResultBuffer() { return e_.Buffer(static_cast<int>(spec_.operands.size())); }

  // Lane `lane` of a panel in a row of the result or of the residual.
  Value* ColumnAddress(Value* buffer, const TensorSpec& tensor, Value* row, Value* panel,
                       int lane) {
    Indices indices{{spec_.result.axes.back().axis.name,
                     e_.b().CreateAdd(e_.b().CreateMul(panel, e_.Const(kLanes)), e_.Const(lane))}};
    if (!RowAxes().empty()) indices[RowAxes()[0].name] = row;
    return e_.Address(buffer, e_.Offset(tensor.axes, indices), tensor.dtype);
  }
  Value* Residual(Value* row, Value* panel, int lanes, int lane) {
    const TensorSpec& residual = spec_.operands[2];
    return e_.Load(ColumnAddress(e_.Buffer(2), residual, row, panel, lane), residual.dtype, lanes);
  }
  void StoreLanes(Value* row, Value* panel, Value* value, int lane) {
    e_.Store(ColumnAddress(ResultBuffer(), spec_.result, row, panel, lane), spec_.result.dtype,
             value);
  }

  // A panel of which the last one is partly padding, so that it is stored lane by lane.
  void StorePartOfPanel(Value* row, Value* panel, Value* value) {
    const auto store = [&](int lanes) {
      for (int lane = 0; lane < (lanes == kLanes ? 1 : lanes); ++lane) {
        const int width = lanes == kLanes ? kLanes : 1;
        Value* part = lanes == kLanes
                          ? value
                          : e_.b().CreateExtractElement(value, static_cast<uint64_t>(lane));
        if (AddsResidual()) part = e_.b().CreateFAdd(Residual(row, panel, width, lane), part);
        StoreLanes(row, panel, part, lane);
      }
    };
    e_.If(
        e_.b().CreateICmpEQ(panel, e_.Const(panels_ - 1)),
        [&] { store(static_cast<int>(columns_ % kLanes)); }, [&] { store(kLanes); });
  }

  const KernelSpec& spec_;
  Emitter& e_;
  const TileRow& tile_;
  const std::string over_;
  const int64_t depth_total_;
  const int64_t columns_;
  const bool silu_mul_;
  const int width_;
  const int64_t panels_;
  Value* first_group_ = nullptr;
  Value* end_group_ = nullptr;
};

// sum over k of a[...] * b[...], both at the given other indices.
Value* DotProduct(const KernelSpec& spec, Emitter& e, Indices a_indices, Indices b_indices) {
  const TensorSpec& a = spec.operands[0];
  const TensorSpec& b = spec.operands[1];
  const ir::Axis over = a.Find(spec.attrs.axes[0])->axis;
  const auto product = [&](Value* k, int lanes, Value* sum) {
    a_indices[over.name] = k;
    b_indices[over.name] = k;
    Value* x = e.Load(e.Address(e.Buffer(0), e.Offset(a.axes, a_indices), a.dtype), a.dtype, lanes);
    Value* y =
        e.Load(e.Address(e.Buffer(1), ElementOffset(e, b, b_indices), b.dtype), b.dtype, lanes);
    return e.MulAdd(x, y, sum);
  };
  if (!IsContiguous(a, over.name) || !IsContiguous(b, over.name)) {
    return e.Loop(e.Const(0), e.ExtentValue(over.extent), 1, {e.ConstF32(0.0f, 1)},
                  [&](Value* k, const Emitter::Carried& c) {
                    return Emitter::Carried{product(k, 1, c[0])};
                  })[0];
  }
  const bool vectors = !over.extent.is_constant() || over.extent.value >= kLanes;
  return e.ForLanes(
      over.extent, {e.ConstF32(0.0f, vectors ? kLanes : 1)},
      [&](Value* k, int lanes, const Emitter::Carried& c) {
        return Emitter::Carried{product(k, lanes, c[0])};
      },
      [&](const Emitter::Carried& c) {
        return Emitter::Carried{vectors ? e.SumLanes(c[0]) : c[0]};
      })[0];
}

absl::StatusOr<KernelInfo> EmitGeneral(const KernelSpec& spec, Emitter& e) {
  if (spec.operands[0].layout.is_panel()) return NoKernel(spec, "operand 0 is in panels");
  if (spec.result.axes.empty()) return NoKernel(spec, "the result has no axis");
  const ir::Axis last = spec.result.axes.back().axis;
  const int buffer = static_cast<int>(spec.operands.size());
  e.ForRows(LeadingAxes(spec.result), [&](Indices indices) {
    e.Loop(e.Const(0), e.ExtentValue(last.extent), 1, [&](Value* column) {
      indices[last.name] = column;
      Value* value;
      if (spec.attrs.epilogue == ir::Epilogue::kSiluMul) {
        // The operand's own column axis holds the gate's columns, then the up projection's.
        Indices b_indices;
        const auto own = AxesWithout(spec.operands[1], spec.attrs.axes[0]);
        b_indices[own[0].name] = column;
        Value* gate = DotProduct(spec, e, indices, b_indices);
        b_indices[own[0].name] = e.b().CreateAdd(column, e.ExtentValue(last.extent));
        value = e.b().CreateFMul(Silu(e, gate), DotProduct(spec, e, indices, b_indices));
      } else {
        value = DotProduct(spec, e, indices, indices);
      }
      if (spec.attrs.epilogue == ir::Epilogue::kAdd) {
        const TensorSpec& residual = spec.operands[2];
        Value* at = e.Address(e.Buffer(2), e.Offset(residual.axes, indices), residual.dtype);
        value = e.b().CreateFAdd(e.Load(at, residual.dtype, 1), value);
      }
      e.Store(e.Address(e.Buffer(buffer), e.Offset(spec.result.axes, indices), spec.result.dtype),
              spec.result.dtype, value);
    });
  });
  KernelInfo info;
  info.work_axes = LeadingAxes(spec.result);
  info.item_cost = 100;
  info.cost_symbol = last.extent.symbol;
  return info;
}

}  // namespace

const TileRow* MatmulTile(const KernelSpec& spec, const Target& target) {
  if (!PanelMatmul::Applies(spec)) return nullptr;
  const ir::DType a = spec.operands[0].dtype, b = spec.operands[1].dtype;
  const TileRow* tile = target.FindMatmulTile(a, b);
  const bool whole_steps =
      spec.operands[0].Find(spec.attrs.axes[0])->axis.extent.value % kAmxDepth == 0;
  return tile == nullptr || tile->dot != Dot::kAmx || whole_steps ? tile : target.FindTile(a, b);
}

absl::StatusOr<KernelInfo> EmitMatmul(const KernelSpec& spec, Emitter& e) {
  const TileRow* tile = MatmulTile(spec, e.target());
  return tile != nullptr ? PanelMatmul(spec, e, *tile).Emit() : EmitGeneral(spec, e);
}

}  // namespace lluda::codegen
