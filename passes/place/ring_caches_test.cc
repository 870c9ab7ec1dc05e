#include "passes/place/ring_caches.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "machine/tiles.h"
#include "passes/fuse/match/fusion_test_util.h"

namespace lluda::passes {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

// Two windows on one cache.
constexpr char kWindows[] = R"(lluda 1
module @m {
  symbol T in 1..100
  symbol S in 1..2
  symbol C in 16..4096
  state @k[layer < 2] : bf16 slot[S] kv[2] pos[C] dim[8]
  state @v[layer < 2] : bf16 slot[S] kv[2] pos[C] dim[8]
  func @f[layer < 2](%q: bf16 tok[T] kv[2] dim[8], %x: bf16 tok[T] kv[2] dim[8], %pos: i32 tok[T], %slot: i32 tok[T]) -> f32 tok[T] kv[2] dim[8] {
    %ks = append @k[layer] %x over slot pos at %slot %pos : bf16 slot[S] kv[2] pos[C] dim[8]
    %vs = append @v[layer] %x over slot pos at %slot %pos : bf16 slot[S] kv[2] pos[C] dim[8]
    %a = attention %q %ks %vs over slot pos dim at %pos %slot {mask = causal, scale = 0.5, window = 9} : f32 tok[T] kv[2] dim[8]
    %b = attention %q %ks %vs over slot pos dim at %pos %slot {mask = causal, scale = 0.5, window = 200} : f32 tok[T] kv[2] dim[8]
    %y = add %a %b : f32 tok[T] kv[2] dim[8]
    return %y
  }
}
)";

// Three tokens whose positions lie in two rounds of a ring of 512.
Inputs TokensAround() {
  return {{{"T", 3}, {"S", 2}, {"C", 1024}}, {{"pos", {511, 512, 513}}, {"slot", {1, 1, 1}}}};
}

TEST(RingCachesTest, ComputesTheSameBits) {
  RingCaches pass;
  ExpectSameValues(&pass, kWindows, "f", TokensAround(), 0);
}

// In wholes of machine::kCacheSection.
TEST(RingCachesTest, TheRingHoldsTheWidestWindowAndAStepsTokens) {
  const int64_t most = 2 * machine::kCacheSection;
  for (const auto& [window, ring] : {std::pair{most - 99, most}, {most - 98, most + 256}}) {
    RingCaches pass;
    const Outcome outcome =
        RunOn(&pass, Edited(kWindows, "window = 200", absl::StrCat("window = ", window)));
    EXPECT_TRUE(outcome.changed);
    EXPECT_FALSE(outcome.changed_again);
    for (const char* state : {"state @k[layer < 2]", "state @v[layer < 2]"}) {
      EXPECT_THAT(outcome.text,
                  HasSubstr(absl::StrCat(state, " : bf16 slot[S] kv[2] pos[", ring, "] dim[8]")));
    }
    EXPECT_THAT(outcome.text,
                HasSubstr(absl::StrCat("ring = ", ring, ", scale = 0.5, window = 9}")));
    EXPECT_THAT(outcome.text, Not(HasSubstr("pos[C]")));
  }
}

TEST(RingCachesTest, ScalesOfIntegersGoRoundWithThem) {
  RingCaches pass;
  const Outcome outcome = RunOn(&pass, R"(lluda 1
module @m {
  symbol T in 1..4
  symbol S in 1..2
  symbol C in 16..4096
  state @k : i8 slot[S] kv[2] pos[C] dim[8]
  state @kc : f32 slot[S] kv[2] pos[C]
  func @f(%q: bf16 tok[T] kv[2] dim[8], %x: i8 tok[T] kv[2] dim[8], %c: f32 tok[T] kv[2], %pos: i32 tok[T], %slot: i32 tok[T]) -> f32 tok[T] kv[2] dim[8] {
    %ks = append @k %x over slot pos at %slot %pos : i8 slot[S] kv[2] pos[C] dim[8]
    %kcs = append @kc %c over slot pos at %slot %pos : f32 slot[S] kv[2] pos[C]
    %y = attention %q %ks %ks over slot pos dim at %pos %slot %kcs %kcs {mask = causal, scale = 0.5, window = 9} : f32 tok[T] kv[2] dim[8]
    return %y
  }
}
)");
  EXPECT_THAT(outcome.text, HasSubstr("%kcs = append @kc %c over slot pos at %slot %pos {ring = "
                                      "256} : f32 slot[S] kv[2] pos[256]"));
  EXPECT_TRUE(outcome.misses.empty());
}

TEST(RingCachesTest, SaysWhatHoldsAllPositions) {
  RingCaches pass;
  ExpectMiss(&pass, Edited(kWindows, ", window = 200", ""), "a", "'b' sees all positions");
  ExpectMiss(
      &pass,
      absl::StrReplaceAll(
          kWindows, {{"%a %b", "%a %a"},
                     {"%b = attention %q %ks %vs over slot pos dim at %pos %slot {mask = causal, "
                      "scale = 0.5, window = 200} : f32 tok[T] kv[2] dim[8]",
                      "%b = gather %ks over slot at %slot : bf16 tok[T] kv[2] pos[C] dim[8]"}}),
      "a", "@k is also read by 'b'");
}

}  // namespace
}  // namespace lluda::passes
