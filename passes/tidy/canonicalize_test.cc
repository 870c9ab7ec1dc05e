#include "passes/tidy/canonicalize.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "passes/fuse/match/fusion_test_util.h"

namespace lluda::passes {
namespace {

using ::testing::HasSubstr;

constexpr char kChain[] = R"(lluda 1
module @m {
  func @f(%x: f32 a[12]) -> f32 e[2] {
    %b = split %x a -> b[3] c[4] : f32 b[3] c[4]
    %c = slice %b b 1..3 as d[2] : f32 d[2] c[4]
    %d = merge %c d c -> d[8] : f32 d[8]
    %e = slice %d d 5..7 as e[2] : f32 e[2]
    %r = exp %e : f32 e[2]
    return %r
  }
}
)";

TEST(CanonicalizeTest, ALongChainOfViewsBecomesOneSlice) {
  Canonicalize pass;
  const Outcome outcome = RunOn(&pass, kChain);
  // 1..3 of the rows of 4 are elements 4..12, and 5..7 of those 9..11.
  EXPECT_THAT(outcome.text, HasSubstr("{\n    %e = slice %x a 9..11 as e[2] : f32 e[2] by "
                                      "canonicalize\n    %r = exp %e"));
  EXPECT_FALSE(outcome.changed_again);
}

TEST(CanonicalizeTest, ComputesTheSameBits) {
  Canonicalize pass;
  ExpectSameValues(&pass, kChain, "f", {}, 0);
}

TEST(CanonicalizeTest, AnInnerSliceWithAnotherReaderStays) {
  Canonicalize pass;
  const Outcome outcome = RunOn(&pass, R"(lluda 1
module @m {
  func @f(%x: f32 a[12]) -> f32 e[2] c[6] {
    %c = slice %x a 6..12 as c[6] : f32 c[6]
    %e = slice %c c 0..2 as e[2] : f32 e[2]
    %r = add %e %c : f32 e[2] c[6]
    return %r
  }
}
)");
  EXPECT_THAT(outcome.text, HasSubstr("%c = slice %x a 6..12 as c[6] : f32 c[6]\n"
                                      "    %e = slice %x a 6..8 as e[2] : f32 e[2] by"));
}

TEST(CanonicalizeTest, APackOfAPermuteKeepsItsAxisOrderWhenAReaderMinds) {
  // The exp of the packed matrix would come out with its axes swapped.
  Canonicalize pass;
  const Outcome outcome = RunOn(&pass, R"(lluda 1
module @m {
  weight @w : bf16 q[8] hid[4] from "w"
  load {
    %t = permute @w to hid q : bf16 hid[4] q[8]
    @p = pack %t over hid {tile = 16x2} : bf16 hid[4] q[8] @panel(16x2, hid)
  }
  func @f() -> bf16 hid[4] q[8] {
    %r = exp @p : bf16 hid[4] q[8]
    return %r
  }
}
)");
  EXPECT_FALSE(outcome.changed);
  EXPECT_EQ(outcome.text, outcome.before);
}

}  // namespace
}  // namespace lluda::passes
