// Each fused op against its expansion, to the bit.
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "ir/interpreter/op_test_util.h"
#include "ir/op/all_epilogues.h"

namespace lluda::ir {
namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

TEST(Fused, MatmulWithAddMeansMatmulAddCast) {
  const Tensor a = Random({MakeAxis("t", 3), MakeAxis("k", 37)}, 1, DType::kBF16);
  const Tensor b = Random({MakeAxis("n", 5), MakeAxis("k", 37)}, 2, DType::kBF16);
  const Tensor x = Random({MakeAxis("t", 3), MakeAxis("n", 5)}, 3);
  Attrs attrs = Over({"k"});
  attrs.epilogue = {EpilogueStep::kAdd};
  attrs.out = DType::kBF16;
  const Tensor fused = Eval({a, b, x}, One(Opcode::kMatmul, attrs));
  const Tensor expanded = Eval({a, b, x}, [](Builder& b, Params& p, Module&) {
    Value* product = b.Matmul("m", p[0], p[1], "k");
    return b.Cast("y", b.Binary(Opcode::kAdd, "s", product, p[2]), DType::kBF16);
  });
  EXPECT_EQ(fused.type(), expanded.type());
  EXPECT_EQ(fused.floats(), expanded.floats());
}

TEST(Fused, MatmulWithSiluMulMeansSiluOfTheFirstHalfTimesTheSecond) {
  const Tensor a = Random({MakeAxis("t", 3), MakeAxis("k", 9)}, 1);
  const Tensor b = Random({MakeAxis("n", 8), MakeAxis("k", 9)}, 2);
  Attrs attrs = Over({"k"});
  attrs.epilogue = {EpilogueStep::kSiluMul};
  attrs.result_axes = {MakeAxis("ff", 4)};
  const Tensor fused = Eval({a, b}, One(Opcode::kMatmul, attrs));
  const Tensor expanded = Eval({a, b}, [](Builder& b, Params& p, Module&) {
    Value* product = b.Matmul("m", p[0], p[1], "k");
    Value* gate = b.Slice("g", product, "n", 0, 4, {MakeAxis("ff", 4)});
    Value* up = b.Slice("u", product, "n", 4, 8, {MakeAxis("ff", 4)});
    return b.Binary(Opcode::kMul, "y", b.Unary(Opcode::kSilu, "s", gate), up);
  });
  EXPECT_EQ(fused.type(), expanded.type());
  EXPECT_EQ(fused.floats(), expanded.floats());
}

Value* ExpandSoftmax(Builder& b, Value* x, const std::string& over) {
  Value* difference = b.Binary(Opcode::kSub, "d", x, b.Reduce(Opcode::kReduceMax, "m", x, over));
  Value* e = b.Unary(Opcode::kExp, "e", difference);
  return b.Binary(Opcode::kDiv, "p", e, b.Reduce(Opcode::kReduceSum, "z", e, over));
}

TEST(Fused, SoftmaxMeansItsFiveOps) {
  const Tensor x = Random({MakeAxis("i", 3), MakeAxis("k", 13), MakeAxis("j", 2)}, 4);
  const Tensor fused = Eval({x}, One(Opcode::kSoftmax, Over({"k"})));
  const Tensor expanded =
      Eval({x}, [](Builder& b, Params& p, Module&) { return ExpandSoftmax(b, p[0], "k"); });
  EXPECT_EQ(fused.type(), expanded.type());
  EXPECT_EQ(fused.floats(), expanded.floats());
}

TEST(Fused, RopeMeansItsNineOps) {
  const Tensor x = Random({MakeAxis("t", 3), MakeAxis("h", 2), MakeAxis("d", 8)}, 5);
  const Tensor cos = Random({MakeAxis("t", 3), MakeAxis("pair", 4)}, 6);
  const Tensor sin = Random({MakeAxis("t", 3), MakeAxis("pair", 4)}, 7);
  Attrs attrs = Over({"d"});
  attrs.style = RopeStyle::kHalf;
  attrs.out = DType::kBF16;
  const Tensor fused = Eval({x, cos, sin}, One(Opcode::kRope, attrs));
  const Tensor expanded = Eval({x, cos, sin}, [](Builder& b, Params& p, Module&) {
    Value* lo = b.Slice("lo", p[0], "d", 0, 4, {MakeAxis("pair", 4)});
    Value* hi = b.Slice("hi", p[0], "d", 4, 8, {MakeAxis("pair", 4)});
    const auto mul = [&](Value* a, Value* c) { return b.Binary(Opcode::kMul, "m", a, c); };
    Value* first = b.Binary(Opcode::kSub, "s", mul(lo, p[1]), mul(hi, p[2]));
    Value* second = b.Binary(Opcode::kAdd, "a", mul(hi, p[1]), mul(lo, p[2]));
    Value* joined = b.Concat("j", {first, second}, {"pair"}, MakeAxis("d", 8));
    return b.Cast("y", joined, DType::kBF16);
  });
  EXPECT_EQ(fused.type(), expanded.type());
  EXPECT_EQ(fused.floats(), expanded.floats());
}

TEST(Fused, RopeLeavesWhatLiesBehindItsPairs) {
  const Tensor x = Random({MakeAxis("t", 3), MakeAxis("h", 2), MakeAxis("d", 8)}, 5);
  const Tensor cos = Random({MakeAxis("t", 3), MakeAxis("pair", 3)}, 6);
  const Tensor sin = Random({MakeAxis("t", 3), MakeAxis("pair", 3)}, 7);
  Attrs attrs = Over({"d"});
  attrs.style = RopeStyle::kHalf;
  const Tensor fused = Eval({x, cos, sin}, One(Opcode::kRope, attrs));
  const Tensor expanded = Eval({x, cos, sin}, [](Builder& b, Params& p, Module&) {
    Value* lo = b.Slice("lo", p[0], "d", 0, 3, {MakeAxis("pair", 3)});
    Value* hi = b.Slice("hi", p[0], "d", 3, 6, {MakeAxis("pair", 3)});
    Value* rest = b.Slice("rest", p[0], "d", 6, 8, {MakeAxis("rest", 2)});
    const auto mul = [&](Value* a, Value* c) { return b.Binary(Opcode::kMul, "m", a, c); };
    Value* first = b.Binary(Opcode::kSub, "s", mul(lo, p[1]), mul(hi, p[2]));
    Value* second = b.Binary(Opcode::kAdd, "a", mul(hi, p[1]), mul(lo, p[2]));
    return b.Concat("j", {first, second, rest}, {"pair", "pair", "rest"}, MakeAxis("d", 8));
  });
  EXPECT_EQ(fused.type(), expanded.type());
  EXPECT_EQ(fused.floats(), expanded.floats());
}

// Three tokens, two heads of six; two of the tokens share a slot.
class FusedEpilogue : public testing::Test {
 protected:
  static constexpr double kEps = 0.25;
  enum Argument { kA, kB, kBias, kWeight, kCos, kSin, kResidual, kSlots, kPositions, kLimits };

