#include "passes/fuse/fuse_experts.h"

#include <string>

#include "gtest/gtest.h"
#include "passes/fuse/match/fusion_test_util.h"

namespace lluda::passes {
namespace {

constexpr char kNaive[] = R"(lluda 1
module @m {
  symbol T in 1..8
  weight @router[layer < 2] : f32 expert[5] hid[6] from "l.{layer}.router"
  weight @wu[layer < 2] : f32 expert[5] ff[4] hid[6] from "l.{layer}.up.{expert}"
  weight @wd[layer < 2] : f32 expert[5] hid[6] ff[4] from "l.{layer}.down.{expert}"
  func @f[layer < 2](%x: f32 tok[T] hid[6], %z: f32 tok[T] hid[6]) -> f32 tok[T] hid[6] {
    %r = matmul %x @router[layer] over hid : f32 tok[T] expert[5]
    %i = top_k %r over expert -> top[2] : i32 tok[T] top[2]
    %w = pick %r over expert at %i : f32 tok[T] top[2]
    %uw = gather @wu[layer] over expert at %i : f32 tok[T] top[2] ff[4] hid[6]
    %u = matmul %x %uw over hid : f32 tok[T] top[2] ff[4]
    %dw = gather @wd[layer] over expert at %i : f32 tok[T] top[2] hid[6] ff[4]
    %d = matmul %u %dw over ff : f32 tok[T] top[2] hid[6]
    %dd = mul %d %w : f32 tok[T] top[2] hid[6]
    %y0 = reduce_sum %dd over top : f32 tok[T] hid[6]
    %y = add %x %y0 : f32 tok[T] hid[6]
    return %y
  }
}
)";

constexpr char kFused[] = R"(lluda 1
module @m {
  symbol T in 1..8
  weight @router[layer < 2] : f32 expert[5] hid[6] from "l.{layer}.router"
  weight @wu[layer < 2] : f32 expert[5] ff[4] hid[6] from "l.{layer}.up.{expert}"
  weight @wd[layer < 2] : f32 expert[5] hid[6] ff[4] from "l.{layer}.down.{expert}"
  func @f[layer < 2](%x: f32 tok[T] hid[6], %z: f32 tok[T] hid[6]) -> f32 tok[T] hid[6] {
    %r = matmul %x @router[layer] over hid : f32 tok[T] expert[5]
    %i = top_k %r over expert -> top[2] : i32 tok[T] top[2]
    %w = pick %r over expert at %i : f32 tok[T] top[2]
    %i_order = order %i : i32 tok[T] top[2] by fuse-experts
    %u = expert_matmul %x @wu[layer] over hid expert at %i %i_order : f32 tok[T] top[2] ff[4] by fuse-experts
    %d = expert_matmul %u @wd[layer] over ff expert at %i %i_order : f32 tok[T] top[2] hid[6] by fuse-experts
    %y = combine %d %w %x over top : f32 tok[T] hid[6] by fuse-experts
    return %y
  }
}
)";

class FuseExpertsTest : public testing::Test {
 protected:
  FuseExperts pass_;
};

TEST_F(FuseExpertsTest, CopiesNoMatricesAndSumsInOneStatement) {
  const Outcome outcome = RunOn(&pass_, kNaive);
  EXPECT_TRUE(outcome.changed);
  EXPECT_EQ(outcome.text, kFused);
  EXPECT_TRUE(outcome.misses.empty());
  EXPECT_FALSE(outcome.changed_again);
}

TEST_F(FuseExpertsTest, ComputesTheSameBits) {
  ExpectSameValues(&pass_, kNaive, "f", {{{"T", 3}}, {}}, 0);
}

TEST_F(FuseExpertsTest, AcceptsCommutedSumsAndProducts) {
  std::string text = Edited(kNaive, "mul %d %w", "mul %w %d");
  text = Edited(text, "add %x %y0", "add %y0 %x");
  // The product's axes are those of %w, then what %d has beside them.
  EXPECT_EQ(RunOn(&pass_, text).text, kFused);
}

TEST_F(FuseExpertsTest, SumsWithoutAddingWhereNothingIsAdded) {
  const std::string text = Edited(Edited(kNaive, "    %y = add %x %y0 : f32 tok[T] hid[6]\n", ""),
                                  "return %y", "return %y0");
  const Outcome outcome = RunOn(&pass_, text);
  EXPECT_NE(outcome.text.find("%y0 = combine %d %w over top : f32 tok[T] hid[6] by fuse-experts"),
            std::string::npos)
      << outcome.text;
}

