#include "passes/place/peel_last_layer.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "machine/tiles.h"
#include "passes/fuse/match/fusion_test_util.h"

namespace lluda::passes {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

// A decoder of two layers; in the second function LAST stands before what is returned.
constexpr char kLayers[] = R"(lluda 1
module @m {
  symbol T in 1..8
  symbol R in 1..8
  symbol C in 8..16
  weight @w[layer < 2] : f32 dim[4] hid[4] from "w.{layer}"
  weight @wo[layer < 2] : f32 hid[4] dim[4] from "o.{layer}"
  state @cache[layer < 2] : f32 slot[2] pos[C] dim[4]
  state @seen[layer < 2] : f32 slot[2] pos[C] hid[4]
  func @attn[layer < 2](%x: f32 tok[T] hid[4], %pos: i32 tok[T], %slot: i32 tok[T]) -> f32 tok[T] hid[4] {
    %q = matmul %x @w[layer] over hid : f32 tok[T] dim[4]
    %ks = append @cache[layer] %q over slot pos at %slot %pos : f32 slot[2] pos[C] dim[4]
    %o = attention %q %ks %ks over slot pos dim at %pos %slot {mask = causal, scale = 0.5} : f32 tok[T] dim[4]
    %y = matmul %o @wo[layer] %x over dim {epilogue = add} : f32 tok[T] hid[4]
    return %y
  }
  func @step(%x1: f32 tok[T] hid[4], %pos: i32 tok[T], %slot: i32 tok[T], %rows: i32 row[R]) -> f32 row[R] hid[4] {
    %xn = for layer in 0..2 carry %x = %x1 {
      %xa = call @attn[layer] %x %pos %slot : f32 tok[T] hid[4]
      yield %xa
    } : f32 tok[T] hid[4]
    %xr = gather %xn over tok at %rows : f32 row[R] hid[4]
    %z = scale %xr {by = 2} : f32 row[R] hid[4]
    return %z
  }
}
)";

// A function of one row each, whose body is BODY.
constexpr char kRowwise[] = R"(lluda 1
module @m {
  symbol T in 1..8
  symbol R in 1..8
  weight @w : f32 hid[4] k[4] from "w"
  weight @experts : f32 expert[4] out[4] hid[4] from "experts"
  func @f(%x: f32 tok[T] hid[4]) -> f32 tok[T] hid[4] {
    %i = split %x hid -> k[4] : f32 tok[T] k[4]
    %m = matmul %i @w over k : f32 tok[T] hid[4]
    BODY
    return %y
  }
  func @step(%x: f32 tok[T] hid[4], %rows: i32 row[R]) -> f32 row[R] hid[4] {
    %y = call @f %x : f32 tok[T] hid[4]
    %xr = gather %y over tok at %rows : f32 row[R] hid[4]
    %z = scale %xr {by = 2} : f32 row[R] hid[4]
    return %z
  }
}
)";

std::string Rowwise(const std::string& body) {
  return absl::StrReplaceAll(kRowwise, {{"BODY", body}});
}

class PeelLastLayerTest : public testing::Test {
 protected:
  PeelLastLayer pass_;
};

TEST_F(PeelLastLayerTest, TheLastRoundIsForTheRowsThatArePicked) {
  const Outcome outcome = RunOn(&pass_, kLayers);
  EXPECT_TRUE(outcome.changed);
  EXPECT_FALSE(outcome.changed_again);
  EXPECT_TRUE(outcome.misses.empty());
  EXPECT_THAT(outcome.text, HasSubstr("%xn = for layer in 0..1 carry %x = %x1 {"));
  EXPECT_THAT(outcome.text, HasSubstr("= call @attn_rows[1] %xn %pos %slot %rows : f32 tok[R]"));
}

TEST_F(PeelLastLayerTest, ComputesTheSameBitsForRowsInAnyOrder) {
  // Tokens of two sequences; a row that is asked for twice.
  Inputs inputs;
  inputs.symbols = {{"T", 5}, {"R", 4}, {"C", 8}};
  inputs.integers = {{"pos", {0, 1, 2, 0, 1}}, {"slot", {0, 0, 0, 1, 1}}, {"rows", {4, 2, 2, 0}}};
  ExpectSameValues(&pass_, kLayers, "step", inputs, 0);
}

TEST_F(PeelLastLayerTest, AProductThatIsThereForAllRowsIsNotComputedAgain) {
  // The queries are the keys.
  const Outcome outcome = RunOn(&pass_, kLayers);
  EXPECT_THAT(outcome.text, HasSubstr("%q_rows0 = gather %q over tok at %rows"));
  EXPECT_THAT(outcome.text, Not(HasSubstr("%q_rows = matmul")));
}

