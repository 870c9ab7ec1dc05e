#include "codegen/cpu/matmul/panel_dot.h"

#include <algorithm>

#include "codegen/cpu/emit/row_sums.h"
#include "codegen/emit/integer.h"
#include "ir/type/encoding.h"
#include "llvm/IR/Intrinsics.h"
#include "llvm/IR/IntrinsicsX86.h"

namespace lluda::codegen {
namespace {

class Step {
 public:
  Step(Emitter& e, const PanelDot& dot, const std::vector<Value*>& a_rows,
       const std::vector<Value*>& panels)
      : e_(e), b_(e.b()), dot_(dot), a_rows_(a_rows), panels_(panels) {}

  // Adds the products of elements k .. k + count, which are StepDepth but for those at the end.
  void Emit(Value* k, int64_t count, RowSums* sums) {
    if (dot_.dot == Dot::kBf16Pair) {
      EmitPairs(k, count, sums);
    } else {
      EmitWidened(k, count, sums);
    }
  }

 private:
  Value* PanelAddress(size_t panel, Value* k) {
    Value* address = e_.Address(panels_[panel], Integer(e_, k) * kLanes, dot_.b);
    if (dot_.prefetch_bytes != 0) e_.Prefetch(address, dot_.prefetch_bytes);
    if (dot_.prefetch_distance != nullptr) {
      e_.Prefetch(e_.Address(address, dot_.prefetch_distance, ir::DType::kI8), 0);
    }
    return address;
  }

  // Address of element k + step of a row, k being a multiple of what a step takes.
  Value* RowAddress(size_t row, Value* k, int64_t step) {
    Integer element(e_, k);
    int64_t rest = step;
    if (dot_.a_interleaved > 1) {
      const int64_t together = ir::DwordElements(dot_.a);
      element = (element + step / together * together) * dot_.a_interleaved;
      rest = step % together;
    }
    return e_.Address(a_rows_[row], element + rest, dot_.a);
  }

  // Two 16-bit elements of a row from k + first on as one i32, the second zero when there is none.
  Value* RowPair(size_t row, Value* k, int64_t first, bool whole) {
    Value* address = RowAddress(row, k, first);
    if (whole) return b_.CreateAlignedLoad(b_.getInt32Ty(), address, llvm::Align(2));
    return b_.CreateZExt(b_.CreateAlignedLoad(b_.getInt16Ty(), address, llvm::Align(2)),
                         b_.getInt32Ty());
  }

  // 16 integers, `element` rows of them behind `panel_k`, as f32.
  Value* Integers(Value* panel_k, int64_t element) {
    return e_.Load(e_.Address(panel_k, e_.Const(element * kLanes), dot_.b), dot_.b, kLanes);
  }

  // The panel's columns at `panel_k` in pairs of bf16: one vector for bf16; for i8 `count` / 2 of
  // them, rounded up, made of f32 whose lower halves are zero.
  std::vector<Value*> PairColumns(Value* panel_k, int64_t count) {
    auto* pairs = llvm::FixedVectorType::get(b_.getBFloatTy(), 2 * kLanes);
    if (dot_.b == ir::DType::kBF16) {
      return {b_.CreateAlignedLoad(pairs, panel_k, llvm::Align(64))};
    }
    const auto bits = [&](int64_t element) {
      return b_.CreateBitCast(Integers(panel_k, element), e_.Int(32, kLanes));
    };
    std::vector<Value*> columns;
    for (int64_t element = 0; element < count; element += 2) {
      Value* pair = b_.CreateLShr(bits(element), 16);
      if (element + 1 < count) pair = b_.CreateOr(pair, bits(element + 1));
      columns.push_back(b_.CreateBitCast(pair, pairs));
    }
    return columns;
  }

  void EmitPairs(Value* k, int64_t count, RowSums* sums) {
    auto* pairs = llvm::FixedVectorType::get(b_.getBFloatTy(), 2 * kLanes);
    std::vector<std::vector<Value*>> columns;
    for (size_t panel = 0; panel < panels_.size(); ++panel) {
      columns.push_back(PairColumns(PanelAddress(panel, k), count));
    }
    for (int64_t first = 0; first < count; first += 2) {
      for (size_t row = 0; row < a_rows_.size(); ++row) {
        Value* scalars = RowPair(row, k, first, first + 1 < count);
        Value* pair = b_.CreateBitCast(e_.Splat(scalars, kLanes), pairs);
        for (size_t panel = 0; panel < panels_.size(); ++panel) {
          Value*& sum = (*sums)[row][panel];
          sum = b_.CreateIntrinsic(llvm::Intrinsic::x86_avx512bf16_dpbf16ps_512, {},
                                   {sum, pair, columns[panel][static_cast<size_t>(first / 2)]});
        }
      }
    }
  }

