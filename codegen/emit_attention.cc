// attention: softmax(q k^T * scale) v over the cached positions 0..pos of each token's slot.
//
// Online softmax (Milakov and Gimelshein 2018; Dao et al., FlashAttention, 2022) over blocks of 64
// cached positions counted from position 0, so the order of every sum depends on a token's position
// alone and not on how the prompt was split. One work item is a token and a KV head; the query
// heads of a group share each K panel and V row that is loaded.
#include <algorithm>
#include <limits>

#include "codegen/kernel.h"
#include "codegen/math.h"
#include "codegen/panel_dot.h"

namespace lluda::codegen {
namespace {

constexpr int kLanes = kPanelRows;
constexpr int kBlockPanels = 4;
constexpr int kBlock = kBlockPanels * kLanes;
// Accumulators kept in registers decide how many query heads go through the cache at once.
constexpr int64_t kAccumulators = 16;

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
    if (spec_.attrs.mask != ir::Mask::kCausal) return NoKernel(spec_, "only the causal mask");
    return absl::OkStatus();
  }

  KernelInfo Emit() {
    KernelInfo info;
    for (const ir::StridedAxis& strided : positions_.axes) info.work_axes.push_back(strided.axis);
    for (const ir::Axis& axis : HeadAxes()) info.work_axes.push_back(axis);
    info.item_cost = 4000;
    const int64_t heads = QueryAxes().empty() ? 1 : QueryAxes()[0].extent.value;
    int64_t at_once = std::clamp<int64_t>(kAccumulators / Vectors(), 1, kBlockPanels);
    while (heads % at_once != 0) --at_once;
    info.scratch_bytes = at_once * kBlock * ir::DTypeSize(ir::DType::kF32);
    e_.ForRows(info.work_axes, [&](const Indices& item) {
      const auto load = [&](int buffer, const TensorSpec& tensor) {
        return e_.LoadIndex(
            e_.Address(e_.Buffer(buffer), e_.Offset(tensor.axes, item), tensor.dtype),
            tensor.dtype);
      };
      Value* last = load(3, positions_);
      Value* slot = load(4, slots_);
      e_.Loop(e_.Const(0), e_.Const(heads), at_once,
              [&](Value* head) { EmitHeads(item, head, static_cast<int>(at_once), slot, last); });
    });
    return info;
  }

 private:
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

  void StoreResult(Value* first, int64_t d, Value* vector) {
    const ir::DType dtype = spec_.result.dtype;
    Value* at = e_.b().CreateAdd(first, e_.Const(d * kLanes));
    if (Elements(d) == kLanes) {
      e_.Store(e_.Address(e_.Buffer(5), at, dtype), dtype, vector);
      return;
    }
    for (int i = 0; i < Elements(d); ++i) {
      Value* element = e_.Address(e_.Buffer(5), e_.b().CreateAdd(at, e_.Const(i)), dtype);
      e_.Store(element, dtype, e_.b().CreateExtractElement(vector, static_cast<uint64_t>(i)));
    }
  }

  Indices QueryIndices(const Indices& item, Value* head) const {
    Indices indices = item;
    if (!QueryAxes().empty()) indices[QueryAxes()[0].name] = head;
    return indices;
  }

  void EmitHeads(const Indices& item, Value* first_head, int heads, Value* slot, Value* last) {
    auto& b = e_.b();
    const int64_t vectors = Vectors();
    std::vector<Value*> q_rows;
    std::vector<Indices> query;
    for (int h = 0; h < heads; ++h) {
      query.push_back(QueryIndices(item, b.CreateAdd(first_head, e_.Const(h))));
      q_rows.push_back(e_.Address(e_.Buffer(0), e_.Offset(q_.axes, query[h]), q_.dtype));
    }
    Indices cached = item;
    cached[slot_] = slot;
    // Carried per head: the maximum so far, 16 partial sums of weights, the weighted sum of V.
    Emitter::Carried init;
    for (int h = 0; h < heads; ++h) {
      init.push_back(e_.ConstF32(-std::numeric_limits<float>::infinity(), 1));
      init.push_back(e_.ConstF32(0.0f, kLanes));
      for (int64_t d = 0; d < vectors; ++d) init.push_back(e_.ConstF32(0.0f, kLanes));
    }
    const int64_t per_head = 2 + vectors;
    Value* end = b.CreateAdd(last, e_.Const(1));
    const Emitter::Carried sums =
        e_.Loop(e_.Const(0), end, kBlock, init, [&](Value* block, const Emitter::Carried& carried) {
          Emitter::Carried next = Weigh(block, last, q_rows, cached, carried, per_head);
          return AddValues(block, end, cached, next, heads, per_head);
        });
    for (int h = 0; h < heads; ++h) {
      Value* total = e_.Splat(e_.SumLanes(sums[h * per_head + 1]), kLanes);
      Value* out = e_.Offset(spec_.result.axes, query[h]);
      for (int64_t d = 0; d < vectors; ++d) {
        StoreResult(out, d, b.CreateFDiv(sums[h * per_head + 2 + d], total));
      }
    }
  }

