// Products of rows with a matrix that tensor_product does not take: three ways to share the work, one
// order of sums each.
//
// By panels, the way of weights in @panel(1x8, k), rows whose elements lie together in eights: a
// warp computes one column for up to 8 rows of a, so that weights are read once for them. Lane l
// takes the eights l, l + 32, ..., each as a chain of products, and the lanes' sums are combined as
// a butterfly. Neither depends on how many rows there are.
//
// By elements, for everything else: a warp computes one element, its lanes take products 32 apart.
// By heads, for epilogues that need a whole head: a block computes a head, its warps the columns.
#include <algorithm>
#include <utility>

#include "codegen/emit/integer.h"
#include "codegen/emit/op_emitter.h"
#include "codegen/emit/tensor_access.h"
#include "codegen/nvptx/emit_gpu.h"
#include "codegen/nvptx/product/heads.h"
#include "codegen/nvptx/product/product.h"
#include "codegen/nvptx/product/tensor_product.h"
#include "codegen/nvptx/words/eights.h"

namespace lluda::codegen::gpu {
namespace {

using runtime::kBlockWarps;
using runtime::kWarpThreads;

// Rows of a that share a reading of the weights. A call with fewer takes the least of these that
// holds them.
constexpr int64_t kMostRows = 8;
constexpr int64_t kRowCounts[] = {1, 4, kMostRows};
// A lane with one row has at most so many eights of weights under way at a time.
constexpr int64_t kEightsInFlight = 12;

class ByElements : public Product {
 public:
  using Product::Product;

  KernelInfo Emit() {
    const std::vector<ir::Axis> axes = spec_.result.PlainAxes();
    e_.ForWarpRows(axes, [&](const Indices& indices) {
      Indices at = indices;
      if (is_expert()) {
        at[spec_.attrs.axes[1]] = LoadIndexAt(e_, spec_.operands[2], e_.Buffer(2), indices);
      }
      Value* column = axes.empty() ? e_.Const(0) : indices.at(axes.back().name);
      std::vector<Value*> sums;
      int64_t half = 0;
      if (has_halves()) {
        const ir::Axis columns = ColumnsOfHalves();
        half = columns.extent.value / 2;
        at[columns.name] = column;
        sums.push_back(Sum(at));
        at[columns.name] = Integer(e_, column) + half;
      }
      sums.push_back(Sum(at));
      e_.If(e_.IsFirstLane(), [&] { StoreAt(indices, Finished(indices, column, half, sums)); });
    });
    return WarpRowsInfo(axes);
  }

 private:
  // Of b's axes the one that is neither contracted nor chosen along.
  ir::Axis ColumnsOfHalves() const {
    for (const ir::Axis& axis : FreeAxes(b_)) {
      if (!is_expert() || axis.name != spec_.attrs.axes[1]) return axis;
    }
    return {};
  }
};

class ByHeads : public Product {
 public:
  ByHeads(const KernelSpec& spec, GpuEmitter& e) : Product(spec, e), heads_(spec, e) {}

  absl::StatusOr<KernelInfo> Emit() {
    const int64_t dims = heads_.dims();
    if (4 * dims > runtime::kMaxSharedBytes) return NoKernel(spec_, "a head is too long");
    std::vector<ir::Axis> rows = FreeAxes(a_);
    rows.insert(rows.end(), heads_.axes().begin(), heads_.axes().end());
    Value* shared = e_.Shared(4 * dims);
    const Indices row = e_.IndicesOf(rows, e_.Block(), 1);
    const ir::Axis columns = FreeAxes(b_).back();
    e_.Loop(e_.Warp(), e_.Const(dims), kBlockWarps, [&](Value* d) {
      Indices at = row;
      at[columns.name] = Column(row, d);
      Value* sum = Sum(at);
      e_.If(e_.IsFirstLane(), [&] {
        Value* to = e_.Address(shared, d, ir::DType::kF32);
        e_.Store(to, ir::DType::kF32, Finished(at, at.at(columns.name), 0, {sum}));
      });
    });
    e_.Barrier();
    e_.If(e_.b().CreateICmpEQ(e_.Warp(), e_.Const(0)), [&] { heads_.Finish({{row, shared}}); });
    KernelInfo info;
    info.work_axes = rows;
    return info;
  }

 private:
  Value* Column(const Indices& row, Value* d) const {
    Integer column(e_, e_.Const(0));
    for (const ir::Axis& axis : heads_.axes()) {
      column = column * e_.ExtentValue(axis.extent) + row.at(axis.name);
    }
    return column * heads_.dims() + d;
  }

  Heads heads_;
};

class ByPanels : public Product {
 public:
  ByPanels(const KernelSpec& spec, GpuEmitter& e) : Product(spec, e) {}