  static std::vector<Tensor> Arguments(DType bias = DType::kF32) {
    return {Random({MakeAxis("t", 3), MakeAxis("k", 9)}, 1, DType::kBF16),
            Random({MakeAxis("n", 12), MakeAxis("k", 9)}, 2, DType::kBF16),
            Random({MakeAxis("n", 12)}, 6, bias),
            Random({MakeAxis("d", 6)}, 3),
            Random({MakeAxis("t", 3), MakeAxis("pair", 3)}, 4),
            Random({MakeAxis("t", 3), MakeAxis("pair", 3)}, 5),
            Random({MakeAxis("t", 3), MakeAxis("n", 12)}, 7),
            Ints({MakeAxis("t", 3)}, {1, 0, 1}),
            Ints({MakeAxis("t", 3)}, {4, 0, 2}),
            Random({MakeAxis("t", 3)}, 8)};
  }
  static std::vector<Global> States() {
    Global state;
    state.kind = Global::Kind::kState;
    state.name = "cache";
    state.type = {DType::kBF16,
                  {MakeAxis("slot", 2), MakeAxis("h", 2), MakeAxis("pos", 5), MakeAxis("d", 6)},
                  {}};
    return {state};
  }
  static std::vector<Axis> Heads() { return {MakeAxis("h", 2), MakeAxis("d", 6)}; }

