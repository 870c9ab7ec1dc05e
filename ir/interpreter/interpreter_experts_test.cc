// The ops of mixtures of experts on values small enough to check by hand, and those that stand for
// others against them.
#include <functional>
#include <limits>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "base/status_macros.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "ir/builder.h"
#include "ir/interpreter/interpreter.h"

namespace lluda::ir {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Params = std::vector<Value*>;
using Build = std::function<Value*(Builder&, Params&)>;

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

Axis MakeAxis(std::string name, int64_t extent) {
  return {std::move(name), Extent::Constant(extent)};
}

Tensor Floats(std::vector<Axis> axes, std::vector<float> values) {
  return Tensor::OfFloats(Type{DType::kF32, std::move(axes), {}}, std::move(values));
}

Tensor Ints(std::vector<Axis> axes, std::vector<int64_t> values) {
  return Tensor::OfInts(Type{DType::kI32, std::move(axes), {}}, std::move(values));
}

Tensor Random(std::vector<Axis> axes, int seed) {
  Tensor tensor(Type{DType::kF32, std::move(axes), {}});
  std::mt19937 generator(seed);
  std::normal_distribution<float> normal;
  for (int64_t i = 0; i < tensor.size(); ++i) tensor.Store(i, normal(generator));
  return tensor;
}

Attrs Over(std::vector<std::string> axes, std::vector<Axis> result_axes = {}) {
  Attrs attrs;
  attrs.axes = std::move(axes);
  attrs.result_axes = std::move(result_axes);
  return attrs;
}

absl::StatusOr<Tensor> TryEval(std::vector<Tensor> arguments, const Build& build) {
  Module module("test");
  Func* func = module.AddFunc("f");
  Params params;
  for (size_t i = 0; i < arguments.size(); ++i) {
    params.push_back(
        func->AddParam(std::string(1, static_cast<char>('a' + i)), arguments[i].type()));
  }
  Builder builder(func);
  builder.Return(build(builder, params));
  if (!builder.status().ok()) return builder.status();
  ASSIGN_OR_RETURN(auto interpreter, Interpreter::Create(&module, {}));
  return interpreter.Call("f", std::move(arguments));
}

Tensor Eval(std::vector<Tensor> arguments, const Build& build) {
  auto result = TryEval(std::move(arguments), build);
  EXPECT_TRUE(result.ok()) << result.status();
  return result.ok() ? *std::move(result) : Tensor();
}

// One op on all arguments.
Build One(Opcode opcode, Attrs attrs = {}) {
  return [=](Builder& b, Params& p) { return b.Add(opcode, "y", {p.begin(), p.end()}, attrs); };
}

std::vector<int64_t> TopOf(std::vector<float> values, int64_t count) {
  const int64_t size = static_cast<int64_t>(values.size());
  return Eval({Floats({MakeAxis("e", size)}, std::move(values))},
              One(Opcode::kTopK, Over({"e"}, {MakeAxis("top", count)})))
      .ints();
}

TEST(TopK, GivesTheLargestFirst) { EXPECT_THAT(TopOf({0.5f, -1, 2, 1}, 3), ElementsAre(2, 3, 0)); }

TEST(TopK, PrefersTheLowerIndexAmongEquals) {
  EXPECT_THAT(TopOf({1, 3, 1, 3}, 4), ElementsAre(1, 3, 0, 2));
  EXPECT_THAT(TopOf({-0.0f, 0.0f}, 2), ElementsAre(0, 1));
}

TEST(TopK, TakesNaNForTheSmallest) {
  EXPECT_THAT(TopOf({kNan, -kInfinity, kInfinity, kNan}, 4), ElementsAre(2, 1, 0, 3));
}

TEST(TopK, ReplacesTheAxisWhereItStands) {
  const Tensor x = Floats({MakeAxis("e", 2), MakeAxis("t", 3)}, {1, 2, 3, 3, 2, 1});
  const Tensor y = Eval({x}, One(Opcode::kTopK, Over({"e"}, {MakeAxis("top", 1)})));
  EXPECT_EQ(ToString(y.type()), "i32 top[1] t[3]");
  EXPECT_THAT(y.ints(), ElementsAre(1, 0, 0));
}

TEST(Pick, TakesEachRowsOwnElements) {
  const Tensor x = Floats({MakeAxis("t", 2), MakeAxis("e", 3)}, {1, 2, 3, 4, 5, 6});
  const Tensor i = Ints({MakeAxis("t", 2), MakeAxis("top", 2)}, {2, 0, 1, 1});
  EXPECT_THAT(Eval({x, i}, One(Opcode::kPick, Over({"e"}))).floats(), ElementsAre(3, 1, 5, 5));
}

TEST(Pick, RefusesAnIndexOutOfRange) {
  const Tensor x = Floats({MakeAxis("e", 2)}, {1, 2});
  const auto y = TryEval({x, Ints({MakeAxis("top", 1)}, {2})}, One(Opcode::kPick, Over({"e"})));
  EXPECT_EQ(y.status().code(), absl::StatusCode::kOutOfRange);
  EXPECT_THAT(y.status().message(), HasSubstr("pick: index 2 is not within 0..1"));
}

TEST(Order, SortsPlacesAndKeepsEqualsInOrder) {
  const Tensor keys = Ints({MakeAxis("t", 2), MakeAxis("top", 3)}, {4, 0, 4, -1, 0, 4});
  EXPECT_THAT(Eval({keys}, One(Opcode::kOrder)).ints(), ElementsAre(3, 1, 4, 0, 2, 5));
}

struct ExpertArguments {
  Tensor a = Random({MakeAxis("t", 4), MakeAxis("k", 5)}, 1);
  Tensor w = Random({MakeAxis("e", 3), MakeAxis("n", 6), MakeAxis("k", 5)}, 2);
  Tensor i = Ints({MakeAxis("t", 4), MakeAxis("top", 2)}, {2, 0, 1, 2, 0, 1, 2, 1});
};

TEST(ExpertMatmul, MeansAMatmulWithGatheredMatrices) {
  const ExpertArguments x;
  const Tensor expanded = Eval({x.a, x.w, x.i}, [](Builder& b, Params& p) {
    return b.Matmul("y", p[0], b.Gather("m", p[1], p[2], "e"), "k");
  });
  const Tensor fused = Eval({x.a, x.w, x.i}, [](Builder& b, Params& p) {
    Value* order = b.Add(Opcode::kOrder, "o", {p[2]});
    return b.Add(Opcode::kExpertMatmul, "y", {p[0], p[1], p[2], order}, Over({"k", "e"}));
  });
  EXPECT_EQ(fused.type(), expanded.type());
  EXPECT_EQ(fused.floats(), expanded.floats());
}

TEST(ExpertMatmul, FoldsHalvesAndRoundsAsOpsOfTheirOwn) {
  const ExpertArguments x;
  const Tensor expanded = Eval({x.a, x.w, x.i}, [](Builder& b, Params& p) {
    Value* both = b.Matmul("y", p[0], b.Gather("m", p[1], p[2], "e"), "k");
    Value* gate = b.Slice("g", both, "n", 0, 3, {MakeAxis("h", 3)});
    Value* up = b.Slice("u", both, "n", 3, 6, {MakeAxis("h", 3)});
    return b.Cast("r", b.Binary(Opcode::kMul, "v", b.Unary(Opcode::kSilu, "s", gate), up),
                  DType::kBF16);
  });
  Attrs attrs = Over({"k", "e"}, {MakeAxis("h", 3)});
  attrs.epilogue = {EpilogueStep::kSiluMul};
  attrs.out = DType::kBF16;
  const Tensor fused = Eval({x.a, x.w, x.i}, [&](Builder& b, Params& p) {
    Value* order = b.Add(Opcode::kOrder, "o", {p[2]});
    return b.Add(Opcode::kExpertMatmul, "y", {p[0], p[1], p[2], order}, attrs);
  });
  EXPECT_EQ(fused.type(), expanded.type());
  EXPECT_EQ(fused.floats(), expanded.floats());
}

TEST(ExpertMatmul, IsTheSameInAnyOrder) {
  const ExpertArguments x;
  const auto run = [&](std::vector<int64_t> order) {
    return TryEval({x.a, x.w, x.i, Ints(x.i.type().axes, std::move(order))},
                   One(Opcode::kExpertMatmul, Over({"k", "e"})));
  };
  const auto forwards = run({0, 1, 2, 3, 4, 5, 6, 7});
  const auto backwards = run({7, 6, 5, 4, 3, 2, 1, 0});
  ASSERT_TRUE(forwards.ok() && backwards.ok());
  EXPECT_EQ(forwards->floats(), backwards->floats());
  EXPECT_THAT(run({0, 1, 2, 3, 4, 5, 6, 6}).status().message(),
              HasSubstr("expert_matmul: place 6 is in the order twice"));
  EXPECT_THAT(run({0, 1, 2, 3, 4, 5, 6, 8}).status().message(),
              HasSubstr("expert_matmul: place 8 is not within 0..7"));
}

TEST(ExpertMatmul, RefusesAnExpertThatThereIsNot) {
  ExpertArguments x;
  x.i.mutable_ints()[3] = 3;
  const auto y = TryEval({x.a, x.w, x.i, Ints(x.i.type().axes, {0, 1, 2, 3, 4, 5, 6, 7})},
                         One(Opcode::kExpertMatmul, Over({"k", "e"})));
  EXPECT_EQ(y.status().code(), absl::StatusCode::kOutOfRange);
}

TEST(Combine, MeansProductsTheirSumAndASum) {
  const Tensor d = Random({MakeAxis("t", 3), MakeAxis("top", 4), MakeAxis("n", 5)}, 4);
  const Tensor w = Random({MakeAxis("t", 3), MakeAxis("top", 4)}, 5);
  const Tensor x = Random({MakeAxis("t", 3), MakeAxis("n", 5)}, 6);
  const Tensor sums = Eval({d, w}, [](Builder& b, Params& p) {
    return b.Reduce(Opcode::kReduceSum, "y", b.Binary(Opcode::kMul, "m", p[0], p[1]), "top");
  });
  EXPECT_EQ(Eval({d, w}, One(Opcode::kCombine, Over({"top"}))).floats(), sums.floats());
  const Tensor added = Eval(
      {sums, x}, [](Builder& b, Params& p) { return b.Binary(Opcode::kAdd, "y", p[1], p[0]); });
  EXPECT_EQ(Eval({d, w, x}, One(Opcode::kCombine, Over({"top"}))).floats(), added.floats());
}

}  // namespace
}  // namespace lluda::ir
