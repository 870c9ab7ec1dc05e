#include "codegen/cpu/matmul/blocks/pair_scaled_dot.h"

#include "base/align.h"
#include "codegen/cpu/emit/row_sums.h"
#include "codegen/cpu/matmul/blocks/block_group.h"
#include "codegen/cpu/matmul/blocks/block_pairs.h"
#include "codegen/cpu/matmul/blocks/step_of_panel.h"
#include "codegen/emit/block_values.h"
#include "codegen/emit/integer.h"
#include "ir/type/encoding.h"
#include "llvm/IR/IntrinsicsX86.h"

namespace lluda::codegen {
namespace {

const llvm::Align kLine(base::kCacheLine);

// Two bf16 for each of `lanes` sums.
Value* AsPairs(Emitter& e, Value* bits, int lanes) {
  return e.b().CreateBitCast(bits,
                             llvm::FixedVectorType::get(e.b().getBFloatTy(), 2 * unsigned(lanes)));
}

Value* AddPairs(Emitter& e, Value* sum, Value* x, Value* y) {
  const auto id = LanesOf(sum) == kLanes ? llvm::Intrinsic::x86_avx512bf16_dpbf16ps_512
                                         : llvm::Intrinsic::x86_avx512bf16_dpbf16ps_256;
  return e.b().CreateIntrinsic(id, {}, {sum, x, y});
}

class Steps {
 public:
  Steps(Emitter& e, const PairScaledDot& dot, const std::vector<Value*>& a_rows)
      : e_(e), b_(e.b()), dot_(dot), a_rows_(a_rows), of_step_(StepOf(dot.b)) {}

  // Adds the step whose first element is `k`.
  void Add(const Integer& k, const std::vector<StepOfPanel>& panels, RowSums* sums) {
    RowSums of_step(a_rows_.size(), std::vector<Value*>(panels.size(), e_.ConstF32(0.0f, kLanes)));
    for (int64_t i = 0; i < of_step_; i += 2) {
      std::vector<Value*> numbers;
      for (const StepOfPanel& panel : panels) numbers.push_back(panel.numbers(i));
      for (size_t row = 0; row < a_rows_.size(); ++row) {
        Value* address = e_.Address(a_rows_[row], k + i, ir::DType::kBF16);
        Value* pair = b_.CreateAlignedLoad(b_.getInt32Ty(), address, llvm::Align(2));
        Value* a = AsPairs(e_, e_.Splat(pair, kLanes), kLanes);
        for (size_t panel = 0; panel < panels.size(); ++panel) {
          Value*& sum = of_step[row][panel];
          sum = AddPairs(e_, sum, a, numbers[panel]);
        }
      }
    }
    for (size_t panel = 0; panel < panels.size(); ++panel) {
      Value* scale = panels[panel].scale();
      Value* term = dot_.row_sums == nullptr ? nullptr : panels[panel].term();
      for (size_t row = 0; row < a_rows_.size(); ++row) {
        Value*& sum = (*sums)[row][panel];
        sum = e_.MulAdd(of_step[row][panel], scale, sum);
        if (term != nullptr) sum = e_.MulAdd(term, Ones(row, k), sum);
      }
    }
  }

 private:
  Value* Ones(size_t row, const Integer& k) {
    const int64_t steps = dot_.depth_total / of_step_;
    const Integer at = k / of_step_ + static_cast<int64_t>(row) * steps;
    Value* x = e_.Load(e_.Address(dot_.row_sums, at, ir::DType::kF32), ir::DType::kF32, 1);
    return e_.Splat(x, kLanes);
  }