  static Value* Fuse(Builder& b, Params& p, Module& module, const Epilogue& epilogue) {
    Attrs attrs = Over({"k"});
    attrs.epilogue = epilogue;
    attrs.out = DType::kBF16;
    if (epilogue.grain() == Grain::kHalves) attrs.result_axes = {MakeAxis("m", 6)};
    if (epilogue.per_head()) attrs.result_axes = Heads();
    if (epilogue.Has(EpilogueStep::kNorm)) attrs.eps = kEps;
    if (epilogue.Has(EpilogueStep::kRope)) attrs.style = RopeStyle::kHalf;
    std::vector<Operand> operands = {p[kA], p[kB]};
    if (epilogue.Has(EpilogueStep::kBias)) operands.emplace_back(p[kBias]);
    if (epilogue.Has(EpilogueStep::kAdd)) operands.emplace_back(p[kResidual]);
    if (epilogue.Has(EpilogueStep::kKeep)) {
      operands.insert(operands.end(), {p[kResidual], p[kLimits]});
    }
    if (epilogue.Has(EpilogueStep::kNorm)) operands.emplace_back(p[kWeight]);
    if (epilogue.Has(EpilogueStep::kRope)) operands.insert(operands.end(), {p[kCos], p[kSin]});
    if (epilogue.Has(EpilogueStep::kAppend)) {
      attrs.axes = {"k", "slot", "pos"};
      operands.insert(operands.end(), {module.FindGlobal("cache"), p[kSlots], p[kPositions]});
    }
    return b.Add(Opcode::kMatmul, "y", std::move(operands), attrs);
  }

  static Value* Expand(Builder& b, Params& p, Module& module, const Epilogue& epilogue) {
    Value* x = b.Matmul("m", p[kA], p[kB], "k");
    if (epilogue.Has(EpilogueStep::kBias)) {
      Value* bias =
          p[kBias]->type.dtype == DType::kF32 ? p[kBias] : b.Cast("bias", p[kBias], DType::kF32);
      x = b.Binary(Opcode::kAdd, "b", x, bias);
    }
    if (epilogue.Has(EpilogueStep::kAdd)) x = b.Binary(Opcode::kAdd, "r", x, p[kResidual]);
    if (epilogue.Has(EpilogueStep::kKeep)) {
      x = b.Add(Opcode::kKeep, "k", {x, p[kResidual], p[kLimits]}, {});
    }
    if (epilogue.Has(EpilogueStep::kGeluErf)) x = b.Unary(Opcode::kGeluErf, "e", x);
    if (epilogue.grain() == Grain::kHalves) {
      const bool is_gelu = epilogue.Has(EpilogueStep::kGeluMul);
      Value* gate = b.Slice("g", x, "n", 0, 6, {MakeAxis("m", 6)});
      Value* up = b.Slice("u", x, "n", 6, 12, {MakeAxis("m", 6)});
      x = b.Binary(Opcode::kMul, "p", b.Unary(is_gelu ? Opcode::kGelu : Opcode::kSilu, "a", gate),
                   up);
    }
    if (epilogue.per_head()) x = b.Split("s", x, "n", Heads());
    if (epilogue.Has(EpilogueStep::kNorm)) x = b.Rmsnorm("n", x, p[kWeight], "d", kEps);
    if (epilogue.Has(EpilogueStep::kRope)) {
      Attrs rope = Over({"d"});
      rope.style = RopeStyle::kHalf;
      x = b.Add(Opcode::kRope, "t", {x, p[kCos], p[kSin]}, rope);
    }
    x = b.Cast("c", x, DType::kBF16);
    if (!epilogue.Has(EpilogueStep::kAppend)) return x;
    return b.Append("y", module.FindGlobal("cache"), x, {"slot", "pos"}, p[kSlots], p[kPositions]);
  }

