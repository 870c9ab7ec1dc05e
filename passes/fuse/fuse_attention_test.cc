#include "passes/fuse/fuse_attention.h"

#include "absl/strings/str_replace.h"
#include "gtest/gtest.h"
#include "passes/fuse/match/fusion_test_util.h"

namespace lluda::passes {
namespace {

constexpr char kAttention[] = R"(lluda 1
module @m {
  symbol T in 1..8
  symbol S in 1..4
  symbol C in 4..16
  state @k_cache[layer < 2] : bf16 slot[S] kv[2] pos[C] dim[8]
  state @v_cache[layer < 2] : bf16 slot[S] kv[2] pos[C] dim[8]
  func @f[layer < 2](%q: bf16 tok[T] kv[2] rep[3] dim[8], %k: bf16 tok[T] kv[2] dim[8], %v: bf16 tok[T] kv[2] dim[8], %pos: i32 tok[T], %slot: i32 tok[T], %pos2: i32 tok[T], %slot2: i32 tok[T]) -> f32 tok[T] kv[2] rep[3] dim[8] {
    %ks = append @k_cache[layer] %k over slot pos at %slot %pos : bf16 slot[S] kv[2] pos[C] dim[8]
    %vs = append @v_cache[layer] %v over slot pos at %slot %pos : bf16 slot[S] kv[2] pos[C] dim[8]
    %kx = gather %ks over slot at %slot : bf16 tok[T] kv[2] pos[C] dim[8]
    %vx = gather %vs over slot at %slot : bf16 tok[T] kv[2] pos[C] dim[8]
    %s0 = matmul %q %kx over dim : f32 tok[T] kv[2] rep[3] pos[C]
    %s1 = scale %s0 {by = 0.25} : f32 tok[T] kv[2] rep[3] pos[C]
    %s2 = causal_mask %s1 over pos at %pos : f32 tok[T] kv[2] rep[3] pos[C]
    %p = softmax %s2 over pos : f32 tok[T] kv[2] rep[3] pos[C]
    %o = matmul %p %vx over pos : f32 tok[T] kv[2] rep[3] dim[8]
    return %o
  }
}
)";

// The same over caches of integers.
constexpr char kQuantized[] = R"(lluda 1
module @m {
  symbol T in 1..8
  symbol S in 1..4
  symbol C in 4..16
  state @k_cache : i8 slot[S] kv[2] pos[C] dim[8]
  state @k_scale : f32 slot[S] kv[2] pos[C]
  state @v_cache : i8 slot[S] kv[2] pos[C] dim[8]
  state @v_scale : f32 slot[S] kv[2] pos[C]
  func @f(%q: bf16 tok[T] kv[2] rep[3] dim[8], %k: f32 tok[T] kv[2] dim[8], %v: f32 tok[T] kv[2] dim[8], %pos: i32 tok[T], %slot: i32 tok[T], %slot2: i32 tok[T]) -> f32 tok[T] kv[2] rep[3] dim[8] {
    %kn = quantize_scale %k over dim : f32 tok[T] kv[2]
    %ki = quantize %k %kn : i8 tok[T] kv[2] dim[8]
    %vn = quantize_scale %v over dim : f32 tok[T] kv[2]
    %vi = quantize %v %vn : i8 tok[T] kv[2] dim[8]
    %ks = append @k_cache %ki over slot pos at %slot %pos : i8 slot[S] kv[2] pos[C] dim[8]
    %kss = append @k_scale %kn over slot pos at %slot %pos : f32 slot[S] kv[2] pos[C]
    %vs = append @v_cache %vi over slot pos at %slot %pos : i8 slot[S] kv[2] pos[C] dim[8]
    %vss = append @v_scale %vn over slot pos at %slot %pos : f32 slot[S] kv[2] pos[C]
    %k0 = gather %ks over slot at %slot : i8 tok[T] kv[2] pos[C] dim[8]
    %k1 = cast %k0 {out = f32} : f32 tok[T] kv[2] pos[C] dim[8]
    %k2 = gather %kss over slot at %slot : f32 tok[T] kv[2] pos[C]
    %kx = mul %k1 %k2 : f32 tok[T] kv[2] pos[C] dim[8]
    %v0 = gather %vs over slot at %slot : i8 tok[T] kv[2] pos[C] dim[8]
    %v1 = cast %v0 {out = f32} : f32 tok[T] kv[2] pos[C] dim[8]
    %v2 = gather %vss over slot at %slot : f32 tok[T] kv[2] pos[C]
    %vx = mul %v1 %v2 : f32 tok[T] kv[2] pos[C] dim[8]
    %s0 = matmul %q %kx over dim : f32 tok[T] kv[2] rep[3] pos[C]
    %s1 = scale %s0 {by = 0.25} : f32 tok[T] kv[2] rep[3] pos[C]
    %s2 = causal_mask %s1 over pos at %pos : f32 tok[T] kv[2] rep[3] pos[C]
    %p = softmax %s2 over pos : f32 tok[T] kv[2] rep[3] pos[C]
    %o = matmul %p %vx over pos : f32 tok[T] kv[2] rep[3] dim[8]
    return %o
  }
}
)";

