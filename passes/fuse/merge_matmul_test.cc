#include "passes/fuse/merge_matmul.h"

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "passes/fuse/match/fusion_test_util.h"

namespace lluda::passes {
namespace {

constexpr char kProjections[] = R"(lluda 1
module @m {
  symbol T in 1..8
  weight @wq[layer < 2] : bf16 q[8] hid[6] from "q.{layer}"
  weight @wk[layer < 2] : bf16 kd[4] hid[6] from "k.{layer}"
  weight @wv[layer < 2] : bf16 vd[4] hid[6] from "v.{layer}"
  func @f[layer < 2](%h: bf16 tok[T] hid[6]) -> f32 tok[T] n[16] {
    %q0 = matmul %h @wq[layer] over hid : f32 tok[T] q[8]
    %k0 = matmul %h @wk[layer] over hid : f32 tok[T] kd[4]
    %k1 = silu %k0 : f32 tok[T] kd[4]
    %v0 = matmul %h @wv[layer] over hid : f32 tok[T] vd[4]
    %y = concat %q0 %k1 %v0 q kd vd -> n[16] : f32 tok[T] n[16]
    return %y
  }
}
)";

constexpr char kGated[] = R"(lluda 1
module @m {
  symbol T in 1..8
  weight @wg : bf16 ff[4] hid[6] from "gate"
  weight @wu : bf16 ff[4] hid[6] from "up"
  func @f(%h: bf16 tok[T] hid[6]) -> f32 tok[T] ff[4] {
    %gate = matmul %h @wg over hid : f32 tok[T] ff[4]
    %up = matmul %h @wu over hid : f32 tok[T] ff[4]
    %m = mul %gate %up : f32 tok[T] ff[4]
    return %m
  }
}
)";

class MergeMatmulTest : public testing::Test {
 protected:
  MergeMatmul pass_;
};

TEST_F(MergeMatmulTest, MergesSiblingsAndKeepsTheirNames) {
  const Outcome outcome = RunOn(&pass_, kProjections);
  EXPECT_TRUE(outcome.changed);
  EXPECT_FALSE(outcome.changed_again);
  EXPECT_TRUE(outcome.misses.empty());
  EXPECT_EQ(outcome.text, R"(lluda 1
module @m {
  symbol T in 1..8
  weight @wq[layer < 2] : bf16 q[8] hid[6] from "q.{layer}"
  weight @wk[layer < 2] : bf16 kd[4] hid[6] from "k.{layer}"
  weight @wv[layer < 2] : bf16 vd[4] hid[6] from "v.{layer}"
  func @f[layer < 2](%h: bf16 tok[T] hid[6]) -> f32 tok[T] n[16] {
    %wqkv = concat @wq[layer] @wk[layer] @wv[layer] q kd vd -> qkv[16] : bf16 qkv[16] hid[6] by merge-matmul
    %qkv = matmul %h %wqkv over hid : f32 tok[T] qkv[16] by merge-matmul
    %q0 = slice %qkv qkv 0..8 as q[8] : f32 tok[T] q[8] by merge-matmul
    %k0 = slice %qkv qkv 8..12 as kd[4] : f32 tok[T] kd[4] by merge-matmul
    %k1 = silu %k0 : f32 tok[T] kd[4]
    %v0 = slice %qkv qkv 12..16 as vd[4] : f32 tok[T] vd[4] by merge-matmul
    %y = concat %q0 %k1 %v0 q kd vd -> n[16] : f32 tok[T] n[16]
    return %y
  }
}
)");
}

TEST_F(MergeMatmulTest, NamesTheAxisOfEqualAxesByTheirNumber) {
  const Outcome outcome = RunOn(&pass_, kGated);
  EXPECT_NE(outcome.text.find("%wgu = concat @wg @wu ff -> ff2[8] : bf16 ff2[8] hid[6]"),
            std::string::npos)
      << outcome.text;
  EXPECT_NE(outcome.text.find("%up = slice %ff2 ff2 4..8 as ff[4] :"), std::string::npos)
      << outcome.text;
}