  Emitter& e_;
  llvm::IRBuilder<>& b_;
  const PairScaledDot& dot_;
  const std::vector<Value*>& a_rows_;
  const int64_t of_step_;
};

}  // namespace

int64_t PairRowSumBytes(ir::DType b, int64_t depth_total, int rows) {
  return ir::BytesOf(ir::DType::kF32, depth_total / StepOf(b) * rows);
}

void EmitPairRowSums(Emitter& e, ir::DType dtype, int64_t depth_total,
                     const std::vector<Value*>& a_rows, Value* to) {
  auto& b = e.b();
  const int64_t of_step = StepOf(dtype), steps = depth_total / of_step;
  const int lanes = static_cast<int>(of_step / 2);
  Value* ones = AsPairs(e, e.ConstInt(0x3F803F80, 32, lanes), lanes);
  e.Loop(e.Const(0), e.Const(steps), 1, [&](Value* step) {
    for (size_t row = 0; row < a_rows.size(); ++row) {
      Value* from = e.Address(a_rows[row], Integer(e, step) * of_step, ir::DType::kBF16);
      Value* pairs = AsPairs(e, b.CreateAlignedLoad(e.Int(32, lanes), from, llvm::Align(2)), lanes);
      Value* sums = AddPairs(e, e.ConstF32(0.0f, lanes), pairs, ones);
      for (int half = lanes / 2; half >= 1; half /= 2) {
        std::vector<int> low, high;
        for (int i = 0; i < half; ++i) {
          low.push_back(i);
          high.push_back(i + half);
        }
        sums = b.CreateFAdd(b.CreateShuffleVector(sums, low), b.CreateShuffleVector(sums, high));
      }
      const Integer at = Integer(e, step) + static_cast<int64_t>(row) * steps;
      b.CreateAlignedStore(b.CreateExtractElement(sums, uint64_t{0}),
                           e.Address(to, at, ir::DType::kF32), llvm::Align(4));
    }
  });
}

std::vector<std::vector<Value*>> EmitPairScaledDot(Emitter& e, const PairScaledDot& dot,
                                                   const std::vector<Value*>& a_rows,
                                                   const std::vector<ScaledPanel>& panels) {
  const int64_t of_step = StepOf(dot.b);
  const auto load = [&](Value* base, const Integer& vector) {
    Value* at = e.Address(base, vector * kLanes, ir::DType::kF32);
    return e.b().CreateAlignedLoad(e.F32(kLanes), at, kLine);
  };
  Steps steps(e, dot, a_rows);
  return LoopOverSums(
      e, a_rows.size(), panels.size(), dot.depth_total, of_step, [&](Value* first, RowSums* sums) {
        const Integer k(e, first);
        std::vector<StepOfPanel> of_panels;
        for (const ScaledPanel& panel : panels) {
          of_panels.push_back(
              {[&, k](int64_t i) { return AsPairs(e, load(panel.numbers, (k + i) / 2), kLanes); },
               [&, k] { return load(panel.scales, k / of_step); },
               [&, k] { return load(panel.terms, k / of_step); }});
        }
        steps.Add(k, of_panels, sums);
      });
}

std::vector<std::vector<Value*>> EmitPairBlockDot(Emitter& e, const PairScaledDot& dot,
                                                  const std::vector<Value*>& a_rows,
                                                  const std::vector<Value*>& panels) {
  const ir::Encoding& encoding = ir::EncodingOf(dot.b);
  Steps steps(e, dot, a_rows);
  return LoopOverSums(
      e, a_rows.size(), panels.size(), dot.depth_total, encoding.elements,
      [&](Value* block, RowSums* sums) {
        std::vector<Value*> groups;
        for (Value* panel : panels) groups.push_back(BlockGroupAt(e, dot.b, panel, block));
        const int64_t of_step = StepOf(dot.b);
        for (int64_t first = 0; first < encoding.elements; first += of_step) {
          for (Value* group : groups) {
            PrefetchShare(e, dot.b, group, first, first + of_step, dot.prefetch_bytes);
          }
          // What was loaded is kept for a step: registers have no room for more.
          std::vector<BlockPairs> pairs;
          std::vector<BlockValues> values;
          for (Value* group : groups) {
            pairs.emplace_back(e, dot.b, group);
            values.emplace_back(e, dot.b, group, kLanes, kLanes);
          }
          std::vector<StepOfPanel> of_panels;
          for (size_t panel = 0; panel < panels.size(); ++panel) {
            of_panels.push_back({[&, panel](int64_t i) { return pairs[panel].Numbers(first + i); },
                                 [&, panel] { return values[panel].Scale(first); },
                                 [&, panel] { return values[panel].Term(first); }});
          }
          steps.Add(Integer(e, block) + first, of_panels, sums);
        }
      });
}

}  // namespace lluda::codegen
