// The end of a matmul on heads as machine code, for every epilogue on heads that ir/op/epilogue.def
// allows, against the steps' formulas in double.
#include "codegen/cpu/matmul/head_epilogue.h"

#include <cmath>
#include <functional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "codegen/cpu/kernel_test_util.h"
#include "gtest/gtest.h"
#include "ir/op/all_epilogues.h"

namespace lluda::codegen {
namespace {

using ir::DType;
using ir::Epilogue;
using ir::EpilogueStep;

constexpr int64_t kTokens = 5;
constexpr int64_t kSlots = 2;
constexpr int64_t kCapacity = 64;
constexpr double kEps = 1e-3;
constexpr float kUntouched = 7.0f;

struct Shape {
  DType dtype;  // of the result, or of the state that is appended to
  int64_t heads, elements;
  bool panels;  // the state lies in them
};

// By the token's number.
constexpr int64_t kSlotOf[kTokens] = {0, 1, 1, 0, 1};
constexpr int64_t kPositionOf[kTokens] = {3, 0, 17, 63, 1};

// What the steps work with besides the sums.
struct Inputs {
  std::vector<float> sums;            // [head][token][element]
  std::vector<float> bias;            // [head][element]
  std::vector<float> weight;          // [element]
  std::vector<float> cosines, sines;  // [token][half]
};

// The formulas of ir/op/ops.md for a row of a head.
std::vector<double> Finished(const Epilogue& epilogue, const Shape& shape, const Inputs& in,
                             int64_t head, int64_t token) {
  const int64_t n = shape.elements, half = n / 2;
  std::vector<double> x(n);
  for (int64_t i = 0; i < n; ++i) x[i] = in.sums[(head * kTokens + token) * n + i];
  if (epilogue.Has(EpilogueStep::kBias)) {
    for (int64_t i = 0; i < n; ++i) x[i] += in.bias[head * n + i];
  }
  if (epilogue.Has(EpilogueStep::kNorm)) {
    double squares = 0;
    for (const double value : x) squares += value * value;
    const double root = std::sqrt(squares / static_cast<double>(n) + kEps);
    for (int64_t i = 0; i < n; ++i) x[i] = x[i] / root * in.weight[i];
  }
  if (epilogue.Has(EpilogueStep::kRope)) {
    for (int64_t i = 0; i < half; ++i) {
      const double lo = x[i], hi = x[half + i];
      const double cosine = in.cosines[token * half + i], sine = in.sines[token * half + i];
      x[i] = lo * cosine - hi * sine;
      x[half + i] = hi * cosine + lo * sine;
    }
  }
  return x;
}

// Where element i of a finished row goes.
int64_t At(const Epilogue& epilogue, const Shape& shape, int64_t head, int64_t token, int64_t i) {
  const int64_t n = shape.elements;
  if (!epilogue.Has(EpilogueStep::kAppend)) return (token * shape.heads + head) * n + i;
  const int64_t first = (kSlotOf[token] * shape.heads + head) * kCapacity * n;
  const int64_t position = kPositionOf[token];
  if (!shape.panels) return first + position * n + i;
  return first + position / 16 * 16 * n + i / 2 * 32 + position % 16 * 2 + i % 2;
}

KernelSpec SpecFor(const Epilogue& epilogue, const Shape& shape) {
  const bool appends = epilogue.Has(EpilogueStep::kAppend);
  std::string operands, attrs = absl::StrCat("epilogue = ", epilogue.ToString());
  if (epilogue.Has(EpilogueStep::kBias)) operands += " @b";
  if (epilogue.Has(EpilogueStep::kNorm)) {
    operands += " @s";
    attrs += ", eps = 0.001";
  }
  if (shape.dtype != DType::kF32) absl::StrAppend(&attrs, ", out = ", ir::DTypeName(shape.dtype));
  if (epilogue.Has(EpilogueStep::kRope)) {
    operands += " %c %d";
    attrs += ", style = half";
  }
  if (appends) operands += " @v";
  const std::string row = "$X tok[T] kv[$H] dim[$D]";
  const std::string state =
      absl::StrCat("$X slot[S] kv[$H] pos[C] dim[$D]", shape.panels ? " @panel(16x2, dim)" : "");
  const std::string text = absl::StrCat(
      R"(
  weight @w : bf16 n[$N] k[32] from "w"
  weight @b : f32 n[$N] from "b"
  weight @s : f32 dim[$D] from "s"
  state @v : )",
      state, R"(
  func @f(%a: bf16 tok[T] k[32], %c: f32 tok[T] pair[$P], %d: f32 tok[T] pair[$P], %pos: i32 tok[T], %slot: i32 tok[T]) -> )",
      appends ? "$X tok[T] kv[$H] pos[C] dim[$D]" : row, " {\n    %y = matmul %a @w", operands,
      appends ? " over k slot pos -> kv[$H] dim[$D] at %slot %pos {"
              : " over k -> kv[$H] dim[$D] {",
      attrs, "} : ", appends ? state : row, "\n",
      appends ? "    %r = gather %y over slot at %slot : $X tok[T] kv[$H] pos[C] dim[$D]\n" : "",
      "    return ", appends ? "%r" : "%y", "\n  }");
  const auto module =
      ParseTestModule(absl::StrReplaceAll(text, {{"$X", ir::DTypeName(shape.dtype)},
                                                 {"$H", absl::StrCat(shape.heads)},
                                                 {"$D", absl::StrCat(shape.elements)},
                                                 {"$N", absl::StrCat(shape.heads * shape.elements)},
                                                 {"$P", absl::StrCat(shape.elements / 2)}}));
  return module != nullptr ? SpecOf(FindOp(*module, "y")) : KernelSpec{};
}