  static void ExpectMeansItsExpansion(const std::vector<Tensor>& arguments,
                                      const Epilogue& epilogue) {
    const Tensor fused = Eval(
        arguments,
        [&](Builder& b, Params& p, Module& module) { return Fuse(b, p, module, epilogue); },
        States());
    const Tensor expanded = Eval(
        arguments,
        [&](Builder& b, Params& p, Module& module) { return Expand(b, p, module, epilogue); },
        States());
    EXPECT_EQ(fused.type(), expanded.type()) << epilogue.ToString();
    EXPECT_EQ(fused.floats(), expanded.floats()) << epilogue.ToString();
  }
};

TEST_F(FusedEpilogue, MeansItsExpansion) {
  for (const Epilogue& epilogue : AllEpilogues()) ExpectMeansItsExpansion(Arguments(), epilogue);
}

TEST_F(FusedEpilogue, WidensABiasOfFewerBits) {
  for (const DType dtype : {DType::kBF16, DType::kF16}) {
    ExpectMeansItsExpansion(Arguments(dtype), {EpilogueStep::kBias});
    ExpectMeansItsExpansion(Arguments(dtype), {EpilogueStep::kBias, EpilogueStep::kRope});
  }
}

TEST_F(FusedEpilogue, SumsOverSeveralAxesAsOverTheOneThatTheyMergeInto) {
  const auto run = [](const std::vector<std::string>& over, const std::vector<Axis>& parts) {
    return Eval(
        Arguments(),
        [&](Builder& b, Params& p, Module& module) {
          Attrs attrs = Over(over);
          attrs.axes.insert(attrs.axes.end(), {"slot", "pos"});
          attrs.epilogue = {EpilogueStep::kAppend};
          attrs.out = DType::kBF16;
          attrs.result_axes = Heads();
          Value *x = p[kA], *w = p[kB];
          if (!parts.empty()) x = b.Split("a", x, "k", parts), w = b.Split("b", w, "k", parts);
          return b.Add(Opcode::kMatmul, "y",
                       {x, w, module.FindGlobal("cache"), p[kSlots], p[kPositions]}, attrs);
        },
        States());
  };
  const Tensor one = run({"k"}, {});
  const Tensor two = run({"i", "j"}, {MakeAxis("i", 3), MakeAxis("j", 3)});
  EXPECT_EQ(one.type(), two.type());
  EXPECT_EQ(one.floats(), two.floats());
}

TEST_F(FusedEpilogue, RefusesPositionsBehindTheCapacity) {
  std::vector<Tensor> arguments = Arguments();
  arguments[kPositions] = Ints({MakeAxis("t", 3)}, {4, 0, 5});
  const auto state = TryEval(
      std::move(arguments),
      [&](Builder& b, Params& p, Module& module) {
        return Fuse(b, p, module, {EpilogueStep::kAppend});
      },
      States());
  EXPECT_EQ(state.status().message(), "@f: %y: append: position 5 is not within 0..4");
}

// Two slots, two kv heads with two queries each; five tokens that alternate between the slots.
class FusedAttention : public testing::Test {
 protected:
  static constexpr double kScale = 0.35;