TEST_F(MergeMatmulTest, ComputesTheSameBits) {
  ExpectSameValues(&pass_, kProjections, "f", {{{"T", 3}}, {}}, 0);
  ExpectSameValues(&pass_, kGated, "f", {{{"T", 1}}, {}}, 0);
}

TEST_F(MergeMatmulTest, GivesATakenNameANumber) {
  std::string text = Edited(kProjections, "%h: bf16 tok[T] hid[6]) -> f32 tok[T] n[16]",
                            "%h: bf16 qkv[5] hid[6], %wqkv: f32 n[1]) -> f32 qkv[5] n[16]");
  for (size_t at; (at = text.find("f32 tok[T]")) != text.npos;) text.replace(at, 10, "f32 qkv[5]");
  const Outcome outcome = RunOn(&pass_, text);
  EXPECT_NE(outcome.text.find("%wqkv_1 = concat @wq[layer] @wk[layer] @wv[layer] q kd vd -> "
                              "qkv_1[16] : bf16 qkv_1[16] hid[6]"),
            std::string::npos)
      << outcome.text;
}

TEST_F(MergeMatmulTest, DoesNotNameAnAxisByAWordOfTheGrammar) {
  const Outcome outcome = RunOn(&pass_, R"(lluda 1
module @m {
  weight @a : f32 i[2] hid[6] from "a"
  weight @b : f32 n[3] hid[6] from "b"
  func @f(%h: f32 hid[6]) -> f32 y[5] {
    %a = matmul %h @a over hid : f32 i[2]
    %b = matmul %h @b over hid : f32 n[3]
    %y = concat %a %b i n -> y[5] : f32 y[5]
    return %y
  }
}
)");
  EXPECT_NE(outcome.text.find("%a_b = concat @a @b i n -> in_1[5] : f32 in_1[5] hid[6]"),
            std::string::npos)
      << outcome.text;
}

TEST_F(MergeMatmulTest, LeavesWeightsThatAreTooLargeTogetherAlone) {
  std::string text = kGated;
  for (size_t at; (at = text.find("ff[4]")) != text.npos;) text.replace(at, 5, "ff[137438953472]");
  ExpectMiss(&pass_, text, "gate", "the joined weight would have 1649267441664 elements");
}

TEST_F(MergeMatmulTest, LeavesMoreSiblingsThanConcatTakesAlone) {
  std::string weights, matmuls, sum = "    %s0 = matmul %h @w0 over hid : f32 ff[4]\n";
  for (int i = 0; i <= 64; ++i) {
    absl::StrAppend(&weights, "  weight @w", i, " : f32 ff[4] hid[6] from \"w\"\n");
    if (i == 0) continue;
    absl::StrAppend(&matmuls, "    %m", i, " = matmul %h @w", i, " over hid : f32 ff[4]\n");
    absl::StrAppend(&sum, "    %s", i, " = add %s", i - 1, " %m", i, " : f32 ff[4]\n");
  }
  const std::string text =
      absl::StrCat("lluda 1\nmodule @m {\n", weights, "  func @f(%h: f32 hid[6]) -> f32 ff[4] {\n",
                   matmuls, sum, "    return %s64\n  }\n}\n");
  ExpectMiss(&pass_, text, "m1", "65 matmuls are more than the 64 that concat joins");
}

TEST_F(MergeMatmulTest, MergesInTheColumnsOfTransposedWeights) {
  std::string text = kGated;
  for (size_t at; (at = text.find("bf16 ff[4] hid[6] from")) != text.npos;) {
    text.replace(at, 17, "bf16 hid[6] ff[4]");
  }
  const Outcome outcome = RunOn(&pass_, text);
  EXPECT_NE(outcome.text.find("%wgu = concat @wg @wu ff -> ff2[8] : bf16 hid[6] ff2[8]"),
            std::string::npos)
      << outcome.text;
}

TEST_F(MergeMatmulTest, MergesWhatIsMadeOfWeightsOnly) {
  const std::string text = Edited(kGated, "%gate = matmul %h @wg over",
                                  R"(%wg2 = scale @wg {by = 0.5} : bf16 ff[4] hid[6]
    %gate = matmul %h %wg2 over)");
  const Outcome outcome = RunOn(&pass_, text);
  EXPECT_NE(outcome.text.find("= concat %wg2 @wu ff -> ff2[8]"), std::string::npos) << outcome.text;
}