class FuseAttentionTest : public testing::Test {
 protected:
  FuseAttention pass_;
};

TEST_F(FuseAttentionTest, ReadsTheAppendedStatesDirectly) {
  const Outcome outcome = RunOn(&pass_, kAttention);
  EXPECT_TRUE(outcome.changed);
  EXPECT_FALSE(outcome.changed_again);
  EXPECT_TRUE(outcome.misses.empty());
  const size_t body = outcome.before.find("    %kx = gather");
  EXPECT_EQ(
      outcome.text,
      outcome.before.substr(0, body) +
          "    %o = attention %q %ks %vs over slot pos dim at %pos %slot {mask = causal, scale = "
          "0.25} : f32 tok[T] kv[2] rep[3] dim[8] by fuse-attention\n"
          "    return %o\n  }\n}\n");
}

TEST_F(FuseAttentionTest, LeavesScoresThatAreSummedOverTwoAxesAlone) {
  // Heads of q and k in two axes; attention would take the second one for one of heads.
  const std::string text = absl::StrReplaceAll(
      kAttention, {{"k_cache[layer < 2] : bf16 slot[S] kv[2] pos[C] dim[8]",
                    "k_cache[layer < 2] : bf16 slot[S] kv[2] pos[C] half[2] dim[4]"},
                   {"%q: bf16 tok[T] kv[2] rep[3] dim[8], %k: bf16 tok[T] kv[2] dim[8]",
                    "%q: bf16 tok[T] kv[2] rep[3] half[2] dim[4], "
                    "%k: bf16 tok[T] kv[2] half[2] dim[4]"},
                   {"%k over slot pos at %slot %pos : bf16 slot[S] kv[2] pos[C] dim[8]",
                    "%k over slot pos at %slot %pos : bf16 slot[S] kv[2] pos[C] half[2] dim[4]"},
                   {"%ks over slot at %slot : bf16 tok[T] kv[2] pos[C] dim[8]",
                    "%ks over slot at %slot : bf16 tok[T] kv[2] pos[C] half[2] dim[4]"},
                   {"matmul %q %kx over dim", "matmul %q %kx over half dim"}});
  const Outcome outcome = RunOn(&pass_, text);
  EXPECT_FALSE(outcome.changed);
  ASSERT_EQ(outcome.misses.size(), 1u);
  EXPECT_EQ(outcome.misses[0].reason, "'s0' acts over 'half dim', expected 'half'");
}

TEST_F(FuseAttentionTest, ComputesTheSameValuesForMixedSequences) {
  const Inputs inputs = {{{"T", 5}, {"S", 2}, {"C", 6}},
                         {{"pos", {0, 1, 0, 2, 1}},
                          {"slot", {1, 1, 0, 1, 0}},
                          {"pos2", {0, 0, 0, 0, 0}},
                          {"slot2", {0, 0, 0, 0, 0}}}};
  ExpectSameValues(&pass_, kAttention, "f", inputs, 1e-6f);
}

TEST_F(FuseAttentionTest, ReadsIntegersWithTheirScales) {
  const Outcome outcome = RunOn(&pass_, kQuantized);
  EXPECT_TRUE(outcome.misses.empty());
  const size_t body = outcome.before.find("    %k0 = gather");
  EXPECT_EQ(
      outcome.text,
      outcome.before.substr(0, body) +
          "    %o = attention %q %ks %vs over slot pos dim at %pos %slot %kss %vss {mask = causal, "
          "scale = 0.25} : f32 tok[T] kv[2] rep[3] dim[8] by fuse-attention\n"
          "    return %o\n  }\n}\n");
}

