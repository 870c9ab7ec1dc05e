// An epilogue's steps on columns as machine code, on vectors and on single columns.
#include "codegen/emit/column_epilogue.h"

#include <cmath>
#include <functional>
#include <string>
#include <vector>

#include "codegen/cpu/kernel_test_util.h"
#include "gtest/gtest.h"

namespace lluda::codegen {
namespace {

using ir::DType;
using ir::EpilogueStep;

constexpr int64_t kRows = 3;
constexpr int64_t kColumns = 40;  // two vectors, and eight columns one by one

constexpr char kModule[] = R"(
  weight @w : bf16 n[40] k[32] from "w"
  weight @b : bf16 n[40] from "b"
  func @f(%a: bf16 tok[T] k[32], %x: f32 tok[T] n[40], %z: f32 n[40] tok[T]) -> f32 tok[T] n[40] {
    %both = matmul %a @w @b %x over k {epilogue = bias add} : f32 tok[T] n[40]
    %t = permute %z to tok n : f32 tok[T] n[40]
    %permuted = matmul %a @w %t over k {epilogue = add} : f32 tok[T] n[40]
    return %both
  })";

KernelSpec SpecOfOp(const std::string& name) {
  const auto module = ParseTestModule(kModule);
  return module != nullptr ? SpecOf(FindOp(*module, name)) : KernelSpec{};
}

// Expects that the step adds to each sum the element of its operand at `at(row, column)`.
void ExpectAdded(const KernelSpec& spec, EpilogueStep step, DType dtype, int64_t elements,
                 const std::function<int64_t(int64_t row, int64_t column)>& at) {
  const int operand = spec.attrs.epilogue.OperandOf(step);
  const std::vector<char> added = Store(dtype, RandomFloats(elements, 1));
  const std::vector<float> sums = RandomFloats(kRows * kColumns, 2), widened = Widen(dtype, added);
  for (const Target& target : RunnableTargets()) {
    SCOPED_TRACE(std::string(IsaName(target.isa)));
    const EmittedKernel kernel(target, [&](Emitter& e) {
      e.Loop(e.Const(0), e.Dim("T"), 1, [&](Value* row) {
        e.ForLanes(ir::Extent::Constant(kColumns), [&](Value* column, int lanes) {
          auto& b = e.b();
          Value* i = b.CreateAdd(b.CreateMul(row, e.Const(kColumns)), column);
          Value* value = e.Load(e.Address(e.Buffer(8), i, DType::kF32), DType::kF32, lanes);
          e.Store(e.Address(e.Buffer(9), i, DType::kF32), DType::kF32,
                  ApplyColumnStep(spec, e, step, value, {{"tok", row}}, column));
        });
      });
    });
    std::vector<void*> buffers(10);
    std::vector<float> results(sums.size());
    buffers[operand] = const_cast<char*>(added.data());
    buffers[8] = const_cast<float*>(sums.data());
    buffers[9] = results.data();
    kernel.Run(buffers, 1, {kRows, 1, 64});
    for (int64_t row = 0; row < kRows; ++row) {
      for (int64_t column = 0; column < kColumns; ++column) {
        const int64_t i = row * kColumns + column;
        ASSERT_EQ(results[i], sums[i] + widened[at(row, column)]) << row << ", " << column;
      }
    }
  }
}

TEST(ApplyColumnStep, AddsTheResidualsElementOfTheRowAndTheColumn) {
  ExpectAdded(SpecOfOp("both"), EpilogueStep::kAdd, DType::kF32, kRows * kColumns,
              [](int64_t row, int64_t column) { return row * kColumns + column; });
}

TEST(ApplyColumnStep, AddsTheColumnsBiasToEveryRow) {
  ExpectAdded(SpecOfOp("both"), EpilogueStep::kBias, DType::kBF16, kColumns,
              [](int64_t, int64_t column) { return column; });
}

TEST(ApplyColumnStep, ReadsAResidualWhoseColumnsLieApart) {
  ExpectAdded(SpecOfOp("permuted"), EpilogueStep::kAdd, DType::kF32, kRows * kColumns,
              [](int64_t row, int64_t column) { return column * kRows + row; });
}

TEST(ApplyColumnStep, ReadsABiasWithGaps) {
  KernelSpec spec = SpecOfOp("both");
  spec.operands[spec.attrs.epilogue.OperandOf(EpilogueStep::kBias)].axes[0].stride.factor = 2;
  ExpectAdded(spec, EpilogueStep::kBias, DType::kBF16, 2 * kColumns,
              [](int64_t, int64_t column) { return 2 * column; });
}

TEST(FoldHalves, GatesTheSecondHalfWithTheFirst) {
  for (const Target& target : RunnableTargets()) {
    SCOPED_TRACE(std::string(IsaName(target.isa)));
    const EmittedKernel kernel(target, [](Emitter& e) {
      e.ForLanes(ir::Extent::Constant(kColumns), [&](Value* i, int lanes) {
        const auto at = [&](int buffer) { return e.Address(e.Buffer(buffer), i, DType::kF32); };
        e.Store(at(2), DType::kF32,
                FoldHalves(e, EpilogueStep::kSiluMul, e.Load(at(0), DType::kF32, lanes),
                           e.Load(at(1), DType::kF32, lanes)));
      });
    });
    std::vector<float> gate = RandomFloats(kColumns, 1), up = RandomFloats(kColumns, 2);
    for (float& value : gate) value *= 10;
    std::vector<float> results(kColumns);
    kernel.Run({gate.data(), up.data(), results.data()});
    for (int64_t i = 0; i < kColumns; ++i) {
      const double exact = gate[i] / (1 + std::exp(-double{gate[i]})) * up[i];
      EXPECT_NEAR(results[i], exact, 1e-6 * std::fabs(exact)) << i;
    }
  }
}

TEST(ColumnEpilogue, KnowsEveryStepThatNeedsNoHead) {
  for (const ir::StepInfo& info : ir::AllSteps()) {
    if (info.grain == ir::Grain::kHeads) continue;
    EXPECT_TRUE(EmitsColumnStep(info.step)) << info.name;
  }
}

}  // namespace
}  // namespace lluda::codegen