TEST_F(MergeMatmulTest, LeavesAWeightThatIsReadElsewhereAlone) {
  std::string text = Edited(kGated, "return %m", R"(%g2 = matmul %up @wg over ff : f32 tok[T] hid[6]
    %m2 = matmul %g2 @wg over hid : f32 tok[T] ff[4]
    return %m2)");
  ExpectMiss(&pass_, text, "up", "@wg in 'gate' is used elsewhere too");
}

TEST_F(MergeMatmulTest, LeavesWeightsOfDifferentElementTypesAlone) {
  ExpectMiss(&pass_, Edited(kGated, "weight @wu : bf16", "weight @wu : f32"), "up",
             "'gate' and 'up' differ in their weights' element type");
}

TEST_F(MergeMatmulTest, LeavesResultsOfDifferentElementTypesAlone) {
  const std::string text = Edited(kGated, "%up = matmul %h @wu over hid : f32 tok[T] ff[4]",
                                  R"(%up0 = matmul %h @wu over hid {out = bf16} : bf16 tok[T] ff[4]
    %up = cast %up0 {out = f32} : f32 tok[T] ff[4])");
  ExpectMiss(&pass_, text, "up0", "'gate' and 'up0' differ in their result's element type");
}

TEST_F(MergeMatmulTest, LeavesDifferentIndexesAlone) {
  const std::string text =
      Edited(Edited(kProjections, "@wk[layer < 2]", "@wk"), "@wk[layer]", "@wk");
  const Outcome outcome = RunOn(&pass_, Edited(text, "k.{layer}", "k"));
  EXPECT_TRUE(outcome.changed);  // q and v are merged without k
  EXPECT_NE(outcome.text.find("%k0 = matmul %h @wk over hid : f32 tok[T] kd[4]\n"),
            std::string::npos)
      << outcome.text;
  EXPECT_NE(outcome.text.find("%wqv = concat @wq[layer] @wv[layer] q vd -> qv[12]"),
            std::string::npos)
      << outcome.text;
  ASSERT_EQ(outcome.misses.size(), 1u);
  EXPECT_EQ(outcome.misses[0].reason, "'q0' and 'k0' differ in the index of their weights");
}

TEST_F(MergeMatmulTest, LeavesAMatmulWithAnEpilogueAlone) {
  const std::string text = Edited(kGated, "%up = matmul %h @wu over hid :",
                                  "%up = matmul %h @wu %gate over hid {epilogue = add} :");
  ExpectMiss(&pass_, text, "up", "'up' has an epilogue");
}

TEST_F(MergeMatmulTest, LeavesProductsWithAnActivationAlone) {
  std::string text = Edited(kGated, "%up = matmul %h @wu", "%up = matmul %h %w");
  text =
      Edited(text, "(%h: bf16 tok[T] hid[6])", "(%h: bf16 tok[T] hid[6], %w: bf16 ff[4] hid[6])");
  ExpectMiss(&pass_, text, "up", "%w in 'up' is not made of weights only");
}

TEST_F(MergeMatmulTest, LeavesProductsWhoseBiasBecomesTheirEpilogueAlone) {
  const std::string text = R"(lluda 1
module @m {
  symbol T in 1..512
  weight @wq : bf16 q[8] hid[6] from "q"
  weight @wk : bf16 kd[4] hid[6] from "k"
  weight @bq : f32 q[8] from "bq"
  weight @bk : f32 kd[4] from "bk"
  func @f(%h: bf16 tok[T] hid[6]) -> f32 tok[T] n[12] {
    %q0 = matmul %h @wq over hid : f32 tok[T] q[8]
    %k0 = matmul %h @wk over hid : f32 tok[T] kd[4]
    %q = add %q0 @bq : f32 tok[T] q[8]
    %k = add %k0 @bk : f32 tok[T] kd[4]
    %y = concat %q %k q kd -> n[12] : f32 tok[T] n[12]
    return %y
  }
}
)";
  const Outcome outcome = RunOn(&pass_, text);
  EXPECT_FALSE(outcome.changed);
  EXPECT_TRUE(outcome.misses.empty());
}