TEST_F(FuseAttentionTest, ComputesTheSameValuesFromIntegers) {
  const Inputs inputs = {
      {{"T", 5}, {"S", 2}, {"C", 6}},
      {{"pos", {0, 1, 0, 2, 1}}, {"slot", {1, 1, 0, 1, 0}}, {"slot2", {0, 0, 0, 0, 0}}}};
  ExpectSameValues(&pass_, kQuantized, "f", inputs, 0);
}

TEST_F(FuseAttentionTest, LeavesScalesOfOtherSlotsAlone) {
  ExpectMiss(
      &pass_,
      Edited(kQuantized, "gather %kss over slot at %slot", "gather %kss over slot at %slot2"), "o",
      "operand 1 of 'k2' is %slot2, expected %slot");
}

TEST_F(FuseAttentionTest, LeavesScalesThatAreWrittenAgainAlone) {
  ExpectMiss(
      &pass_,
      Edited(
          kQuantized, "    %s0 = matmul",
          "    %vs2 = append @v_scale %kn over slot pos at %slot %pos : f32 slot[S] kv[2] pos[C]\n"
          "    %s0 = matmul"),
      "o", "'vs2' may write the state of 'vss' again");
}

// The attention above with capped scores.
std::string Capped() {
  return Edited(kAttention, "    %s2 = causal_mask %s1",
                R"(    %c0 = scale %s1 {by = 0.02} : f32 tok[T] kv[2] rep[3] pos[C]
    %c1 = tanh %c0 : f32 tok[T] kv[2] rep[3] pos[C]
    %c2 = scale %c1 {by = 50} : f32 tok[T] kv[2] rep[3] pos[C]
    %s2 = causal_mask %c2)");
}

TEST_F(FuseAttentionTest, TakesAWindowAndASoftcapAlong) {
  const std::string text =
      Edited(Capped(), "over pos at %pos :", "over pos at %pos {window = 2} :");
  const Outcome outcome = RunOn(&pass_, text);
  EXPECT_TRUE(outcome.misses.empty());
  EXPECT_NE(outcome.text.find("%o = attention %q %ks %vs over slot pos dim at %pos %slot {mask = "
                              "causal, scale = 0.25, softcap = 50, window = 2}"),
            std::string::npos)
      << outcome.text;
  EXPECT_EQ(outcome.text.find("tanh"), std::string::npos);
  const Inputs inputs = {{{"T", 5}, {"S", 2}, {"C", 6}},
                         {{"pos", {0, 1, 0, 2, 1}},
                          {"slot", {1, 1, 0, 1, 0}},
                          {"pos2", {0, 0, 0, 0, 0}},
                          {"slot2", {0, 0, 0, 0, 0}}}};
  ExpectSameValues(&pass_, text, "f", inputs, 0);
}

TEST_F(FuseAttentionTest, LeavesACapThatIsScaledOtherwiseAlone) {
  ExpectMiss(&pass_, Edited(Capped(), "by = 0.02", "by = 0.04"), "o",
             "'c0' scales by 0.04, expected 1 / 50");
}

TEST_F(FuseAttentionTest, LeavesCappedScoresWithAFurtherUserAlone) {
  const std::string text =
      Edited(Capped(), "return %o", R"(%sum = reduce_sum %c1 over pos : f32 tok[T] kv[2] rep[3]
    %w = add %o %sum : f32 tok[T] kv[2] rep[3] dim[8]
    return %w)");
  ExpectMiss(&pass_, text, "o", "'c1' has 2 uses, expected 1");
}

TEST_F(FuseAttentionTest, LeavesAMissingMaskAlone) {
  std::string text =
      Edited(kAttention,
             "    %s2 = causal_mask %s1 over pos at %pos : f32 tok[T] kv[2] rep[3] pos[C]\n", "");
  text = Edited(text, "softmax %s2", "softmax %s1");
  ExpectMiss(&pass_, text, "o", "'s1' is scale, expected causal_mask");
}

TEST_F(FuseAttentionTest, LeavesAMissingScaleAlone) {
  std::string text =
      Edited(kAttention, "    %s1 = scale %s0 {by = 0.25} : f32 tok[T] kv[2] rep[3] pos[C]\n", "");
  text = Edited(text, "causal_mask %s1", "causal_mask %s0");
  ExpectMiss(&pass_, text, "o", "'s0' is matmul, expected scale");
}