TEST_F(PeelLastLayerTest, StepsOfOtherRowsHaveFunctionsOfTheirOwn) {
  const std::string step(absl::string_view(kLayers).substr(
      absl::string_view(kLayers).find("  func @step"),
      absl::string_view(kLayers).rfind('}') - absl::string_view(kLayers).find("  func @step")));
  const std::string top = absl::StrReplaceAll(step, {{"@step", "@top"}, {"row[R]", "row[Q]"}});
  const std::string text = Edited(Edited(kLayers, step, absl::StrCat(step, top)),
                                  "symbol R in 1..8\n", "symbol R in 1..8\n  symbol Q in 1..2\n");
  const Outcome outcome = RunOn(&pass_, text);
  EXPECT_THAT(outcome.text, AllOf(HasSubstr("tok[R] hid[4] {"), HasSubstr("tok[Q] hid[4] {")));
  EXPECT_EQ(outcome.misses.size(), 0u);
}

TEST_F(PeelLastLayerTest, ExpertsAreOrderedAnewForTheirRows) {
  const std::string experts = Rowwise(R"(%e = top_k %m over hid -> top[2] : i32 tok[T] top[2]
    %o = order %e : i32 tok[T] top[2]
    %z = expert_matmul %m @experts over hid expert at %e %o : f32 tok[T] top[2] out[4]
    %s = reduce_sum %z over top : f32 tok[T] out[4]
    %y = split %s out -> hid[4] : f32 tok[T] hid[4])");
  EXPECT_THAT(RunOn(&pass_, experts).text, HasSubstr("%o = order %e : i32 tok[R] top[2]"));
  ExpectSameValues(&pass_, experts, "step", {{{"T", 5}, {"R", 2}}, {{"rows", {4, 1}}}}, 0);
}

TEST_F(PeelLastLayerTest, WhatMixesRowsIsComputedForAllOfThem) {
  const std::string mixing = Rowwise(R"(%s = reduce_sum %m over tok : f32 hid[4]
    %i2 = split %m hid -> k[4] : f32 tok[T] k[4]
    %n = matmul %i2 @w over k : f32 tok[T] hid[4]
    %y = add %n %s : f32 tok[T] hid[4])");
  const Outcome outcome = RunOn(&pass_, mixing);
  EXPECT_THAT(outcome.text, HasSubstr("%m_rows0 = gather %m over tok at %rows"));
  ExpectSameValues(&pass_, mixing, "step", {{{"T", 3}, {"R", 2}}, {{"rows", {2, 0}}}}, 0);
}

TEST_F(PeelLastLayerTest, LeavesResultsThatOthersReadAlone) {
  ExpectMiss(&pass_,
             Edited(kLayers, "    %z = scale %xr {by = 2} : f32 row[R] hid[4]",
                    R"(    %s = reduce_sum %xn over tok : f32 hid[4]
    %z = add %xr %s : f32 row[R] hid[4])"),
             "xr", "'xn' has 2 uses, expected 1");
}

TEST_F(PeelLastLayerTest, LeavesRecordedActivationsAlone) {
  ExpectMiss(
      &pass_,
      Edited(
          kLayers, "    return %y",
          R"(    %all = append @seen[layer] %y over slot pos at %slot %pos : f32 slot[2] pos[C] hid[4]
    return %y)"),
      "xr", "all rows of its products are needed in @attn");
}

TEST_F(PeelLastLayerTest, LeavesLoopsWithOtherStatementsAlone) {
  ExpectMiss(
      &pass_,
      Edited(kLayers, "      yield %xa", R"(      %xb = scale %xa {by = 2} : f32 tok[T] hid[4]
      yield %xb)"),
      "xr", "'xb' in the loop is no call");
}

TEST_F(PeelLastLayerTest, LeavesRowsThatAreReturnedAlone) {
  ExpectMiss(&pass_, Edited(kLayers, "    return %z", "    return %xr"), "xr",
             "the function returns the rows, which need memory of their own");
}

TEST_F(PeelLastLayerTest, LeavesRowsThatAreComputedAlone) {
  ExpectMiss(&pass_,
             Edited(kLayers, "    %xr = gather %xn over tok at %rows",
                    R"(    %same = split %rows row -> row[R] : i32 row[R]
    %xr = gather %xn over tok at %same)"),
             "xr", "%same is no parameter");
}

TEST_F(PeelLastLayerTest, LeavesRowsThatAreCountedAsTheOthersAlone) {
  ExpectMiss(&pass_, absl::StrReplaceAll(kLayers, {{"row[R]", "tok[T]"}}), "xr",
             "%rows has the axis tok, too");
}

TEST_F(PeelLastLayerTest, AGpuComputesAllRows) {
  PeelLastLayer on_gpu(machine::DeviceKind::kGpu);
  ExpectMiss(&on_gpu, kLayers, "xr", "a GPU would need further kernels for these rows");
}

}  // namespace
}  // namespace lluda::passes