TEST_F(MergeMatmulTest, LeavesAWeightThatIsMadeLaterAlone) {
  const std::string text = Edited(kGated, "%up = matmul %h @wu over",
                                  R"(%wu2 = scale @wu {by = 0.5} : bf16 ff[4] hid[6]
    %up = matmul %h %wu2 over)");
  ExpectMiss(&pass_, text, "up", "%wu2 is not there yet at 'gate'");
}

TEST_F(MergeMatmulTest, LeavesProductsOfDifferentValuesAloneWithoutReportingThem) {
  std::string text = Edited(kGated, "%up = matmul %h @wu", "%up = matmul %other @wu");
  text = Edited(text, "(%h: bf16 tok[T] hid[6])",
                "(%h: bf16 tok[T] hid[6], %other: bf16 tok[T] hid[6])");
  const Outcome outcome = RunOn(&pass_, text);
  EXPECT_FALSE(outcome.changed);
  EXPECT_TRUE(outcome.misses.empty());
}

TEST_F(MergeMatmulTest, KeepsTheFactorsOfAGatedProductToThemselves) {
  const Outcome outcome = RunOn(&pass_, R"(lluda 1
module @m {
  symbol T in 1..8
  weight @wr : bf16 e[3] hid[6] from "router"
  weight @wg : bf16 ff[4] hid[6] from "gate"
  weight @wu : bf16 ff[4] hid[6] from "up"
  weight @ws : bf16 one[1] hid[6] from "share"
  func @f(%h: bf16 tok[T] hid[6]) -> f32 tok[T] n[8] {
    %r = matmul %h @wr over hid : f32 tok[T] e[3]
    %gate = matmul %h @wg over hid : f32 tok[T] ff[4]
    %up = matmul %h @wu over hid : f32 tok[T] ff[4]
    %s = matmul %h @ws over hid : f32 tok[T] one[1]
    %a = silu %gate : f32 tok[T] ff[4]
    %m = mul %a %up : f32 tok[T] ff[4]
    %y = concat %r %m %s e ff one -> n[8] : f32 tok[T] n[8]
    return %y
  }
}
)");
  for (const char* merged : {"%ff2 = matmul %h %wgu over hid : f32 tok[T] ff2[8] by merge-matmul",
                             "%eo = matmul %h %wrs over hid : f32 tok[T] eo[4] by merge-matmul"}) {
    EXPECT_NE(outcome.text.find(merged), std::string::npos) << outcome.text;
  }
  EXPECT_FALSE(outcome.changed_again);
}

TEST_F(MergeMatmulTest, MergesTheMatricesOfExpertsThatHaveTheSameIndices) {
  constexpr char kExperts[] = R"(lluda 1
module @m {
  symbol T in 1..8
  weight @wg : f32 e[3] ff[4] hid[6] from "gate.{e}"
  weight @wu : f32 e[3] ff[4] hid[6] from "up.{e}"
  func @f(%h: f32 tok[T] hid[6], %p: f32 tok[T] e[3]) -> f32 tok[T] top[2] ff[4] {
    %i = top_k %p over e -> top[2] : i32 tok[T] top[2]
    %o = order %i : i32 tok[T] top[2]
    %gate = expert_matmul %h @wg over hid e at %i %o : f32 tok[T] top[2] ff[4]
    %up = expert_matmul %h @wu over hid e at %i %o : f32 tok[T] top[2] ff[4]
    %m = mul %gate %up : f32 tok[T] top[2] ff[4]
    return %m
  }
}
)";
  const Outcome outcome = RunOn(&pass_, kExperts);
  const char* merged =
      "    %wgu = concat @wg @wu ff -> ff2[8] : f32 e[3] ff2[8] hid[6] by merge-matmul\n"
      "    %ff2 = expert_matmul %h %wgu over hid e at %i %o : f32 tok[T] top[2] ff2[8] by "
      "merge-matmul\n";
  EXPECT_NE(outcome.text.find(merged), std::string::npos) << outcome.text;
  ExpectSameValues(&pass_, kExperts, "f", {{{"T", 3}}, {}}, 0);
}

}  // namespace
}  // namespace lluda::passes