TEST_F(FuseAttentionTest, LeavesDifferentSlotsForKeysAndValuesAlone) {
  std::string text =
      Edited(kAttention, "gather %vs over slot at %slot", "gather %vs over slot at %slot2");
  ExpectMiss(&pass_, text, "o", "operand 1 of 'vx' is %slot2, expected %slot");
  text = Edited(text, "%v over slot pos at %slot %pos", "%v over slot pos at %slot2 %pos");
  ExpectMiss(&pass_, text, "o", "operand 2 of 'vs' is %slot2, expected %slot");
}

TEST_F(FuseAttentionTest, LeavesAMaskWithOtherPositionsAlone) {
  ExpectMiss(&pass_, Edited(kAttention, "over pos at %pos :", "over pos at %pos2 :"), "o",
             "operand 1 of 's2' is %pos2, expected %pos");
}

TEST_F(FuseAttentionTest, LeavesValuesAppendedAtOtherPositionsAlone) {
  ExpectMiss(
      &pass_,
      Edited(kAttention, "%v over slot pos at %slot %pos", "%v over slot pos at %slot %pos2"), "o",
      "operand 3 of 'vs' is %pos2, expected %pos");
}

TEST_F(FuseAttentionTest, LeavesAMaskOverAnotherAxisAlone) {
  ExpectMiss(&pass_, Edited(kAttention, "causal_mask %s1 over pos", "causal_mask %s1 over rep"),
             "o", "'s2' acts over 'rep', expected 'pos'");
}

TEST_F(FuseAttentionTest, LeavesASoftmaxOverAnotherAxisAlone) {
  ExpectMiss(&pass_, Edited(kAttention, "softmax %s2 over pos", "softmax %s2 over rep"), "o",
             "'p' acts over 'rep', expected 'pos'");
}

TEST_F(FuseAttentionTest, LeavesProbabilitiesWithAFurtherUserAlone) {
  const std::string text =
      Edited(kAttention, "return %o", R"(%sum = reduce_sum %p over pos : f32 tok[T] kv[2] rep[3]
    %w = add %o %sum : f32 tok[T] kv[2] rep[3] dim[8]
    return %w)");
  ExpectMiss(&pass_, text, "o", "'p' has 2 uses, expected 1");
}

TEST_F(FuseAttentionTest, LeavesRoundedProbabilitiesAlone) {
  const std::string text = Edited(kAttention, "%p = softmax %s2 over pos : f32",
                                  "%p = softmax %s2 over pos {out = bf16} : bf16");
  ExpectMiss(&pass_, text, "o", "'p' must be f32");
}

TEST_F(FuseAttentionTest, LeavesAStateThatACallMayWriteAgainAlone) {
  std::string text = Edited(
      kAttention, "  func @f[layer < 2](%q:",
      R"(  func @g[layer < 2](%k: bf16 tok[T] kv[2] dim[8], %pos: i32 tok[T], %slot: i32 tok[T]) -> bf16 tok[T] kv[2] dim[8] {
    %ks = append @k_cache[layer] %k over slot pos at %slot %pos : bf16 slot[S] kv[2] pos[C] dim[8]
    return %k
  }
  func @f[layer < 2](%q:)");
  text = Edited(text, "    %p = softmax",
                "    %again = call @g[layer] %k %pos2 %slot2 : bf16 tok[T] kv[2] dim[8]\n"
                "    %p = softmax");
  ExpectMiss(&pass_, text, "o", "'again' may write the state of 'ks' again");
}

TEST_F(FuseAttentionTest, LeavesQueriesWithAnAxisOfPositionsAlone) {
  const std::string text = Edited(kAttention, "%q: bf16 tok[T] kv[2] rep[3] dim[8]",
                                  "%q: bf16 tok[T] kv[2] rep[3] pos[C] dim[8]");
  ExpectMiss(&pass_, text, "o", "%q has the state's axis 'pos'");
}

TEST_F(FuseAttentionTest, LeavesProjectionsByWeightsAloneWithoutReportingThem) {
  const Outcome outcome = RunOn(&pass_, R"(lluda 1
module @m {
  weight @w : f32 out[4] inner[8] from "w"
  func @f(%x: f32 inner[8]) -> f32 out[4] {
    %y = matmul %x @w over inner : f32 out[4]
    return %y
  }
}
)");
  EXPECT_FALSE(outcome.changed);
  EXPECT_TRUE(outcome.misses.empty());
}

}  // namespace
}  // namespace lluda::passes