  // The panel's columns as f32: two vectors (even and odd k) for 16-bit types, `count` for others.
  std::vector<Value*> Columns(size_t panel, Value* k, int64_t count) {
    Value* address = PanelAddress(panel, k);
    if (dot_.b == ir::DType::kF32) {
      std::vector<Value*> columns;
      for (int64_t i = 0; i < count; ++i) {
        Value* at = e_.Address(address, e_.Const(i * kLanes), dot_.b);
        columns.push_back(b_.CreateAlignedLoad(e_.F32(kLanes), at, llvm::Align(64)));
      }
      return columns;
    }
    if (dot_.b == ir::DType::kI8) {
      std::vector<Value*> columns;
      for (int64_t i = 0; i < count; ++i) columns.push_back(Integers(address, i));
      return columns;
    }
    Value* pairs = b_.CreateAlignedLoad(e_.Int(32, kLanes), address, llvm::Align(64));
    if (dot_.b == ir::DType::kBF16) {
      Value* odd = b_.CreateAnd(pairs, e_.ConstInt(0xFFFF0000, 32, kLanes));
      return {e_.BF16BitsToF32(pairs), b_.CreateBitCast(odd, e_.F32(kLanes))};
    }
    Value* even = b_.CreateAnd(pairs, e_.ConstInt(0xFFFF, 32, kLanes));
    return {e_.F16BitsToF32(even), e_.F16BitsToF32(b_.CreateLShr(pairs, 16))};
  }

  void EmitWidened(Value* k, int64_t count, RowSums* sums) {
    std::vector<std::vector<Value*>> columns;
    for (size_t panel = 0; panel < panels_.size(); ++panel) {
      columns.push_back(Columns(panel, k, count));
    }
    for (int64_t step = 0; step < count; ++step) {
      for (size_t row = 0; row < a_rows_.size(); ++row) {
        Value* address = RowAddress(row, k, step);
        Value* a = e_.Splat(e_.Load(address, dot_.a, 1), kLanes);
        for (size_t panel = 0; panel < panels_.size(); ++panel) {
          Value*& sum = (*sums)[row][panel];
          sum = e_.MulAdd(a, columns[panel][static_cast<size_t>(step)], sum);
        }
      }
    }
  }

  Emitter& e_;
  llvm::IRBuilder<>& b_;
  const PanelDot& dot_;
  const std::vector<Value*>& a_rows_;
  const std::vector<Value*>& panels_;
};

// Elements of each column that a step takes from a panel: 64 bytes for the 16 columns, or more where
// more elements of a row lie in a dword.
int StepDepth(ir::DType a, ir::DType b) {
  return static_cast<int>(std::max(ir::DwordElements(a), ir::DwordElements(b)));
}

constexpr int kStepsPerVisit = 8;

// Steps per loop iteration: small tiles are unrolled, so that the loop's own instructions do not
// count.
int Unroll(size_t accumulators, int64_t steps) {
  for (int unroll : {8, 4, 2}) {
    if (static_cast<int64_t>(accumulators) * unroll <= 24 && steps % unroll == 0) return unroll;
  }
  return 1;
}

}  // namespace

int64_t VisitDepth(ir::DType a, ir::DType b) { return int64_t{kStepsPerVisit} * StepDepth(a, b); }

std::vector<std::vector<Value*>> EmitPanelDot(Emitter& e, const PanelDot& dot,
                                              const std::vector<Value*>& a_rows,
                                              const std::vector<Value*>& panels) {
  const int depth = StepDepth(dot.a, dot.b);
  const int64_t whole = dot.depth_total / depth * depth;
  const int unroll =
      dot.visit == nullptr ? Unroll(a_rows.size() * panels.size(), whole / depth) : kStepsPerVisit;
  Step step(e, dot, a_rows, panels);
  RowSums sums = LoopOverSums(e, a_rows.size(), panels.size(), whole, depth * unroll,
                              [&](Value* k, RowSums* sums) {
                                if (dot.visit) dot.visit(k);
                                for (int i = 0; i < unroll; ++i) {
                                  step.Emit(e.b().CreateAdd(k, e.Const(i * depth)), depth, sums);
                                }
                              });
  if (whole != dot.depth_total) step.Emit(e.Const(whole), dot.depth_total - whole, &sums);
  return sums;
}

}  // namespace lluda::codegen