TEST_F(FuseExpertsTest, ReadsMatricesThatAreMadeOfWeights) {
  std::string text = Edited(kNaive, "%dw = gather @wd[layer] over",
                            "%wd = scale @wd[layer] {by = 2} : f32 expert[5] hid[6] ff[4]\n"
                            "    %dw = gather %wd over");
  EXPECT_NE(RunOn(&pass_, text).text.find("expert_matmul %u %wd over ff expert"),
            std::string::npos);
  ExpectSameValues(&pass_, text, "f", {{{"T", 3}}, {}}, 0);
}

TEST_F(FuseExpertsTest, LeavesGatheredMatricesWithAFurtherUserAlone) {
  const std::string text = Edited(kNaive, "%y = add %x %y0 : f32 tok[T] hid[6]",
                                  R"(%v = matmul %x %uw over hid : f32 tok[T] top[2] ff[4]
    %vs = reduce_sum %v over top : f32 tok[T] ff[4]
    %s = reduce_sum %vs over ff : f32 tok[T]
    %y1 = add %x %y0 : f32 tok[T] hid[6]
    %y = mul %y1 %s : f32 tok[T] hid[6])");
  const Outcome outcome = RunOn(&pass_, text);
  ASSERT_EQ(outcome.misses.size(), 2u);
  EXPECT_EQ(outcome.misses[0].statement, "u");
  EXPECT_EQ(outcome.misses[0].reason, "'uw' has 2 uses, expected 1");
  EXPECT_NE(outcome.text.find("%u = matmul %x %uw"), std::string::npos);
}

TEST_F(FuseExpertsTest, LeavesAMatmulOverTwoAxesAlone) {
  const std::string text = R"(lluda 1
module @m {
  symbol T in 1..8
  weight @w : f32 expert[5] ff[4] hid[6] from "w"
  func @f(%x: f32 tok[T] ff[4] hid[6], %i: i32 tok[T] top[2]) -> f32 tok[T] top[2] {
    %m = gather @w over expert at %i : f32 tok[T] top[2] ff[4] hid[6]
    %y = matmul %x %m over ff hid : f32 tok[T] top[2]
    return %y
  }
}
)";
  ExpectMiss(&pass_, text, "y", "'y' sums over several axes");
}

TEST_F(FuseExpertsTest, LeavesMatricesWithoutColumnsAlone) {
  const std::string text = R"(lluda 1
module @m {
  symbol T in 1..8
  weight @w : f32 expert[5] hid[6] from "w"
  func @f(%x: f32 tok[T] hid[6], %i: i32 tok[T] top[2]) -> f32 tok[T] top[2] {
    %m = gather @w over expert at %i : f32 tok[T] top[2] hid[6]
    %y = matmul %x %m over hid : f32 tok[T] top[2]
    return %y
  }
}
)";
  ExpectMiss(&pass_, text, "y",
             "expert_matmul: operand 1 must have one axis of columns, is f32 expert[5] hid[6]");
}

TEST_F(FuseExpertsTest, LeavesASumOfProductsWithAFurtherUserAlone) {
  const std::string text =
      Edited(kFused, "%y = combine %d %w %x over top : f32 tok[T] hid[6] by fuse-experts",
             R"(%dd = mul %d %w : f32 tok[T] top[2] hid[6]
    %y0 = reduce_sum %dd over top : f32 tok[T] hid[6]
    %m = reduce_max %dd over top : f32 tok[T] hid[6]
    %y = add %m %y0 : f32 tok[T] hid[6])");
  ExpectMiss(&pass_, text, "y0", "'dd' has 2 uses, expected 1");
}

TEST_F(FuseExpertsTest, LeavesACacheThatIsGatheredAloneWithoutReportingIt) {
  const Outcome outcome = RunOn(&pass_, R"(lluda 1
module @m {
  symbol T in 1..8
  symbol S in 1..4
  symbol C in 64..64
  state @k : f32 slot[S] pos[C] dim[4]
  func @f(%q: f32 tok[T] dim[4], %x: f32 tok[T] dim[4], %slot: i32 tok[T], %pos: i32 tok[T]) -> f32 tok[T] pos[C] {
    %ks = append @k %x over slot pos at %slot %pos : f32 slot[S] pos[C] dim[4]
    %kx = gather %ks over slot at %slot : f32 tok[T] pos[C] dim[4]
    %s = matmul %q %kx over dim : f32 tok[T] pos[C]
    return %s
  }
}
)");
  EXPECT_FALSE(outcome.changed);
  EXPECT_TRUE(outcome.misses.empty());
}

}  // namespace
}  // namespace lluda::passes
