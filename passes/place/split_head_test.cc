#include "passes/place/split_head.h"

#include <string>

#include "absl/strings/str_replace.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "passes/fuse/match/fusion_test_util.h"

namespace lluda::passes {
namespace {

using testing::HasSubstr;

constexpr char kLargest[] = R"(lluda 1
module @m {
  symbol R in 1..8
  weight @head : bf16 vocab[300] hid[64] from "head"
  func @f(%h: bf16 row[R] hid[64], %kept: i32 row[R]) -> f32 row[R] vocab[300] {
    %wt = permute @head to hid vocab : bf16 hid[64] vocab[300]
    %l = matmul %h %wt over hid : f32 row[R] vocab[300]
    %t = nth_largest %l %kept over vocab : f32 row[R]
    %y = keep %l %l %t : f32 row[R] vocab[300]
    return %y
  }
}
)";

class SplitHeadTest : public testing::Test {
 protected:
  SplitHead pass_;
};

TEST_F(SplitHeadTest, ReadsInEightBitsFirst) {
  const Outcome outcome = RunOn(&pass_, kLargest);
  EXPECT_TRUE(outcome.changed);
  EXPECT_THAT(outcome.text, HasSubstr("%wq = quantize_blocks @head {out = q8_0}"));
  EXPECT_THAT(outcome.text, HasSubstr("%l = matmul %h %wt %hi %least over hid {epilogue = keep}"));
  EXPECT_TRUE(outcome.misses.empty());
  EXPECT_FALSE(outcome.changed_again);
}

TEST_F(SplitHeadTest, ComputesTheSameBits) {
  for (const char* numbers : {"bf16 ", "f32 "}) {
    const std::string text = absl::StrReplaceAll(kLargest, {{"bf16 ", numbers}});
    for (const int64_t kept : {1, 2, 40, 300}) {
      ExpectSameValues(&pass_, text, "f", {{{"R", 3}}, {{"kept", {kept, 1, kept}}}}, 0);
    }
  }
}

TEST_F(SplitHeadTest, ReadsAHeadThatIsCast) {
  const std::string cast = absl::StrReplaceAll(
      kLargest,
      {{"weight @head : bf16", "weight @head : f16"},
       {"permute @head to", "permute %c to"},
       {"    %wt", "    %c = cast @head {out = bf16} : bf16 vocab[300] hid[64]\n    %wt"}});
  EXPECT_THAT(RunOn(&pass_, cast).text, HasSubstr("%wq = quantize_blocks %c {out = q8_0}"));
  ExpectSameValues(&pass_, cast, "f", {{{"R", 2}}, {{"kept", {1, 7}}}}, 0);
}

TEST_F(SplitHeadTest, LeavesLogitsThatAreReadAlone) {
  ExpectMiss(&pass_, Edited(kLargest, "return %y", R"(%z = add %y %l : f32 row[R] vocab[300]
    return %z)"),
             "y", "'l' has 4 uses, expected 3");
}

TEST_F(SplitHeadTest, LeavesAHeadInBlocksAlone) {
  ExpectMiss(&pass_,
             absl::StrReplaceAll(kLargest, {{"weight @head : bf16", "weight @head : q8_0"},
                                            {"    %wt = permute @head to hid vocab : bf16 hid[64] "
                                             "vocab[300]\n",
                                             ""},
                                            {"%wt", "@head"}}),
             "y", "@head is in blocks already");
}

TEST_F(SplitHeadTest, LeavesRowsThatAreNoWholeBlocksAlone) {
  ExpectMiss(&pass_, absl::StrReplaceAll(kLargest, {{"hid[64]", "hid[40]"}}), "y",
             "rows of hid[40] are no blocks of 32 up to 32768");
}

TEST_F(SplitHeadTest, LeavesWhatIsNoWeightAlone) {
  ExpectMiss(&pass_,
             absl::StrReplaceAll(kLargest,
                                 {{"(%h", "(%head: bf16 vocab[300] hid[64], %h"},
                                  {"  weight @head : bf16 vocab[300] hid[64] from \"head\"\n", ""},
                                  {"@head", "%head"}}),
             "y", "%head is no weight");
}

}  // namespace
}  // namespace lluda::passes