  // Whether it can be done this way.
  bool Fits() const {
    if (is_expert() || is_integer() || spec_.attrs.epilogue.per_head()) return false;
    if (b_.axes.size() != 2 || contracted_.size() != 1 || a_.axes.size() != 2) return false;
    const bool eights = b_.layout == ir::Layout::Panel(1, kEight, contracted_[0].name);
    return eights && IsContiguous(a_, contracted_[0].name) && FreeAxes(a_).size() == 1;
  }

  KernelInfo Emit() {
    auto& b = e_.b();
    rows_ = FreeAxes(a_)[0];
    depth_ = contracted_[0].extent.value;
    const ir::Axis columns = FreeAxes(b_)[0];
    const int64_t count = columns.extent.value / (has_halves() ? 2 : 1);
    half_ = has_halves() ? count : 0;
    const ir::Axis groups{"group", ir::Extent::Constant((count + kBlockWarps - 1) / kBlockWarps)};
    KernelInfo info;
    info.work_axes = {groups, rows_};
    info.item_rows = kMostRows;
    const Indices item = e_.IndicesOf(info.work_axes, e_.Block(), kMostRows);
    column_ = Integer(e_, item.at("group")) * kBlockWarps + e_.Warp();
    first_ = item.at(rows_.name);
    e_.If(b.CreateICmpSLT(column_, e_.Const(count)), [&] {
      left_ = e_.Least(Integer(e_, e_.ExtentValue(rows_.extent)) - first_, e_.Const(kMostRows));
      if (!RowsMayBeAligned()) return EmitSlowly();
      Value* address = b.CreatePtrToInt(e_.Buffer(0), b.getInt64Ty());
      Value* aligned = b.CreateICmpEQ(b.CreateAnd(address, e_.Const(15)), e_.Const(0));
      e_.If(aligned, [&] { EmitByCount(0); }, [&] { EmitSlowly(); });
    });
    return info;
  }

 private:
  // Rows of whole eights that follow one another by whole eights.
  bool RowsMayBeAligned() const {
    const ir::Stride& stride = a_.Find(rows_.name)->stride;
    return depth_ % kEight == 0 && stride.symbols.empty() && stride.factor % kEight == 0;
  }

  // With the least count of rows that holds what is left.
  void EmitByCount(size_t i) {
    const int64_t rows = kRowCounts[i];
    const auto emit = [&] { EmitRows(rows); };
    if (rows == kMostRows) return emit();
    e_.If(e_.b().CreateICmpSLE(left_, e_.Const(rows)), emit, [&] { EmitByCount(i + 1); });
  }

  Value* RowPointer(Value* row) {
    return e_.Address(e_.Buffer(0), e_.Offset(a_.axes, {{rows_.name, row}}), a_.dtype);
  }
  // Of the column, or of its partner.
  Value* WeightPointer(int64_t part) {
    const int64_t padded = (depth_ + kEight - 1) / kEight * kEight;
    const Integer column = Integer(e_, column_) + part * half_;
    return e_.Address(e_.Buffer(1), column * padded, b_.dtype);
  }
  int64_t Parts() const { return has_halves() ? 2 : 1; }
  static Value* Chain(GpuEmitter& e, const std::vector<Value*>& x, const std::vector<Value*>& y,
                      Value* sum) {
    for (size_t i = 0; i < x.size(); ++i) sum = e.MulAdd(x[i], y[i], sum);
    return sum;
  }