  std::vector<Tensor> Arguments() const {
    const std::vector<Axis> cache = {MakeAxis("slot", 2), MakeAxis("kv", 2), MakeAxis("pos", 11),
                                     MakeAxis("d", 6)};
    return {Random({MakeAxis("t", 5), MakeAxis("kv", 2), MakeAxis("rep", 2), MakeAxis("d", 6)}, 1,
                   DType::kBF16),
            Random(cache, 2, DType::kBF16), Random(cache, 3, DType::kBF16),
            Ints({MakeAxis("t", 5)}, {0, 10, 4, 2, 7}), Ints({MakeAxis("t", 5)}, {1, 0, 1, 0, 1})};
  }
  static Attrs AttentionAttrs() {
    Attrs attrs = Over({"slot", "pos", "d"});
    attrs.scale = kScale;
    attrs.mask = Mask::kCausal;
    return attrs;
  }
};

TEST_F(FusedAttention, MeansItsExpansion) {
  const Tensor fused = Eval(Arguments(), One(Opcode::kAttention, AttentionAttrs()));
  const Tensor expanded = Eval(Arguments(), [](Builder& b, Params& p, Module&) {
    Value* k = b.Gather("k", p[1], p[4], "slot");
    Value* v = b.Gather("v", p[2], p[4], "slot");
    Value* scores = b.Scale("s", b.Matmul("qk", p[0], k, "d"), kScale);
    Value* masked = b.CausalMask("m", scores, "pos", p[3]);
    return b.Matmul("y", ExpandSoftmax(b, masked, "pos"), v, "pos");
  });
  EXPECT_EQ(fused.type(), expanded.type());
  EXPECT_EQ(fused.floats(), expanded.floats());
}

TEST_F(FusedAttention, WithAWindowAndASoftcapMeansItsExpansion) {
  constexpr double kCap = 0.75;
  Attrs attrs = AttentionAttrs();
  attrs.window = 4;
  attrs.softcap = kCap;
  const Tensor fused = Eval(Arguments(), One(Opcode::kAttention, attrs));
  const Tensor expanded = Eval(Arguments(), [](Builder& b, Params& p, Module&) {
    Value* k = b.Gather("k", p[1], p[4], "slot");
    Value* v = b.Gather("v", p[2], p[4], "slot");
    Value* scores = b.Scale("s", b.Matmul("qk", p[0], k, "d"), kScale);
    Value* inner = b.Scale("i", scores, 1 / kCap);
    Value* capped = b.Scale("c", b.Unary(Opcode::kTanh, "t", inner), kCap);
    Value* masked = b.CausalMask("m", capped, "pos", p[3], 4);
    return b.Matmul("y", ExpandSoftmax(b, masked, "pos"), v, "pos");
  });
  EXPECT_EQ(fused.type(), expanded.type());
  EXPECT_EQ(fused.floats(), expanded.floats());
  EXPECT_NE(fused.floats(), Eval(Arguments(), One(Opcode::kAttention, AttentionAttrs())).floats());
}

TEST_F(FusedAttention, LooksAtNoKeyBeforeItsWindow) {
  std::vector<Tensor> arguments = Arguments();
  Attrs attrs = AttentionAttrs();
  attrs.window = 2;
  // Slot 0 has tokens at the positions 10 and 2: nobody sees 3 to 8.
  const Tensor before = Eval(arguments, One(Opcode::kAttention, attrs));
  for (int tensor = 1; tensor <= 2; ++tensor) {
    for (int64_t i = 3 * 6; i < 9 * 6; ++i) arguments[tensor].Store(i, kNan);
  }
  EXPECT_EQ(Eval(arguments, One(Opcode::kAttention, attrs)).floats(), before.floats());
  EXPECT_TRUE(std::isnan(Eval(arguments, One(Opcode::kAttention, AttentionAttrs())).floats()[24]));
}

// Position 12 sees those from 9 on: the last two cells of a ring of 11, then its first two.
TEST_F(FusedAttention, OfARingSeesItsWindowInTheOrderOfThePositions) {
  constexpr int64_t kCells = 11, kElements = 6;
  std::vector<Tensor> arguments = Arguments();
  Attrs attrs = AttentionAttrs();
  attrs.window = 4;
  attrs.ring = kCells;
  arguments[3] = Ints({MakeAxis("t", 5)}, {12, 12, 12, 12, 12});
  const Tensor round = Eval(arguments, One(Opcode::kAttention, attrs));
  for (const size_t cache : {1, 2}) {
    const Tensor ring = arguments[cache];
    for (int64_t i = 0; i < ring.size(); ++i) {
      const int64_t row = i / (kCells * kElements) * kCells * kElements;
      const int64_t turned = (i + 2 * kElements) % (kCells * kElements);
      arguments[cache].Store(row + turned, ring.floats()[i]);
    }
  }
  attrs.ring.reset();
  arguments[3] = Ints({MakeAxis("t", 5)}, {3, 3, 3, 3, 3});
  EXPECT_EQ(round.floats(), Eval(arguments, One(Opcode::kAttention, attrs)).floats());
}

// The same with keys and values of i8, quantised along their last axis.
std::vector<Tensor> QuantizedCaches(std::vector<Tensor> arguments) {
  for (size_t cache : {1, 2}) {
    const Tensor scales = Eval({arguments[cache]}, One(Opcode::kQuantizeScale, Over({"d"})));
    arguments.push_back(scales);
    arguments[cache] = Eval({arguments[cache], scales}, One(Opcode::kQuantize, {}));
  }
  return arguments;
}

TEST_F(FusedAttention, OfIntegersMeansItsExpansion) {
  const std::vector<Tensor> arguments = QuantizedCaches(Arguments());
  const Tensor fused = Eval(arguments, One(Opcode::kAttention, AttentionAttrs()));
  const Tensor expanded = Eval(arguments, [](Builder& b, Params& p, Module&) {
    const auto cache = [&](Value* integers, Value* scales) {
      Value* wide = b.Cast("w", b.Gather("g", integers, p[4], "slot"), DType::kF32);
      return b.Binary(Opcode::kMul, "x", wide, b.Gather("s", scales, p[4], "slot"));
    };
    Value* k = cache(p[1], p[5]);
    Value* v = cache(p[2], p[6]);
    Value* scores = b.Scale("s", b.Matmul("qk", p[0], k, "d"), kScale);
    Value* masked = b.CausalMask("m", scores, "pos", p[3]);
    return b.Matmul("y", ExpandSoftmax(b, masked, "pos"), v, "pos");
  });
  EXPECT_EQ(fused.type(), expanded.type());
  EXPECT_EQ(fused.floats(), expanded.floats());
}

TEST_F(FusedAttention, OfIntegersIsNearThatOfTheNumbersTheyStandFor) {
  const Tensor exact = Eval(Arguments(), One(Opcode::kAttention, AttentionAttrs()));
  const Tensor rounded =
      Eval(QuantizedCaches(Arguments()), One(Opcode::kAttention, AttentionAttrs()));
  for (int64_t i = 0; i < exact.size(); ++i) {
    EXPECT_NEAR(rounded.floats()[i], exact.floats()[i], 0.05);
  }
  EXPECT_NE(rounded.floats(), exact.floats());
}

TEST_F(FusedAttention, LooksAtNoKeyBehindAToken) {
  std::vector<Tensor> arguments = Arguments();
  const Tensor before = Eval(arguments, One(Opcode::kAttention, AttentionAttrs()));
  // Slot 1's last token is at position 7, so positions 8 to 10 of that slot are unseen.
  for (int tensor = 1; tensor <= 2; ++tensor) {
    for (int64_t head = 0; head < 2; ++head) {
      for (int64_t i = 8 * 6; i < 11 * 6; ++i) {
        arguments[tensor].Store((2 + head) * 11 * 6 + i, kNan);
      }
    }
  }
  EXPECT_EQ(Eval(arguments, One(Opcode::kAttention, AttentionAttrs())).floats(), before.floats());
}

TEST_F(FusedAttention, WithoutAMaskSeesAllKeys) {
  std::vector<Tensor> arguments = Arguments();
  Attrs attrs = AttentionAttrs();
  attrs.mask = Mask::kNone;
  const Tensor unmasked = Eval(arguments, One(Opcode::kAttention, attrs));
  arguments[3] = Ints({MakeAxis("t", 5)}, {10, 10, 10, 10, 10});
  EXPECT_EQ(Eval(arguments, One(Opcode::kAttention, AttentionAttrs())).floats(), unmasked.floats());
}

TEST_F(FusedAttention, RefusesPositionsAndSlotsOutOfRange) {
  std::vector<Tensor> arguments = Arguments();
  arguments[3] = Ints({MakeAxis("t", 5)}, {0, 11, 4, 2, 7});
  EXPECT_EQ(TryEval(arguments, One(Opcode::kAttention, AttentionAttrs())).status().message(),
            "@f: %y: attention: position 11 is not within 0..10");
  arguments = Arguments();
  arguments[4] = Ints({MakeAxis("t", 5)}, {0, 1, 2, 0, 1});
  EXPECT_EQ(TryEval(arguments, One(Opcode::kAttention, AttentionAttrs())).status().message(),
            "@f: %y: attention: slot 2 is not within 0..1");
}

}  // namespace
}  // namespace lluda::ir
