#include "tools/measure/accounting.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <memory>
#include <string>

#include "ir/text/parser.h"
#include "passes/default_pipeline.h"
#include "passes/pipeline.h"

namespace lluda::tools {
namespace {

using testing::HasSubstr;

std::unique_ptr<ir::Module> Parse(const std::string& text) {
  auto module = ir::ParseModule(text, "test.lluda");
  EXPECT_TRUE(module.ok()) << module.status();
  return module.ok() ? *std::move(module) : nullptr;
}

// Two layers; hidden size 8, two KV heads of two query heads of 4 each, MLP 12, vocabulary 32.
std::unique_ptr<ir::Module> Toy(const std::string& name = "toy") {
  std::ifstream file("frontends/decoder/testdata/" + name + ".lluda");
  return Parse({std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()});
}

void Optimise(ir::Module* module) {
  auto pipeline = passes::Pipeline::Create(passes::DefaultPipeline(), {});
  ASSERT_TRUE(pipeline.ok()) << pipeline.status();
  ASSERT_TRUE(pipeline->Run(module).ok());
}

// q, k, v, o; gate, up, down.
constexpr int64_t kLayerWeights = 8 * 16 + 8 * 8 + 8 * 8 + 16 * 8 + 3 * 8 * 12;
constexpr int64_t kLayerNorms = 8 + 8 + 4 + 4;
constexpr int64_t kEmbedding = 32 * 8;

TEST(AccountingTest, AMatmulIsTwoOperationsAProduct) {
  const auto module = Toy();
  ASSERT_NE(module, nullptr);
  const auto cost = CountStep(*module);
  ASSERT_TRUE(cost.ok()) << cost.status();
  EXPECT_EQ(cost->flops_per_token, 2 * 2 * kLayerWeights);
  EXPECT_EQ(cost->flops_per_row, 2 * kEmbedding);
  // Scores and their sum over values, of 4 heads with 4 elements.
  ASSERT_EQ(cost->caches.size(), 1u);
  EXPECT_EQ(cost->caches[0].flops, 2 * 2 * 2 * 4 * 4);
}

TEST(AccountingTest, AMatmulThatAppendsCountsForItsTokens) {
  const auto module = Parse(R"(lluda 1
module @m {
  symbol T in 1..8
  symbol C in 16..64
  weight @w : f32 vd[8] hid[4] from "w"
  state @v : f32 slot[2] kv[2] pos[C] dim[4]
  func @step(%h: f32 tok[T] hid[4], %at: i32 tok[T]) -> f32 tok[T] kv[2] pos[C] dim[4] {
    %s = matmul %h @w @v over hid slot pos -> kv[2] dim[4] at %at %at {epilogue = append} : f32 slot[2] kv[2] pos[C] dim[4]
    %y = gather %s over slot at %at : f32 tok[T] kv[2] pos[C] dim[4]
    return %y
  }
})");
  ASSERT_NE(module, nullptr);
  const auto cost = CountStep(*module);
  ASSERT_TRUE(cost.ok()) << cost.status();
  EXPECT_EQ(cost->flops_per_token, 2 * 8 * 4);
  EXPECT_EQ(cost->Decode(9).attention, 0);
}

TEST(AccountingTest, ThePassesLeaveTheCountsOfATokenWithLogitsAsTheyAre) {
  for (const char* name : {"toy", "toy_int8"}) {
    const auto module = Toy(name);
    ASSERT_NE(module, nullptr);
    const auto before = CountStep(*module);
    ASSERT_TRUE(before.ok()) << before.status();
    Optimise(module.get());
    const auto after = CountStep(*module);
    ASSERT_TRUE(after.ok()) << after.status();
    EXPECT_EQ(after->Decode(9).matmuls, before->Decode(9).matmuls) << name;
    EXPECT_EQ(after->Decode(9).attention, before->Decode(9).attention) << name;
  }
}

TEST(AccountingTest, APromptGoesThroughTheLastLayerForItsCacheAlone) {
  const auto module = Toy();
  ASSERT_NE(module, nullptr);
  const auto before = CountStep(*module);
  ASSERT_TRUE(before.ok()) << before.status();
  Optimise(module.get());
  const auto after = CountStep(*module);
  ASSERT_TRUE(after.ok()) << after.status();
  // Of a token without logits: the last layer's o, gate, up and down; q is one matrix with k and v.
  constexpr int64_t kLeftOut = 2 * (16 * 8 + 3 * 8 * 12);
  EXPECT_EQ(before->Prefill(5).matmuls - after->Prefill(5).matmuls, 4 * kLeftOut);
  // 64 operations for each position that one layer's attention sees.
  EXPECT_EQ(after->Prefill(5).attention, 64 * (1 + 2 + 3 + 4 + 5) + 64 * 5);
}

TEST(AccountingTest, APromptCountsTheHeadOnceAndTheCausalHalfOfAttention) {
  const auto module = Toy();
  ASSERT_NE(module, nullptr);
  const auto cost = CountStep(*module);
  ASSERT_TRUE(cost.ok()) << cost.status();
  const Flops prompt = cost->Prefill(3);
  EXPECT_EQ(prompt.matmuls, 3 * 2688 + 512);
  EXPECT_EQ(prompt.attention, 128 * (1 + 2 + 3));
  EXPECT_EQ(prompt.total(), 8576 + 768);
  // Token by token it is the same but for the heads of the first two.
  double one_by_one = 0;
  for (int64_t depth = 0; depth < 3; ++depth) one_by_one += cost->Decode(depth).total();
  EXPECT_EQ(one_by_one, prompt.total() + 2 * 512);
}

TEST(AccountingTest, AStepReadsEachWeightOnceAndTheCacheUpToItsPosition) {
  const auto module = Toy();
  ASSERT_NE(module, nullptr);
  const auto cost = CountStep(*module);
  ASSERT_TRUE(cost.ok()) << cost.status();
  // bf16; the embedding is the head's weight, too, and counts as such. A row of it is looked up, and
  // keys and values of two layers, two heads of 4 each, are appended.
  constexpr int64_t kPosition = 2 * 2 * 2 * 4 * 2;
  EXPECT_EQ(cost->bytes,
            2 * (2 * (kLayerWeights + kLayerNorms) + kEmbedding + 8) + 2 * 8 + kPosition);
  Optimise(module.get());
  const auto optimised = CountStep(*module);
  ASSERT_TRUE(optimised.ok()) << optimised.status();
  EXPECT_EQ(optimised->CacheBytes(0), kPosition);
  EXPECT_EQ(optimised->CacheBytes(9), 10 * kPosition);
  EXPECT_EQ(optimised->DecodeBytes(9), optimised->bytes + 10 * kPosition);
}

TEST(AccountingTest, ACacheOfIntegersCountsAByteAnElementAndTheirScales) {
  const auto module = Toy("toy_int8");
  ASSERT_NE(module, nullptr);
  Optimise(module.get());
  const auto cost = CountStep(*module);
  ASSERT_TRUE(cost.ok()) << cost.status();
  EXPECT_EQ(cost->CacheBytes(0), 2 * 2 * 2 * (4 + 4));
  EXPECT_EQ(cost->Decode(0).attention, 2 * 2 * 2 * 4 * 4);
}

TEST(AccountingTest, APanelLayoutsPaddingIsReadAndOneRowOfATableThatIsLookedUp) {
  const auto module = Parse(R"(lluda 1
module @m {
  symbol T in 1..4
  weight @table : bf16 vocab[32] hid[16] from "table"
  weight @w : bf16 out[20] hid[16] from "w"
  load {
    @packed = pack @w over hid {tile = 16x2} : bf16 out[20] hid[16] @panel(16x2, hid)
  }
  func @step(%tokens: i32 tok[T]) -> f32 tok[T] out[20] {
    %x = gather @table over vocab at %tokens : bf16 tok[T] hid[16]
    %y = matmul %x @packed over hid : f32 tok[T] out[20]
    return %y
  }
})");
  ASSERT_NE(module, nullptr);
  const auto cost = CountStep(*module);
  ASSERT_TRUE(cost.ok()) << cost.status();
  // The panels of 20 rows hold 32; one row of the table is looked up.
  EXPECT_EQ(cost->bytes, 32 * 16 * 2 + 16 * 2);
  EXPECT_EQ(cost->CacheBytes(9), 0);
}

TEST(AccountingTest, LayersWithAWindowCountItsPositionsOnly) {
  const auto module = Parse(R"(lluda 1
module @m {
  symbol T in 1..8
  symbol S in 1..2
  symbol C in 16..64
  state @k : f32 slot[S] kv[2] pos[C] dim[4]
  state @v : f32 slot[S] kv[2] pos[C] dim[4]
  func @step(%q: f32 tok[T] kv[2] rep[3] dim[4], %pos: i32 tok[T], %slot: i32 tok[T]) -> f32 tok[T] kv[2] rep[3] dim[4] {
    %o = attention %q @k @v over slot pos dim at %pos %slot {mask = causal, scale = 0.5} : f32 tok[T] kv[2] rep[3] dim[4]
    %w = attention %o @k @v over slot pos dim at %pos %slot {mask = causal, scale = 0.5, window = 4} : f32 tok[T] kv[2] rep[3] dim[4]
    return %w
  }
})");
  ASSERT_NE(module, nullptr);
  const auto cost = CountStep(*module);
  ASSERT_TRUE(cost.ok()) << cost.status();
  constexpr int64_t kFlops = 4 * 2 * 3 * 4;  // of a token and a position
  constexpr int64_t kBytes = 2 * 2 * 4 * 4;  // of keys and values of a position
  EXPECT_EQ(cost->Decode(9).attention, kFlops * (10 + 4));
  EXPECT_EQ(cost->CacheBytes(9), kBytes * (10 + 4));
  EXPECT_EQ(cost->Prefill(5).attention, kFlops * ((1 + 2 + 3 + 4 + 5) + (1 + 2 + 3 + 4 + 4)));
}

TEST(AccountingTest, OfExpertsThoseCountThatATokenTakes) {
  const auto module = Parse(R"(lluda 1
module @m {
  symbol T in 1..4
  weight @w : bf16 expert[8] ff[20] hid[16] from "w.{expert}"
  load {
    @packed = pack @w over hid {tile = 16x2} : bf16 expert[8] ff[20] hid[16] @panel(16x2, hid)
  }
  func @step(%x: f32 tok[T] hid[16], %i: i32 tok[T] top[3]) -> f32 tok[T] top[3] ff[20] {
    %o = order %i : i32 tok[T] top[3]
    %y = expert_matmul %x @packed over hid expert at %i %o : f32 tok[T] top[3] ff[20]
    return %y
  }
})");
  ASSERT_NE(module, nullptr);
  const auto cost = CountStep(*module);
  ASSERT_TRUE(cost.ok()) << cost.status();
  EXPECT_EQ(cost->flops_per_token, 2 * 3 * 20 * 16);
  EXPECT_EQ(cost->bytes, 3 * 32 * 16 * 2);
}

TEST(AccountingTest, WhatItCannotCountIsAnError) {
  const auto empty = Parse("lluda 1\nmodule @m {\n}\n");
  ASSERT_NE(empty, nullptr);
  EXPECT_THAT(std::string(CountStep(*empty).status().message()), HasSubstr("no @step"));
  const auto square = Parse(R"(lluda 1
module @m {
  symbol T in 1..4
  symbol R in 1..4
  func @step(%x: f32 tok[T] hid[16], %y: f32 row[R] hid[16]) -> f32 tok[T] row[R] {
    %z = matmul %x %y over hid : f32 tok[T] row[R]
    return %z
  }
})");
  ASSERT_NE(square, nullptr);
  EXPECT_THAT(std::string(CountStep(*square).status().message()),
              HasSubstr("matmul of type f32 tok[T] row[R]"));
}

}  // namespace
}  // namespace lluda::tools
