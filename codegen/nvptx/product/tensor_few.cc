// TensorProduct of few rows: warps take the segments of 8 columns, and leave their sums in shared memory.
#include <algorithm>

#include "codegen/emit/integer.h"
#include "codegen/emit/row_math.h"
#include "codegen/emit/tensor_access.h"
#include "codegen/nvptx/product/tensor_product.h"
#include "codegen/nvptx/words/block_sum.h"
#include "codegen/nvptx/words/eights.h"

namespace lluda::codegen::gpu {
namespace {

using ir::DType;
using runtime::kBlockThreads;
using runtime::kBlockWarps;
using Words = std::vector<Value*>;

// A lane has at most so many eights of weights under way at a time.
constexpr int64_t kEightsInFlight = 12;

}  // namespace

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

}  // namespace lluda::codegen::gpu