void ExpectFinished(const Target& target, const Epilogue& epilogue, const Shape& shape) {
  SCOPED_TRACE(::testing::Message()
               << IsaName(target.isa) << " " << epilogue.ToString("_") << ", " << shape.heads
               << " heads of " << shape.elements << " " << ir::DTypeName(shape.dtype));
  const KernelSpec spec = SpecFor(epilogue, shape);
  ASSERT_TRUE(FinishesHeads(spec));
  const int64_t n = shape.elements, pairs = kTokens * n / 2;
  const auto operands = static_cast<int>(spec.operands.size());
  // The rows of each head in two goes, the second of which does not begin at the first token.
  const EmittedKernel kernel(target, [&](Emitter& e) {
    auto& b = e.b();
    e.ForItems([&](Value* head) {
      Value* sums =
          e.Address(e.Buffer(operands + 1), b.CreateMul(head, e.Const(kTokens * n)), DType::kF32);
      HeadEpilogue(spec, e).EmitRows(sums, e.Const(2), "tok", {{"kv", head}, {"tok", e.Const(0)}});
      HeadEpilogue(spec, e).EmitRows(e.Address(sums, e.Const(2 * n), DType::kF32),
                                     b.CreateSub(e.Dim("T"), e.Const(2)), "tok",
                                     {{"kv", head}, {"tok", e.Const(2)}});
    });
  });
  Inputs in{RandomFloats(shape.heads * kTokens * n, 1), RandomFloats(shape.heads * n, 2),
            RandomFloats(n, 3), RandomFloats(pairs, 4), RandomFloats(pairs, 5)};
  const bool appends = epilogue.Has(EpilogueStep::kAppend);
  const int64_t rows = appends ? kSlots * kCapacity : kTokens;
  std::vector<float> expected(static_cast<size_t>(rows * shape.heads * n), kUntouched);
  std::vector<char> result = Store(shape.dtype, expected);
  std::vector<int32_t> slots(kSlotOf, kSlotOf + kTokens),
      positions(kPositionOf, kPositionOf + kTokens);
  std::vector<void*> buffers(operands + 2);
  const auto put = [&](EpilogueStep step, int i, void* data) {
    if (epilogue.Has(step)) buffers[epilogue.OperandOf(step) + i] = data;
  };
  put(EpilogueStep::kBias, 0, in.bias.data());
  put(EpilogueStep::kNorm, 0, in.weight.data());
  put(EpilogueStep::kRope, 0, in.cosines.data());
  put(EpilogueStep::kRope, 1, in.sines.data());
  put(EpilogueStep::kAppend, 0, result.data());
  put(EpilogueStep::kAppend, 1, slots.data());
  put(EpilogueStep::kAppend, 2, positions.data());
  buffers[operands] = result.data();
  buffers[operands + 1] = in.sums.data();
  kernel.Run(buffers, shape.heads, {kTokens, kSlots, kCapacity});
  for (int64_t token = 0; token < kTokens; ++token) {
    for (int64_t head = 0; head < shape.heads; ++head) {
      const std::vector<double> x = Finished(epilogue, shape, in, head, token);
      for (int64_t i = 0; i < n; ++i) {
        expected[At(epilogue, shape, head, token, i)] = static_cast<float>(x[i]);
      }
    }
  }
  const std::vector<float> stored = Widen(shape.dtype, result);
  const double relative = shape.dtype == DType::kF32 ? 0 : 0x1p-8;  // a bf16's last bit
  for (size_t i = 0; i < expected.size(); ++i) {
    ASSERT_NEAR(stored[i], expected[i], 4e-6 + relative * std::fabs(expected[i])) << i;
  }
}

TEST(HeadEpilogue, DoesWhatItsStepsSayAndTouchesNothingElse) {
  // Whole vectors and their halves; rests in both; fewer elements than a vector has.
  const Shape shapes[] = {
      {DType::kBF16, 2, 64, true}, {DType::kF32, 3, 34, false}, {DType::kBF16, 2, 10, true}};
  for (const Target& target : RunnableTargets()) {
    for (const Epilogue& epilogue : ir::AllEpilogues()) {
      if (!epilogue.per_head()) continue;
      for (const Shape& shape : shapes) ExpectFinished(target, epilogue, shape);
      if (HasFailure()) return;
    }
  }
}

TEST(HeadEpilogue, KnowsEveryStepOnHeads) {
  for (const ir::StepInfo& info : ir::AllSteps()) {
    EXPECT_EQ(EmitsHeadStep(info.step), info.grain == ir::Grain::kHeads) << info.name;
  }
}

}  // namespace
}  // namespace lluda::codegen
