// Each op on values small enough to check by hand.
#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "ir/interpreter/op_test_util.h"

namespace lluda::ir {
namespace {

using ::testing::ElementsAre;

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

std::vector<float> RunUnary(Opcode opcode, std::vector<float> x, Attrs attrs = {}) {
  const int64_t size = static_cast<int64_t>(x.size());
  return Eval({Floats({MakeAxis("i", size)}, std::move(x))}, One(opcode, attrs)).floats();
}

TEST(Elementwise, BinaryOpsMatchAxesByNameAndAppendThoseOfTheSecond) {
  const Tensor a = Floats({MakeAxis("i", 2), MakeAxis("j", 2)}, {1, 2, 3, 4});
  const Tensor b = Floats({MakeAxis("k", 2), MakeAxis("i", 2)}, {10, 20, 30, 40});
  const Tensor y = Eval({a, b}, One(Opcode::kSub));
  EXPECT_EQ(ToString(y.type()), "f32 i[2] j[2] k[2]");
  EXPECT_THAT(y.floats(), ElementsAre(-9, -29, -8, -28, -17, -37, -16, -36));
}

TEST(Elementwise, ResultsAreRoundedToTheOperandsDtype) {
  const std::vector<Axis> i = {MakeAxis("i", 1)};
  const Tensor big = Floats(i, {256}, DType::kBF16);
  const Tensor one = Floats(i, {1}, DType::kBF16);
  EXPECT_EQ(Eval({big, one}, One(Opcode::kAdd)).floats()[0], 256);
  EXPECT_EQ(Eval({one, Floats(i, {3}, DType::kBF16)}, One(Opcode::kDiv)).floats()[0], 0.333984375f);
}

TEST(Elementwise, UnaryOpsRoundTheExactValue) {
  EXPECT_THAT(RunUnary(Opcode::kExp, {0, 1, -kInfinity}), ElementsAre(1, 2.7182818f, 0));
  EXPECT_THAT(RunUnary(Opcode::kCos, {0, 10000}), ElementsAre(1, -0.95215536825901485f));
  EXPECT_THAT(RunUnary(Opcode::kSin, {0, 10000}), ElementsAre(0, -0.30561438888825215f));
  EXPECT_THAT(RunUnary(Opcode::kReciprocal, {4, -0.0f}), ElementsAre(0.25f, -kInfinity));
  EXPECT_THAT(RunUnary(Opcode::kSilu, {0, 1, -1000}), ElementsAre(0, 0.73105858f, -0.0f));
  EXPECT_THAT(RunUnary(Opcode::kTanh, {0, 0.5f, -kInfinity}), ElementsAre(0, 0.46211716f, -1));
}

TEST(Elementwise, KeepHidesWhatIsLess) {
  const std::vector<Axis> rows = {MakeAxis("r", 2)}, all = {MakeAxis("r", 2), MakeAxis("i", 3)};
  const Tensor x = Floats(all, {1, 2, 3, 4, kNan, 6});
  const Tensor y = Floats(all, {7, 5, -1, kNan, 8, 4});
  const std::vector<float> kept = Eval({x, y, Floats(rows, {5, 8})}, One(Opcode::kKeep)).floats();
  EXPECT_EQ(kept[0], 1);
  EXPECT_EQ(kept[1], 2);
  EXPECT_EQ(kept[2], -kInfinity);
  EXPECT_EQ(kept[3], 4);
  EXPECT_TRUE(std::isnan(kept[4]));
  EXPECT_EQ(kept[5], -kInfinity);
  EXPECT_THAT(Eval({x, y, Floats(rows, {kNan, kNan})}, One(Opcode::kKeep)).floats()[2], 3);
}

TEST(Reduce, TheNthLargestCountsEqualElementsEach) {
  const Tensor x = Floats({MakeAxis("r", 2), MakeAxis("i", 4)}, {3, 1, 3, 2, kNan, 5, -7, kNan});
  const auto run = [&](int64_t first, int64_t second) {
    return Eval({x, Ints({MakeAxis("r", 2)}, {first, second})},
                One(Opcode::kNthLargest, Over({"i"})))
        .floats();
  };
  EXPECT_THAT(run(1, 1), ElementsAre(3, 5));
  EXPECT_THAT(run(2, 2), ElementsAre(3, -7));
  EXPECT_THAT(run(3, 3), ElementsAre(2, -kInfinity));
  EXPECT_THAT(run(-5, 100), ElementsAre(3, -kInfinity));
}

TEST(Reduce, TheL2NormIsThatOfTheDifferences) {
  const std::vector<Axis> axes = {MakeAxis("r", 2), MakeAxis("i", 2)};
  const Tensor x = Floats(axes, {3, 4, 1, 1}), y = Floats(axes, {3, 0, 1, 1}, DType::kBF16);
  EXPECT_THAT(Eval({x}, One(Opcode::kL2Norm, Over({"i"}))).floats(), ElementsAre(5, 1.4142135f));
  EXPECT_THAT(Eval({x, y}, One(Opcode::kL2Norm, Over({"i"}))).floats(), ElementsAre(4, 0));
}

// As torch computes gelu(x, approximate="tanh") of doubles, rounded.
TEST(Elementwise, GeluIsNearTheExactFormula) {
  const std::vector<float> exact = {0, 0.84119199f, -0.15880801f, 1.9545977f, -0.045402307f};
  const std::vector<float> ours = RunUnary(Opcode::kGelu, {0, 1, -1, 2, -2});
  for (size_t i = 0; i < exact.size(); ++i) EXPECT_NEAR(ours[i], exact[i], 3e-7) << i;
}

TEST(Elementwise, GeluMeansItsNineOps) {
  const Tensor x = Random({MakeAxis("i", 200)}, 8);
  const Tensor expanded = Eval({x}, [](Builder& b, Params& p, Module&) {
    const auto mul = [&](Value* a, Value* c) { return b.Binary(Opcode::kMul, "m", a, c); };
    Value* cube = b.Scale("k", mul(mul(p[0], p[0]), p[0]), 0.044715);
    Value* sum = b.Binary(Opcode::kAdd, "w", p[0], cube);
    Value* inner = b.Scale("u", sum, std::sqrt(2 / M_PI));
    Value* share = b.Offset("g", b.Unary(Opcode::kTanh, "t", inner), 1);
    return b.Scale("y", mul(p[0], share), 0.5);
  });
  EXPECT_EQ(Eval({x}, One(Opcode::kGelu)).floats(), expanded.floats());
}

TEST(Elementwise, ScaleAndPowerUseTheirAttribute) {
  Attrs attrs;
  attrs.by = 1;
  EXPECT_THAT(RunUnary(Opcode::kOffset, {-0.25f}, attrs), ElementsAre(0.75f));
  attrs.by = 0.1;
  EXPECT_THAT(RunUnary(Opcode::kScale, {10}, attrs), ElementsAre(1.0f));
  attrs = {};
  attrs.base = 1e6;
  EXPECT_THAT(RunUnary(Opcode::kPower, {0.5f, 0}, attrs), ElementsAre(1000, 1));
}

TEST(Elementwise, IotaCountsInSteps) {
  Attrs attrs;
  attrs.step = 0.25;
  attrs.result_axes = {MakeAxis("i", 4)};
  EXPECT_THAT(Eval({}, One(Opcode::kIota, attrs)).floats(), ElementsAre(0, 0.25f, 0.5f, 0.75f));
}

TEST(Cast, FromFloatToIntegerTruncatesAndClamps) {
  Attrs attrs;
  attrs.out = DType::kI8;
  const Tensor x = Floats({MakeAxis("i", 5)}, {-1.9f, 1.9f, 1000, -kInfinity, kNan});
  EXPECT_THAT(Eval({x}, One(Opcode::kCast, attrs)).ints(), ElementsAre(-1, 1, 127, -128, 0));
  attrs.out = DType::kI64;
  EXPECT_EQ(Eval({Floats({}, {kInfinity})}, One(Opcode::kCast, attrs)).ints()[0],
            std::numeric_limits<int64_t>::max());
}

TEST(Cast, FromIntegerRoundsAndBetweenIntegersWraps) {
  Attrs attrs;
  attrs.out = DType::kBF16;
  EXPECT_THAT(Eval({Ints({MakeAxis("i", 2)}, {257, -3})}, One(Opcode::kCast, attrs)).floats(),
              ElementsAre(256, -3));
  attrs.out = DType::kI8;
  EXPECT_THAT(Eval({Ints({MakeAxis("i", 2)}, {129, -300})}, One(Opcode::kCast, attrs)).ints(),
              ElementsAre(-127, -44));
}

TEST(Move, SplitAndMergeKeepTheOrderOfElements) {
  const Tensor x = Ints({MakeAxis("n", 6)}, {0, 1, 2, 3, 4, 5});
  const Tensor y = Eval({x}, [](Builder& b, Params& p, Module&) {
    return b.Split("y", p[0], "n", {MakeAxis("i", 2), MakeAxis("j", 3)});
  });
  EXPECT_EQ(ToString(y.type()), "i32 i[2] j[3]");
  EXPECT_EQ(y.ints(), x.ints());
  const Tensor z = Eval({y}, [](Builder& b, Params& p, Module&) {
    return b.Merge("z", p[0], {"i", "j"}, MakeAxis("m", 6));
  });
  EXPECT_EQ(ToString(z.type()), "i32 m[6]");
}

TEST(Elementwise, ErfAndGeluErfAreTheirFormulas) {
  EXPECT_THAT(RunUnary(Opcode::kErf, {0, 0.5f, 1, -kInfinity}),
              ElementsAre(0, 0.52049988f, 0.84270079f, -1));
  // As torch computes gelu(x) of doubles, rounded.
  const std::vector<float> exact = {0, 0.84134475f, -0.15865525f, 1.9544997f, -0.045500264f};
  const std::vector<float> ours = RunUnary(Opcode::kGeluErf, {0, 1, -1, 2, -2});
  for (size_t i = 0; i < exact.size(); ++i) EXPECT_NEAR(ours[i], exact[i], 3e-7) << i;
}

TEST(Elementwise, GeluErfMeansItsFiveOps) {
  const Tensor x = Random({MakeAxis("i", 200)}, 8);
  const Tensor expanded = Eval({x}, [](Builder& b, Params& p, Module&) {
    Value* turned = b.Unary(Opcode::kErf, "e", b.Scale("s", p[0], std::sqrt(0.5)));
    return b.Scale("y", b.Binary(Opcode::kMul, "m", p[0], b.Offset("o", turned, 1)), 0.5);
  });
  EXPECT_EQ(Eval({x}, One(Opcode::kGeluErf)).floats(), expanded.floats());
}

TEST(Rows, RmsnormAddMeansItsTwoOps) {
  const std::vector<Axis> axes = {MakeAxis("t", 3), MakeAxis("n", 7)};
  const Tensor x = Random(axes, 1), w = Random({MakeAxis("n", 7)}, 2), added = Random(axes, 3);
  Attrs attrs = Over({"n"});
  attrs.eps = 0.125;
  const Tensor expanded = Eval({x, w, added}, [](Builder& b, Params& p, Module&) {
    return b.Binary(Opcode::kAdd, "y", p[2], b.Rmsnorm("n", p[0], p[1], "n", 0.125));
  });
  EXPECT_EQ(Eval({x, w, added}, One(Opcode::kRmsnormAdd, attrs)).floats(), expanded.floats());
}

TEST(Rows, LayernormMeansItsFiveOps) {
  const std::vector<Axis> hid = {MakeAxis("hid", 24)};
  const Tensor x = Random({MakeAxis("tok", 3), hid[0]}, 1);
  const Tensor w = Random(hid, 2), bias = Random(hid, 3);
  const Tensor expanded = Eval({x, w, bias}, [](Builder& b, Params& p, Module&) {
    Value* mean = b.Scale("m", b.Reduce(Opcode::kReduceSum, "s", p[0], "hid"), 1.0 / 24);
    Value* norm = b.Rmsnorm("n", b.Binary(Opcode::kSub, "c", p[0], mean), p[1], "hid", 1e-5);
    return b.Binary(Opcode::kAdd, "y", norm, p[2]);
  });
  Attrs attrs = Over({"hid"});
  attrs.eps = 1e-5;
  EXPECT_EQ(Eval({x, w, bias}, One(Opcode::kLayernorm, attrs)).floats(), expanded.floats());
}

TEST(Move, SplitIntoOneAxisRenamesIt) {
  const Tensor x = Ints({MakeAxis("i", 2), MakeAxis("n", 2)}, {0, 1, 10, 11});
  const Tensor y =
      Eval({x}, [](Builder& b, Params& p, Module&) { return b.Rename("y", p[0], "i", "key"); });
  EXPECT_EQ(ToString(y.type()), "i32 key[2] n[2]");
  EXPECT_EQ(y.ints(), x.ints());
}

TEST(Move, PadPutsZerosAround) {
  const Tensor x = Ints({MakeAxis("i", 2), MakeAxis("j", 2)}, {1, 2, 3, 4});
  const Tensor both =
      Eval({x}, [](Builder& b, Params& p, Module&) { return b.Pad("y", p[0], {"i", "j"}, 1, 0); });
  EXPECT_EQ(ToString(both.type()), "i32 i[3] j[3]");
  EXPECT_THAT(both.ints(), ElementsAre(0, 0, 0, 0, 1, 2, 0, 3, 4));
  const Tensor last =
      Eval({x}, [](Builder& b, Params& p, Module&) { return b.Pad("y", p[0], {"j"}, 1, 2); });
  EXPECT_THAT(last.ints(), ElementsAre(0, 1, 2, 0, 0, 0, 3, 4, 0, 0));
}

TEST(Move, WindowsMayOverlap) {
  const Tensor x =
      Ints({MakeAxis("n", 5), MakeAxis("c", 2)}, {0, 1, 10, 11, 20, 21, 30, 31, 40, 41});
  const Tensor y = Eval({x}, [](Builder& b, Params& p, Module&) {
    return b.Window("y", p[0], "n", MakeAxis("n", 2), MakeAxis("k", 3), 2);
  });
  EXPECT_EQ(ToString(y.type()), "i32 n[2] k[3] c[2]");
  EXPECT_THAT(y.ints(), ElementsAre(0, 1, 10, 11, 20, 21, 20, 21, 30, 31, 40, 41));
}

TEST(Move, SliceTakesARangeOfAnInnerAxis) {
  const Tensor x = Ints({MakeAxis("i", 2), MakeAxis("n", 4)}, {0, 1, 2, 3, 10, 11, 12, 13});
  const Tensor y = Eval({x}, [](Builder& b, Params& p, Module&) {
    return b.Slice("y", p[0], "n", 1, 3, {MakeAxis("m", 2)});
  });
  EXPECT_THAT(y.ints(), ElementsAre(1, 2, 11, 12));
}

TEST(Move, ConcatJoinsAlongTheAxisOfEachOperand) {
  const Tensor a = Ints({MakeAxis("i", 2), MakeAxis("p", 1)}, {0, 10});
  const Tensor b = Ints({MakeAxis("i", 2), MakeAxis("q", 2)}, {1, 2, 11, 12});
  const Tensor y = Eval({a, b}, [](Builder& b, Params& p, Module&) {
    return b.Concat("y", {p[0], p[1]}, {"p", "q"}, MakeAxis("n", 3));
  });
  EXPECT_EQ(ToString(y.type()), "i32 i[2] n[3]");
  EXPECT_THAT(y.ints(), ElementsAre(0, 1, 2, 10, 11, 12));
}

TEST(Move, PackMeansWhatConcatMeans) {
  const Tensor a = Floats({MakeAxis("p", 1), MakeAxis("k", 2)}, {1, 2});
  const Tensor b = Floats({MakeAxis("q", 2), MakeAxis("k", 2)}, {3, 4, 5, 6});
  Attrs attrs = Over({"p", "q", "k"});
  attrs.result_axes = {MakeAxis("n", 3)};
  attrs.tile = PanelShape{16, 2};
  const Tensor y = Eval({a, b}, One(Opcode::kPack, attrs));
  EXPECT_EQ(ToString(y.type()), "f32 n[3] k[2]");
  EXPECT_THAT(y.floats(), ElementsAre(1, 2, 3, 4, 5, 6));
}

TEST(Move, GatherPutsTheIndicesAxesFirst) {
  const Tensor table = Floats({MakeAxis("h", 2), MakeAxis("v", 3)}, {0, 1, 2, 10, 11, 12});
  const Tensor ids = Ints({MakeAxis("t", 2)}, {2, 0});
  const Tensor y = Eval({table, ids}, One(Opcode::kGather, Over({"v"})));
  EXPECT_EQ(ToString(y.type()), "f32 t[2] h[2]");
  EXPECT_THAT(y.floats(), ElementsAre(2, 12, 0, 10));
}

TEST(Move, GatherRefusesAnIndexOutOfRange) {
  const Tensor table = Floats({MakeAxis("v", 3)}, {0, 1, 2});
  for (const int64_t bad : {-1, 3}) {
    const auto y =
        TryEval({table, Ints({MakeAxis("t", 1)}, {bad})}, One(Opcode::kGather, Over({"v"})));
    EXPECT_EQ(y.status().code(), absl::StatusCode::kOutOfRange);
    EXPECT_EQ(y.status().message(),
              "@f: %y: gather: index " + std::to_string(bad) + " is not within 0..2");
  }
}

TEST(Contract, MatmulSharesBatchAxesAndKeepsTheOthers) {
  // Two kv heads with two queries each, as grouped-query attention has it.
  const Tensor q =
      Floats({MakeAxis("kv", 2), MakeAxis("rep", 2), MakeAxis("d", 2)}, {1, 0, 0, 1, 1, 1, 2, 0});
  const Tensor k = Floats({MakeAxis("pos", 2), MakeAxis("d", 2), MakeAxis("kv", 2)},
                          {1, 10, 2, 20, 3, 30, 4, 40});
  const Tensor y = Eval({q, k}, One(Opcode::kMatmul, Over({"d"})));
  EXPECT_EQ(ToString(y.type()), "f32 kv[2] rep[2] pos[2]");
  EXPECT_THAT(y.floats(), ElementsAre(1, 3, 2, 4, 30, 70, 20, 60));
}

TEST(Contract, SumsHaveNoOrder) {
  const Tensor x = Floats({MakeAxis("k", 3)}, {1e8f, 1, -1e8f});
  const Tensor ones = Floats({MakeAxis("k", 3)}, {1, 1, 1});
  EXPECT_EQ(Eval({x, ones}, One(Opcode::kMatmul, Over({"k"}))).floats()[0], 1);
  EXPECT_EQ(Eval({x}, One(Opcode::kReduceSum, Over({"k"}))).floats()[0], 1);
}

TEST(Contract, MatmulOfBytesSumsInI32) {
  const Tensor a = Bytes({MakeAxis("t", 2), MakeAxis("k", 3)}, {1, -2, 3, -128, 127, 0});
  const Tensor b = Bytes({MakeAxis("k", 3), MakeAxis("n", 2)}, {4, -128, 5, 127, -6, 1});
  const Tensor y = Eval({a, b}, One(Opcode::kMatmul, Over({"k"})));
  EXPECT_EQ(ToString(y.type()), "i32 t[2] n[2]");
  EXPECT_THAT(y.ints(), ElementsAre(4 - 10 - 18, -128 - 254 + 3, -512 + 635, 16384 + 16129));
}

TEST(Contract, MatmulOfBytesIsExactUpToTheLongestSumThatFits) {
  const std::vector<int64_t> least(131071, -128);
  std::vector<int64_t> other = least;
  other.back() = -127;
  const Tensor a = Bytes({MakeAxis("k", 131071)}, least);
  const Tensor b = Bytes({MakeAxis("n", 1), MakeAxis("k", 131071)}, other);
  // No f32 holds this.
  EXPECT_THAT(Eval({a, b}, One(Opcode::kMatmul, Over({"k"}))).ints(),
              ElementsAre(int64_t{131071} * 16384 - 128));
}

TEST(Contract, MatmulOfBytesHasBatchAxes) {
  const Tensor a = Bytes({MakeAxis("t", 2), MakeAxis("h", 2), MakeAxis("k", 1)}, {1, 2, 3, 4});
  const Tensor b = Bytes({MakeAxis("k", 1), MakeAxis("n", 2), MakeAxis("h", 2)}, {1, 10, 5, 50});
  const Tensor y = Eval({a, b}, One(Opcode::kMatmul, Over({"k"})));
  EXPECT_EQ(ToString(y.type()), "i32 t[2] h[2] n[2]");
  EXPECT_THAT(y.ints(), ElementsAre(1, 5, 20, 100, 3, 15, 40, 200));
}

// The bits, too: the elements are summed in the order of the merged axis.
TEST(Contract, MatmulOverSeveralAxesMeansOverTheOneThatTheyMergeInto) {
  const Axis t = MakeAxis("t", 2), i = MakeAxis("i", 3), j = MakeAxis("j", 7), n = MakeAxis("n", 4);
  const Tensor a = Random({i, t, j}, 1);
  const Tensor b = Random({j, n, i}, 2, DType::kBF16);
  for (const std::vector<std::string>& over :
       {std::vector<std::string>{"i", "j"}, std::vector<std::string>{"j", "i"}}) {
    const Tensor y = Eval({a, b}, One(Opcode::kMatmul, Over(over)));
    const Tensor merged = Eval({a, b}, [&](Builder& b, Params& p, Module&) {
      Value* a1 = b.Permute("a1", p[0], {"t", over[0], over[1]});
      Value* b1 = b.Permute("b1", p[1], {"n", over[0], over[1]});
      return b.Matmul("m", b.Merge("a2", a1, over, MakeAxis("k", 21)),
                      b.Merge("b2", b1, over, MakeAxis("k", 21)), "k");
    });
    EXPECT_EQ(ToString(y.type()), "f32 t[2] n[4]");
    EXPECT_EQ(y.floats(), merged.floats());
  }
}

TEST(Contract, MatmulOverAllAxesOfBothIsOneNumber) {
  const Axis i = MakeAxis("i", 2), j = MakeAxis("j", 2);
  const Tensor y = Eval({Floats({i, j}, {1, 2, 3, 4}), Floats({j, i}, {1, 10, 100, 1000})},
                        One(Opcode::kMatmul, Over({"i", "j"})));
  EXPECT_EQ(ToString(y.type()), "f32");
  EXPECT_THAT(y.floats(), ElementsAre(1 + 2 * 100 + 3 * 10 + 4 * 1000));
}

TEST(Contract, ReduceMaxSpreadsNan) {
  const Tensor x = Floats({MakeAxis("k", 2), MakeAxis("i", 2)}, {1, 5, kNan, -7});
  const Tensor y = Eval({x}, One(Opcode::kReduceMax, Over({"k"})));
  EXPECT_TRUE(std::isnan(y.floats()[0]));
  EXPECT_EQ(y.floats()[1], 5);
}

TEST(Contract, RmsnormDividesByTheRootMeanSquareAndWeighs) {
  const Tensor x = Floats({MakeAxis("k", 2), MakeAxis("i", 1)}, {3, 4});
  const Tensor w = Floats({MakeAxis("k", 2)}, {1, 2}, DType::kBF16);
  Attrs attrs = Over({"k"});
  attrs.eps = 0.5;  // mean 12.5 + 0.5 = 13
  const Tensor y = Eval({x, w}, One(Opcode::kRmsnorm, attrs));
  EXPECT_THAT(y.floats(), ElementsAre(static_cast<float>(3 / std::sqrt(13.0)),
                                      static_cast<float>(8 / std::sqrt(13.0))));
}

Tensor RowOf(std::vector<float> values) {
  const auto length = static_cast<int64_t>(values.size());
  return Floats({MakeAxis("d", length)}, std::move(values));
}

std::vector<int64_t> QuantizeBy(float scale, std::vector<float> values) {
  return Eval({RowOf(std::move(values)), Floats({}, {scale})}, One(Opcode::kQuantize, {})).ints();
}

TEST(Quantize, TheScaleMakesTheLargestMagnitude127) {
  const auto scale_of = [](std::vector<float> values) {
    return Eval({RowOf(std::move(values))}, One(Opcode::kQuantizeScale, Over({"d"}))).floats()[0];
  };
  EXPECT_EQ(scale_of({1, -254, 3}), 2.0f);
  EXPECT_EQ(scale_of({0, 0}), 0.0f);
  EXPECT_EQ(scale_of({1, -kInfinity}), kInfinity);
  EXPECT_TRUE(std::isnan(scale_of({1, kNan, 2})));
}

TEST(Quantize, RoundsToTheNearestTiesToEven) {
  EXPECT_THAT(QuantizeBy(2, {1, 3, 5, -1, -3, 2.9f, -254}), ElementsAre(0, 2, 2, 0, -2, 1, -127));
}

TEST(Quantize, ClampsAndMakesNanZero) {
  EXPECT_THAT(QuantizeBy(1, {1000, -1000, kInfinity, kNan}), ElementsAre(127, -127, 127, 0));
  EXPECT_THAT(QuantizeBy(0, {0, 1e-40f}), ElementsAre(0, 127));
}

TEST(Quantize, EachRowHasItsOwnScale) {
  const Tensor x = Floats({MakeAxis("t", 2), MakeAxis("d", 2)}, {127, 1, 1, 0.5f});
  const Tensor scales = Eval({x}, One(Opcode::kQuantizeScale, Over({"d"})));
  EXPECT_THAT(Eval({x, scales}, One(Opcode::kQuantize, {})).ints(), ElementsAre(127, 1, 127, 64));
}

TEST(CausalMask, HidesWhatIsBehindTheTokensPosition) {
  const Tensor scores = Floats({MakeAxis("t", 2), MakeAxis("pos", 3)}, {1, 2, 3, 4, 5, 6});
  const Tensor positions = Ints({MakeAxis("t", 2)}, {1, 0});
  EXPECT_THAT(Eval({scores, positions}, One(Opcode::kCausalMask, Over({"pos"}))).floats(),
              ElementsAre(1, 2, -kInfinity, 4, -kInfinity, -kInfinity));
}

TEST(CausalMask, HidesWhatIsBeforeTheWindow) {
  const Tensor scores = Floats({MakeAxis("t", 2), MakeAxis("pos", 4)}, {1, 2, 3, 4, 5, 6, 7, 8});
  const Tensor positions = Ints({MakeAxis("t", 2)}, {3, 0});
  Attrs attrs = Over({"pos"});
  attrs.window = 2;
  EXPECT_THAT(Eval({scores, positions}, One(Opcode::kCausalMask, attrs)).floats(),
              ElementsAre(-kInfinity, -kInfinity, 3, 4, 5, -kInfinity, -kInfinity, -kInfinity));
}

class Append : public testing::Test {
 protected:
  // One state of two slots, three positions, and two elements in each cell.
  static absl::StatusOr<Tensor> TryAppend(std::vector<float> x, std::vector<int64_t> slots,
                                          std::vector<int64_t> positions,
                                          std::optional<int64_t> ring = std::nullopt) {
    Global state;
    state.kind = Global::Kind::kState;
    state.name = "cache";
    state.type = {DType::kF32, {MakeAxis("slot", 2), MakeAxis("d", 2), MakeAxis("pos", 3)}, {}};
    const Axis tokens = MakeAxis("t", static_cast<int64_t>(slots.size()));
    return TryEval({Floats({tokens, MakeAxis("d", 2)}, std::move(x)), Ints({tokens}, slots),
                    Ints({tokens}, positions)},
                   [&](Builder& b, Params& p, Module& module) {
                     Value* state = b.Append("y", module.FindGlobal("cache"), p[0], {"slot", "pos"},
                                             p[1], p[2]);
                     if (state != nullptr) state->def()->attrs.ring = ring;
                     return state;
                   },
                   {state});
  }
};

TEST_F(Append, WritesEachTokenToItsSlotAndPosition) {
  const auto state = TryAppend({1, 2, 3, 4}, {1, 0}, {2, 0});
  ASSERT_TRUE(state.ok()) << state.status();
  EXPECT_THAT(state->floats(), ElementsAre(3, 0, 0, 4, 0, 0,  //
                                           0, 0, 1, 0, 0, 2));
}

TEST_F(Append, KeepsTheLastOfTwoTokensAtOnePlace) {
  const auto state = TryAppend({1, 2, 3, 4}, {0, 0}, {1, 1});
  ASSERT_TRUE(state.ok()) << state.status();
  EXPECT_THAT(state->floats(), ElementsAre(0, 3, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0));
}

TEST_F(Append, InARingPositionsGoRound) {
  const auto state = TryAppend({1, 2, 3, 4}, {0, 1}, {4, 300}, /*ring=*/3);
  ASSERT_TRUE(state.ok()) << state.status();
  EXPECT_THAT(state->floats(), ElementsAre(0, 1, 0, 0, 2, 0,  //
                                           3, 0, 0, 4, 0, 0));
}

TEST_F(Append, RefusesPositionsBehindTheCapacity) {
  EXPECT_EQ(TryAppend({1, 2}, {0}, {3}).status().message(),
            "@f: %y: append: position 3 is not within 0..2");
  EXPECT_EQ(TryAppend({1, 2}, {-1}, {0}).status().message(),
            "@f: %y: append: slot -1 is not within 0..1");
}

}  // namespace
}  // namespace lluda::ir