  // Sums of each row and part, all of a row side by side.
  void EmitRows(int64_t rows) {
    std::vector<Value*> a, weights;
    for (int64_t r = 0; r < rows; ++r) {  // rows behind the last are computed as it, and not stored
      Value* last = Integer(e_, left_) - 1;
      a.push_back(RowPointer(Integer(e_, e_.Least(e_.Const(r), last)) + first_));
    }
    for (int64_t part = 0; part < Parts(); ++part) weights.push_back(WeightPointer(part));
    const auto add = [&](Value* eight, int64_t count, Emitter::Carried sums) {
      const auto load = [&](Value* pointer, int64_t i, ir::DType dtype) {
        const Integer at = (Integer(e_, eight) + i * kWarpThreads) * kEight;
        return LoadEight(e_, e_.Address(pointer, at, dtype), dtype);
      };
      std::vector<std::vector<Value*>> loaded;
      for (int64_t i = 0; i < count; ++i) {
        for (Value* weight : weights) loaded.push_back(load(weight, i, b_.dtype));
      }
      for (int64_t i = 0; i < count; ++i) {
        for (size_t r = 0; r < a.size(); ++r) {
          const std::vector<Value*> x = load(a[r], i, a_.dtype);
          for (size_t part = 0; part < weights.size(); ++part) {
            Value*& sum = sums[r * weights.size() + part];
            sum = Chain(e_, x, loaded[static_cast<size_t>(i) * weights.size() + part], sum);
          }
        }
      }
      return sums;
    };
    const int64_t eights = depth_ / kEight;
    const int64_t rounds = eights / kWarpThreads;
    int64_t together = rows == 1 ? std::clamp<int64_t>(rounds, 1, kEightsInFlight) : 1;
    while (rounds % together != 0) --together;
    const int64_t whole = rounds * kWarpThreads;
    Emitter::Carried sums(a.size() * weights.size(), e_.ConstF32(0.0f, 1));
    sums = e_.Loop(e_.Lane(), e_.Const(whole), kWarpThreads * together, sums,
                   [&](Value* i, const Emitter::Carried& c) { return add(i, together, c); });
    sums = e_.Loop(Integer(e_, e_.Lane()) + whole, e_.Const(eights), kWarpThreads, sums,
                   [&](Value* i, const Emitter::Carried& c) { return add(i, 1, c); });
    // Lane r stores row r.
    std::vector<Value*> own;
    for (size_t part = 0; part < weights.size(); ++part) {
      for (size_t r = 0; r < a.size(); ++r) {
        Value* sum = e_.WarpSum(sums[r * weights.size() + part]);
        Value* is_own = e_.b().CreateICmpEQ(e_.Lane(), e_.Const(static_cast<int64_t>(r)));
        if (r == 0) own.push_back(sum);
        if (r > 0) own.back() = e_.b().CreateSelect(is_own, sum, own.back());
      }
    }
    e_.If(e_.b().CreateICmpSLT(e_.Lane(), left_),
          [&] { StoreRow(Integer(e_, first_) + e_.Lane(), own); });
  }

  // Row by row and element by element, in the same order.
  void EmitSlowly() {
    auto& b = e_.b();
    const int64_t eights = (depth_ + kEight - 1) / kEight;
    e_.Loop(e_.Const(0), left_, 1, [&](Value* r) {
      Value* row = Integer(e_, first_) + r;
      Value* pointer = RowPointer(row);
      std::vector<Value*> sums;
      for (int64_t part = 0; part < Parts(); ++part) {
        Value* weights = WeightPointer(part);
        Value* own = e_.ForLanesOfWarp(
            e_.Const(eights), {e_.ConstF32(0.0f, 1)}, [&](Value* eight, const Emitter::Carried& c) {
              std::vector<Value*> x, y;
              for (int64_t i = 0; i < kEight; ++i) {
                Value* k = Integer(e_, eight) * kEight + i;
                Value* inside = b.CreateICmpSLT(k, e_.Const(depth_));
                Value* read = e_.Least(k, e_.Const(depth_ - 1));
                Value* element = e_.Load(e_.Address(pointer, read, a_.dtype), a_.dtype, 1);
                x.push_back(b.CreateSelect(inside, element, e_.ConstF32(0.0f, 1)));
                y.push_back(e_.Load(e_.Address(weights, k, b_.dtype), b_.dtype, 1));
              }
              return Emitter::Carried{Chain(e_, x, y, c[0])};
            })[0];
        sums.push_back(e_.WarpSum(own));
      }
      e_.If(e_.IsFirstLane(), [&] { StoreRow(row, sums); });
    });
  }

  void StoreRow(Value* row, const std::vector<Value*>& sums) {
    Indices to = {{rows_.name, row}};
    Value* value = Finished(to, column_, half_, sums);
    to[spec_.result.axes.back().axis.name] = column_;
    StoreAt(to, value);
  }

  ir::Axis rows_;
  int64_t depth_ = 0;
  int64_t half_ = 0;
  Value* column_ = nullptr;
  Value* first_ = nullptr;  // row
  Value* left_ = nullptr;   // rows from there on, kMostRows at most
};

}  // namespace

absl::StatusOr<KernelInfo> EmitMatmul(const KernelSpec& spec, GpuEmitter& e) {
  ByElements by_elements(spec, e);
  absl::Status checked = by_elements.Check();
  if (!checked.ok()) return checked;
  if (TensorProduct::Fits(spec)) {
    return TensorProduct(spec, TensorProduct::LaunchOf({spec}, e), e).Emit();
  }
  e.WaitForEarlier();
  if (spec.attrs.epilogue.per_head()) return ByHeads(spec, e).Emit();
  ByPanels by_panels(spec, e);
  return by_panels.Fits() ? by_panels.Emit() : by_elements.Emit();
}

}  // namespace lluda::codegen::gpu
