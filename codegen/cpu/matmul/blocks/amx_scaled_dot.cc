#include "codegen/cpu/matmul/blocks/amx_scaled_dot.h"

#include "base/align.h"
#include "codegen/emit/integer.h"
#include "ir/type/encoding.h"

namespace lluda::codegen {
namespace {

// Steps whose sums are kept before they are scaled: so often is a result loaded and stored. Their
// tiles take a third of the nearest cache, their scales and terms half of the vector registers.
constexpr int kStepsAtOnce = 4;
constexpr int64_t kMostRows = 2 * kAmxRows;
constexpr int64_t kMostPanels = 2;
constexpr int64_t kStepBytes = kMostRows * kMostPanels * kLanes * 4;

const llvm::Align kLine(base::kCacheLine);

class ScaledProduct {
 public:
  ScaledProduct(Emitter& e, const AmxScaledDot& dot, Value* rows, Value* scratch, Value* out)
      : e_(e), dot_(dot), rows_(rows), scratch_(scratch), out_(out) {}

  void Emit() {
    EachRow([&](Value* row) {
      for (int64_t p = 0; p < Panels(); ++p) Store(e_.ConstF32(0, kLanes), Result(row, p));
    });
    const int64_t steps = dot_.depth_total / dot_.numbers.depth;
    const int64_t rest = steps % kStepsAtOnce;
    const auto from_to = [&](int64_t begin, int64_t end, int count) {
      if (begin == end) return;
      e_.Loop(e_.Const(begin), e_.Const(end), count, [&](Value* first) { AddSteps(first, count); });
    };
    from_to(0, steps - rest, kStepsAtOnce);
    from_to(steps - rest, steps, 1);
  }

 private:
  int64_t Panels() const { return static_cast<int64_t>(dot_.scales.size()); }

  void EachRow(const std::function<void(Value* row)>& body) {
    e_.Loop(e_.Const(0), rows_, 1, body);
  }
  Value* Load(Value* at) { return e_.b().CreateAlignedLoad(e_.F32(kLanes), at, kLine); }
  void Store(Value* value, Value* to) { e_.b().CreateAlignedStore(value, to, kLine); }

  Value* Result(Value* row, int64_t panel) {
    return e_.Address(out_, Integer(e_, row) * dot_.numbers.out_row + panel * kLanes,
                      ir::DType::kF32);
  }
  Value* StepSums(int step) {
    return e_.Address(scratch_, e_.Const(step * kStepBytes), ir::DType::kI8);
  }

  // The vectors of the steps from `first` on, panel by panel.
  std::vector<Value*> Vectors(const std::vector<Value*>& of_panels, Value* first, int count) {
    std::vector<Value*> vectors;
    for (int step = 0; step < count; ++step) {
      for (Value* panel : of_panels) {
        const Integer at = (Integer(e_, first) + step) * kLanes;
        vectors.push_back(Load(e_.Address(panel, at, ir::DType::kF32)));
      }
    }
    return vectors;
  }

  void AddSteps(Value* first, int count) {
    AmxDot numbers = dot_.numbers;
    numbers.out_row = Panels() * kLanes;
    for (int step = 0; step < count; ++step) {
      EmitAmxStep(e_, numbers, (Integer(e_, first) + step) * numbers.depth, StepSums(step));
    }
    const std::vector<Value*> scales = Vectors(dot_.scales, first, count);
    const std::vector<Value*> terms = Vectors(dot_.terms, first, count);
    EachRow([&](Value* row) {
      std::vector<Value*> results;
      for (int64_t p = 0; p < Panels(); ++p) results.push_back(Load(Result(row, p)));
      for (int step = 0; step < count; ++step) {
        Value* ones = terms.empty() ? nullptr : RowSum(Integer(e_, first) + step, row);
        for (int64_t p = 0; p < Panels(); ++p) {
          const auto vector = static_cast<size_t>(step * Panels() + p);
          const Integer at = (Integer(e_, row) * Panels() + p) * kLanes;
          Value* sum = Load(e_.Address(StepSums(step), at, ir::DType::kF32));
          Value*& result = results[static_cast<size_t>(p)];
          result = e_.MulAdd(sum, scales[vector], result);
          if (ones != nullptr) result = e_.MulAdd(terms[vector], ones, result);
        }
      }
      for (int64_t p = 0; p < Panels(); ++p) Store(results[static_cast<size_t>(p)], Result(row, p));
    });
  }

  Value* RowSum(Value* step, Value* row) {
    Value* at = e_.Address(dot_.row_sums, Integer(e_, step) * kMostRows + row, ir::DType::kF32);
    return e_.Splat(e_.Load(at, ir::DType::kF32, 1), kLanes);
  }

  Emitter& e_;
  const AmxScaledDot& dot_;
  Value* rows_;
  Value* scratch_;
  Value* out_;
};

}  // namespace

int64_t AmxScaledScratchBytes() { return kStepsAtOnce * kStepBytes; }

int64_t AmxRowSumBytes(int64_t depth_total, int64_t of_step) {
  return ir::BytesOf(ir::DType::kF32, depth_total / of_step * kMostRows);
}

void EmitAmxRowSums(Emitter& e, const std::vector<AmxRows>& a, int64_t depth_total, int64_t of_step,
                    Value* rows, Value* scratch, Value* to) {
  auto& b = e.b();
  // A row of a tile: 1 in each half of its dwords, as bf16.
  Value* ones = e.ConstInt(0x3F803F80, 32, kLanes);
  for (int64_t byte = 0; byte < kAmxTileBytes; byte += base::kCacheLine) {
    b.CreateAlignedStore(ones, e.Address(scratch, e.Const(byte), ir::DType::kI8), kLine);
  }
  AmxDot dot{a, {scratch}, e.Const(depth_total)};
  dot.same_panel = true;
  dot.depth = of_step;
  dot.out_row = kLanes;
  Value* sums = e.Address(scratch, e.Const(kAmxTileBytes), ir::DType::kI8);
  e.Loop(e.Const(0), e.Const(depth_total / of_step), 1, [&](Value* step) {
    EmitAmxStep(e, dot, Integer(e, step) * of_step, sums);
    e.Loop(e.Const(0), rows, 1, [&](Value* row) {
      Value* from = e.Address(sums, Integer(e, row) * kLanes, ir::DType::kF32);
      Value* at = e.Address(to, Integer(e, step) * kMostRows + row, ir::DType::kF32);
      e.Store(at, ir::DType::kF32, e.Load(from, ir::DType::kF32, 1));
    });
  });
}

void EmitAmxScaledDot(Emitter& e, const AmxScaledDot& dot, Value* rows, Value* scratch,
                      Value* out) {
  ScaledProduct(e, dot, rows, scratch, out).Emit();
}

}  // namespace lluda::codegen