  // Scores of one block; leaves exp(score - maximum) in the scratch memory and rescales what is
  // carried to the new maximum.
  Emitter::Carried Weigh(Value* block, Value* last, const std::vector<Value*>& q_rows,
                         Indices cached, const Emitter::Carried& carried, int64_t per_head) {
    auto& b = e_.b();
    std::vector<Value*> panels;
    for (int p = 0; p < kBlockPanels; ++p) {
      cached[pos_] = b.CreateAdd(block, e_.Const(p * kLanes));
      panels.push_back(e_.Address(e_.Buffer(1), ElementOffset(e_, k_, cached), k_.dtype));
    }
    const auto scores =
        EmitPanelDot(e_, {tile_.dot, q_.dtype, k_.dtype, dims_, false}, q_rows, panels);
    std::vector<uint64_t> lane_numbers;
    for (int i = 0; i < kLanes; ++i) lane_numbers.push_back(static_cast<uint64_t>(i));
    Value* lanes = llvm::ConstantDataVector::get(e_.context(), lane_numbers);
    const auto scale = static_cast<float>(*spec_.attrs.scale);
    Emitter::Carried next;
    for (size_t h = 0; h < q_rows.size(); ++h) {
      std::vector<Value*> masked;
      Value* maximum = nullptr;
      for (int p = 0; p < kBlockPanels; ++p) {
        Value* key = b.CreateAdd(e_.Splat(b.CreateAdd(block, e_.Const(p * kLanes)), kLanes), lanes);
        Value* score = b.CreateFMul(scores[h][p], e_.ConstF32(scale, kLanes));
        score = b.CreateSelect(b.CreateICmpSLE(key, e_.Splat(last, kLanes)), score,
                               e_.ConstF32(-std::numeric_limits<float>::infinity(), kLanes));
        masked.push_back(score);
        maximum = maximum == nullptr ? score : e_.Max(maximum, score);
      }
      Value* old_maximum = carried[h * per_head];
      Value* new_maximum = e_.Max(e_.MaxLanes(maximum), old_maximum);
      Value* correction = e_.Splat(Exp(e_, b.CreateFSub(old_maximum, new_maximum)), kLanes);
      Value* sum = b.CreateFMul(carried[h * per_head + 1], correction);
      for (int p = 0; p < kBlockPanels; ++p) {
        Value* weight = Exp(e_, b.CreateFSub(masked[p], e_.Splat(new_maximum, kLanes)));
        sum = b.CreateFAdd(sum, weight);
        const int64_t at = static_cast<int64_t>(h) * kBlock + p * kLanes;
        e_.Store(e_.Address(e_.Scratch(), e_.Const(at), ir::DType::kF32), ir::DType::kF32, weight);
      }
      next.push_back(new_maximum);
      next.push_back(sum);
      for (int64_t d = 2; d < per_head; ++d) {
        next.push_back(b.CreateFMul(carried[h * per_head + d], correction));
      }
    }
    return next;
  }

  // Adds weight * V for the block's positions that exist.
  Emitter::Carried AddValues(Value* block, Value* end, Indices cached,
                             const Emitter::Carried& carried, int heads, int64_t per_head) {
    auto& b = e_.b();
    Value* left = b.CreateSub(end, block);
    Value* count = b.CreateSelect(b.CreateICmpSLT(left, e_.Const(kBlock)), left, e_.Const(kBlock));
    return e_.Loop(e_.Const(0), count, 1, carried, [&](Value* j, const Emitter::Carried& sums) {
      cached[pos_] = b.CreateAdd(block, j);
      Value* row = e_.Offset(v_.axes, cached);
      std::vector<Value*> weights;
      for (int h = 0; h < heads; ++h) {
        Value* at = b.CreateAdd(j, e_.Const(int64_t{h} * kBlock));
        weights.push_back(e_.Splat(
            e_.Load(e_.Address(e_.Scratch(), at, ir::DType::kF32), ir::DType::kF32, 1), kLanes));
      }
      Emitter::Carried next = sums;
      for (int64_t d = 0; d + 2 < per_head; ++d) {
        Value* value = LoadValues(row, d);
        for (int h = 0; h < heads; ++h) {
          Value*& sum = next[h * per_head + 2 + d];
          sum = e_.MulAdd(weights[h], value, sum);
        }
      }
      return next;
    });
  }

  const KernelSpec& spec_;
  Emitter& e_;
  const TileRow& tile_;
  const TensorSpec& q_;
  const TensorSpec& k_;
  const TensorSpec& v_;
  const TensorSpec& positions_;
  const TensorSpec& slots_;
  const std::string slot_;
  const std::string pos_;
  const std::string dim_;
  const int64_t dims_;
};

}  // namespace

absl::StatusOr<KernelInfo> EmitAttention(const KernelSpec& spec, Emitter& e) {
  const TileRow* tile = e.target().FindTile(spec.operands[0].dtype, spec.operands[1].dtype);
  if (tile == nullptr) return NoKernel(spec, "no tile for these types");
  Attention attention(spec, e, *tile);
  if (absl::Status s = attention.Check(); !s.ok()) return s;
  return attention.Emit();
}

}  // namespace lluda::codegen
