#include "passes/place/page_caches.h"

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/str_replace.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "ir/interpreter/tensor.h"
#include "passes/fuse/match/fusion_test_util.h"

namespace lluda::passes {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr char kModel[] = R"(lluda 1
module @m {
  symbol T in 1..200
  symbol S in 1..2
  symbol C in 64..192
  symbol P in 1..6
  symbol B in 1..3
  state @k : bf16 slot[S] kv[2] pos[C] dim[8]
  state @v : bf16 slot[S] kv[2] pos[C] dim[8]
  func @f(%q: bf16 tok[T] kv[2] dim[8], %x: bf16 tok[T] kv[2] dim[8], %pos: i32 tok[T], %slot: i32 tok[T]) -> f32 tok[T] kv[2] dim[8] {
    %ks = append @k %x over slot pos at %slot %pos : bf16 slot[S] kv[2] pos[C] dim[8]
    %vs = append @v %x over slot pos at %slot %pos : bf16 slot[S] kv[2] pos[C] dim[8]
    %y = attention %q %ks %vs over slot pos dim at %pos %slot {mask = causal, scale = 0.5} : f32 tok[T] kv[2] dim[8]
    return %y
  }
}
)";

constexpr char kIntegers[] = R"(lluda 1
module @m {
  symbol T in 1..200
  symbol S in 1..2
  symbol C in 64..192
  symbol P in 1..6
  symbol B in 1..3
  state @k : i8 slot[S] kv[2] pos[C] dim[8]
  state @kc : f32 slot[S] kv[2] pos[C]
  func @f(%q: bf16 tok[T] kv[2] dim[8], %x: f32 tok[T] kv[2] dim[8], %pos: i32 tok[T], %slot: i32 tok[T]) -> f32 tok[T] kv[2] dim[8] {
    %c = quantize_scale %x over dim : f32 tok[T] kv[2]
    %i = quantize %x %c : i8 tok[T] kv[2] dim[8]
    %ks = append @k %i over slot pos at %slot %pos : i8 slot[S] kv[2] pos[C] dim[8]
    %kcs = append @kc %c over slot pos at %slot %pos : f32 slot[S] kv[2] pos[C]
    %y = attention %q %ks %ks over slot pos dim at %pos %slot %kcs %kcs {mask = causal, scale = 0.5} : f32 tok[T] kv[2] dim[8]
    return %y
  }
}
)";

// Two sequences of 150 and 30 tokens, side by side, whose pages lie in no order.
Inputs TwoSequences() {
  constexpr int64_t kPages[2][3] = {{4, 1, 5}, {2, 0, 3}};
  Inputs inputs = {{{"T", 180}, {"S", 2}, {"C", 192}, {"P", 6}, {"B", 3}}, {}};
  std::vector<int64_t> positions, slots, pages;
  for (int64_t t = 0; t < 180; ++t) {
    slots.push_back(t % 6 == 5 ? 1 : 0);
    positions.push_back(t % 6 == 5 ? t / 6 : t - t / 6);
    pages.push_back(kPages[slots.back()][positions.back() / 64]);
  }
  inputs.integers = {
      {"pos", positions}, {"slot", slots}, {"page", pages}, {"table", {4, 1, 5, 2, 0, 3}}};
  return inputs;
}

TEST(PageCachesTest, PagesInAnyOrderGiveTheSameBits) {
  for (const std::string& text : {std::string(kModel), std::string(kIntegers),
                                  Edited(kModel, "causal,", "causal, window = 70,")}) {
    PageCaches pass;
    ExpectSameValues(&pass, text, "f", TwoSequences(), 0);
  }
}

// As at the start of two texts that begin alike.
TEST(PageCachesTest, APageOfSeveralSlotsIsReadByAllOfThem) {
  PageCaches pass;
  const auto module = Parsed(RunOn(&pass, kModel).text);
  Inputs inputs = TwoSequences();
  const ir::Tensor alone = Evaluate(*module, "f", inputs);
  // Slot 1 has as its first page that of slot 0: then its tokens see what slot 0 wrote last.
  inputs.integers["table"] = {4, 1, 5, 4, 0, 3};
  const ir::Tensor shared = Evaluate(*module, "f", inputs);
  EXPECT_NE(shared.floats(), alone.floats());
}

TEST(PageCachesTest, ScalesOfIntegersLieInThemToo) {
  PageCaches pass;
  const Outcome outcome = RunOn(&pass, kIntegers);
  EXPECT_THAT(outcome.text, HasSubstr("state @kc : f32 page[P] kv[2] pos[64]\n"));
  EXPECT_THAT(outcome.text, HasSubstr("at %pos %slot %kcs %kcs %table {"));
  EXPECT_THAT(outcome.misses, IsEmpty());
  EXPECT_FALSE(outcome.changed_again);
}

TEST(PageCachesTest, AModuleWithoutSymbolsForPagesKeepsItsSlots) {
  PageCaches pass;
  EXPECT_FALSE(RunOn(&pass, Edited(kModel, "  symbol P in 1..6\n", "")).changed);
  EXPECT_FALSE(RunOn(&pass, Edited(kModel, "  symbol B in 1..3\n", "")).changed);
}

TEST(PageCachesTest, SaysWhatKeepsItsSlots) {
  PageCaches pass;
  ExpectMiss(&pass, absl::StrReplaceAll(kModel, {{"pos[C]", "pos[192]"}}), "y",
             "@k has positions of its own number");
  ExpectMiss(&pass,
             absl::StrReplaceAll(
                 kModel, {{"pos[C]", "pos[256]"},
                          {"at %slot %pos :", "at %slot %pos {ring = 256} :"},
                          {"causal, scale = 0.5", "causal, ring = 256, scale = 0.5, window = 9"}}),
             "y", "@k has positions of its own number");
  ExpectMiss(
      &pass,
      absl::StrReplaceAll(
          kModel, {{"    return %y\n",
                    "    %g = gather %ks over slot at %slot : bf16 tok[T] kv[2] pos[C] dim[8]\n"
                    "    return %y\n"}}),
      "g", "@k is also read by 'g'");
}

}  // namespace
}  // namespace lluda::passes
