#include "passes/fuse/fuse_norm_add.h"

#include <string>

#include "absl/strings/str_replace.h"
#include "gtest/gtest.h"
#include "passes/fuse/match/fusion_test_util.h"

namespace lluda::passes {
namespace {

constexpr char kResidual[] = R"(lluda 1
module @m {
  symbol T in 1..8
  weight @norm : bf16 hid[5] from "norm"
  func @f(%x: f32 tok[T] hid[5], %y: f32 tok[T] hid[5]) -> f32 tok[T] hid[5] {
    %n = rmsnorm %y @norm over hid {eps = 1e-05} : f32 tok[T] hid[5]
    %z = add %x %n : f32 tok[T] hid[5]
    return %z
  }
}
)";

constexpr char kFused[] = R"(lluda 1
module @m {
  symbol T in 1..8
  weight @norm : bf16 hid[5] from "norm"
  func @f(%x: f32 tok[T] hid[5], %y: f32 tok[T] hid[5]) -> f32 tok[T] hid[5] {
    %z = rmsnorm_add %y @norm %x over hid {eps = 1e-05} : f32 tok[T] hid[5] by fuse-norm-add
    return %z
  }
}
)";

class FuseNormAddTest : public testing::Test {
 protected:
  FuseNormAdd pass_;
};

TEST_F(FuseNormAddTest, ASumInEitherOrderIsTheNorms) {
  for (const std::string& text :
       {std::string(kResidual), Edited(kResidual, "add %x %n", "add %n %x")}) {
    const Outcome outcome = RunOn(&pass_, text);
    EXPECT_TRUE(outcome.changed);
    EXPECT_EQ(outcome.text, kFused);
    EXPECT_TRUE(outcome.misses.empty());
    EXPECT_FALSE(outcome.changed_again);
  }
}

TEST_F(FuseNormAddTest, ComputesTheSameBits) {
  ExpectSameValues(&pass_, kResidual, "f", {{{"T", 3}}, {}}, 0);
}

TEST_F(FuseNormAddTest, LeavesANormWithAFurtherUserAlone) {
  ExpectMiss(&pass_, Edited(kResidual, "return %z", R"(%w = mul %z %n : f32 tok[T] hid[5]
    return %w)"),
             "z", "'n' has 2 uses, expected 1");
}

TEST_F(FuseNormAddTest, LeavesTheSumWithAVectorAlone) {
  const std::string vector =
      Edited(kResidual, "weight @norm", "weight @v : f32 hid[5] from \"v\"\n  weight @norm");
  ExpectMiss(&pass_, Edited(vector, "add %x %n", "add %n @v"), "z",
             "@v is f32 hid[5], expected f32 tok[T] hid[5]");
}

TEST_F(FuseNormAddTest, LeavesASumOfRoundedNumbersAlone) {
  ExpectMiss(&pass_, absl::StrReplaceAll(kResidual, {{"f32 tok", "bf16 tok"}}), "z",
             "'n' must be f32");
}

}  // namespace
}  // namespace lluda::passes
