// A token's attention does not depend, to the bit, on what else the same call computes, nor on the
// pieces in which its cache was filled. Of matmuls matmul/tile_sweep_test.cc says the same.
#include <algorithm>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "codegen/cpu/attention/emit_attention.h"
#include "codegen/cpu/kernel_test_util.h"
#include "gtest/gtest.h"
#include "ir/type/encoding.h"

namespace lluda::codegen {
namespace {

// Rows [begin, end) of data whose rows have `row_bytes` bytes.
std::vector<char> RowsOf(const std::vector<char>& data, int64_t row_bytes, int64_t begin,
                         int64_t end) {
  return {data.begin() + begin * row_bytes, data.begin() + end * row_bytes};
}

struct AttentionCase {
  const char* dtype;  // of q and, if that is no int8, of the cache
  int64_t rep;
  int64_t dim;
  bool int8 = false;
};

constexpr char kAttentionText[] = R"(
  state @kc : $D slot[S] kv[2] pos[C] dim[$N] @panel($$D, dim)
  state @vc : $D slot[S] kv[2] pos[C] dim[$N]
  func @f(%q: $D tok[T] kv[2] rep[$R] dim[$N], %k: $D tok[T] kv[2] dim[$N], %v: $D tok[T] kv[2] dim[$N], %pos: i32 tok[T], %slot: i32 tok[T]) -> f32 tok[T] kv[2] rep[$R] dim[$N] {
    %ks = append @kc %k over slot pos at %slot %pos : $D slot[S] kv[2] pos[C] dim[$N] @panel($$D, dim)
    %vs = append @vc %v over slot pos at %slot %pos : $D slot[S] kv[2] pos[C] dim[$N]
    %r = attention %q %ks %vs over slot pos dim at %pos %slot {mask = causal, scale = 0.25} : f32 tok[T] kv[2] rep[$R] dim[$N]
    return %r
  })";

constexpr char kInt8AttentionText[] = R"(
  state @kc : i8 slot[S] kv[2] pos[C] dim[$N] @panel($i8, dim)
  state @kn : f32 slot[S] kv[2] pos[C]
  state @vc : i8 slot[S] kv[2] pos[C] dim[$N]
  state @vn : f32 slot[S] kv[2] pos[C]
  func @f(%q: $D tok[T] kv[2] rep[$R] dim[$N], %k: $D tok[T] kv[2] dim[$N], %v: $D tok[T] kv[2] dim[$N], %pos: i32 tok[T], %slot: i32 tok[T]) -> f32 tok[T] kv[2] rep[$R] dim[$N] {
    %k1 = quantize_scale %k over dim : f32 tok[T] kv[2]
    %k2 = quantize %k %k1 : i8 tok[T] kv[2] dim[$N]
    %v1 = quantize_scale %v over dim : f32 tok[T] kv[2]
    %v2 = quantize %v %v1 : i8 tok[T] kv[2] dim[$N]
    %ks = append @kc %k2 over slot pos at %slot %pos : i8 slot[S] kv[2] pos[C] dim[$N] @panel($i8, dim)
    %kns = append @kn %k1 over slot pos at %slot %pos : f32 slot[S] kv[2] pos[C]
    %vs = append @vc %v2 over slot pos at %slot %pos : i8 slot[S] kv[2] pos[C] dim[$N]
    %vns = append @vn %v1 over slot pos at %slot %pos : f32 slot[S] kv[2] pos[C]
    %r = attention %q %ks %vs over slot pos dim at %pos %slot %kns %vns {mask = causal, scale = 0.25} : f32 tok[T] kv[2] rep[$R] dim[$N]
    return %r
  })";

// @f of random tokens of two KV heads, which appends them to the cache and attends from them.
class AttentionBitsTest : public ::testing::TestWithParam<AttentionCase> {
 protected:
  void SetUpTokens(int64_t tokens,
                   const std::vector<std::pair<const char*, const char*>>& edits = {}) {
    const auto& [dtype_name, rep, dim, int8] = GetParam();
    const ir::DType dtype = std::string(dtype_name) == "f32" ? ir::DType::kF32 : ir::DType::kBF16;
    const std::string text = absl::StrReplaceAll(int8 ? kInt8AttentionText : kAttentionText, edits);
    module_ = ParseTestModule(absl::StrReplaceAll(
        text, {{"$D", dtype_name}, {"$R", absl::StrCat(rep)}, {"$N", absl::StrCat(dim)}}));
    ASSERT_NE(module_, nullptr);
    table_.clear();
    RunPasses({"page-caches", "plan-memory"}, module_.get());
    kv_row_ = ir::BytesOf(dtype, 2 * dim);
    q_row_ = kv_row_ * rep;
    result_row_ = 2 * rep * dim * 4;
    q_ = Store(dtype, RandomFloats(tokens * 2 * rep * dim, 1));
    k_ = Store(dtype, RandomFloats(tokens * 2 * dim, 2));
    v_ = Store(dtype, RandomFloats(tokens * 2 * dim, 3));
  }

  struct Token {
    int32_t position;
    int32_t slot;
  };
  // One step with these tokens.
  std::vector<char> Step(const CompiledFunction& function, const runtime::States& states,
                         int64_t capacity, const std::vector<Token>& tokens) {
    std::vector<char> q, k, v;
    std::vector<int32_t> positions, slots;
    for (const Token& token : tokens) {
      const auto add = [&](const std::vector<char>& from, int64_t row, std::vector<char>* to) {
        const std::vector<char> one = RowsOf(from, row, token.position, token.position + 1);
        to->insert(to->end(), one.begin(), one.end());
      };
      add(q_, q_row_, &q);
      add(k_, kv_row_, &k);
      add(v_, kv_row_, &v);
      positions.push_back(token.position);
      slots.push_back(token.slot);
    }
    const auto count = static_cast<int64_t>(tokens.size());
    std::vector<int64_t> dims = {count, 2, capacity};
    std::vector<std::vector<char>> inputs = {q, k, v, Bytes(positions), Bytes(slots)};
    if (!table_.empty()) {
      const auto slot_pages = static_cast<int64_t>(table_.size()) / 2;
      std::vector<int32_t> pages;
      for (const Token& token : tokens) {
        pages.push_back(
            table_[static_cast<size_t>(token.slot * slot_pages + token.position / kPage)]);
      }
      dims.insert(dims.end(), {kPages, slot_pages});
      inputs.push_back(Bytes(pages));
      inputs.push_back(Bytes(table_));
    }
    return function.Run(states, dims, inputs, count * result_row_);
  }

  // The sequence in `slot` from `position` on, in steps of so many tokens.
  std::vector<char> Sequence(const CompiledFunction& function, const runtime::States& states,
                             int64_t capacity, const std::vector<int64_t>& steps, int32_t slot,
                             int32_t position = 0) {
    std::vector<char> results;
    for (const int64_t size : steps) {
      std::vector<Token> tokens;
      for (int64_t i = 0; i < size; ++i) tokens.push_back({position++, slot});
      const std::vector<char> result = Step(function, states, capacity, tokens);
      results.insert(results.end(), result.begin(), result.end());
    }
    return results;
  }

  // Numbers of tokens that add up to `tokens`: all up to one more than a tile takes, those around
  // two tiles, and the rest.
  std::vector<int64_t> ChunksAroundTiles(const Target& target, int64_t tokens) const {
    const TileRow& tile = *AttentionTileRow(SpecOf(FindOp(*module_, "r")), target);
    const int64_t of_tile = std::max<int64_t>(1, tile.rows / GetParam().rep);
    std::vector<int64_t> chunks;
    const auto add = [&](int64_t first, int64_t last) {
      for (int64_t chunk = first; chunk <= last && chunk <= tokens; ++chunk) {
        chunks.push_back(chunk);
        tokens -= chunk;
      }
    };
    add(1, of_tile + 1);
    add(2 * of_tile - 1, 2 * of_tile + 1);
    for (; tokens > 0; tokens -= chunks.back()) chunks.push_back(std::min<int64_t>(tokens, 128));
    return chunks;
  }

  std::unique_ptr<ir::Module> module_;
  int64_t kv_row_ = 0, q_row_ = 0, result_row_ = 0;
  std::vector<char> q_, k_, v_;  // of one sequence, by position
  // Of a cache in pages: those of slot 0, then of slot 1.
  static constexpr int64_t kPages = 40;
  static constexpr int64_t kPage = 64;
  std::vector<int32_t> table_;
};

TEST_P(AttentionBitsTest, ATokenIsTheSameForAnyChunksAndBesideOtherSequences) {
  constexpr int64_t kTokens = 250;  // almost one section of cached positions
  SetUpTokens(kTokens);
  for (const Target& target : RunnableTargets()) {
    SCOPED_TRACE(std::string(IsaName(target.isa)));
    const CompiledFunction function(*module_, target);
    const auto run = [&](const std::vector<int64_t>& steps, int32_t slot) {
      return Sequence(function, *function.NewStates({kTokens, 2, 256}), 256, steps, slot);
    };
    const std::vector<char> one_by_one = run(std::vector<int64_t>(kTokens, 1), 0);
    EXPECT_EQ(run({128, 122}, 0), one_by_one);
    EXPECT_EQ(run({60, 128, 62}, 0), one_by_one);
    EXPECT_EQ(run(ChunksAroundTiles(target, kTokens), 0), one_by_one);
    EXPECT_EQ(run({122, 128}, 1), one_by_one);

    // Two sequences in turns: the first 50 tokens, and the same once more in the other slot.
    std::vector<Token> both_tokens;
    for (int32_t i = 0; i < 50; ++i) {
      for (const int32_t slot : {0, 1}) both_tokens.push_back({i, slot});
    }
    const auto states = function.NewStates({100, 2, 128});
    const std::vector<char> both = Step(function, *states, 128, both_tokens);
    for (int64_t i = 0; i < 100; ++i) {
      ASSERT_EQ(RowsOf(both, result_row_, i, i + 1),
                RowsOf(one_by_one, result_row_, i / 2, i / 2 + 1))
          << "token " << i / 2 << " in slot " << i % 2;
    }
  }
}

TEST_P(AttentionBitsTest, ATokenFarFromTheStartIsTheSameForAnyThreadsAndChunks) {
  constexpr int64_t kTokens = 1040;  // a little more than two spans
  constexpr int64_t kCapacity = 1088;
  constexpr int64_t kTail = 40;  // the last ones, which begin before a span's end
  SetUpTokens(kTokens);
  for (const Target& target : RunnableTargets()) {
    std::vector<char> expected;
    for (const int threads : {1, 2, 3, 7}) {
      SCOPED_TRACE(absl::StrCat(IsaName(target.isa), ", ", threads, " threads"));
      const CompiledFunction function(*module_, target, threads);
      const auto states = function.NewStates({1, 2, kCapacity});
      Sequence(function, *states, kCapacity, std::vector<int64_t>(10, 100), 1);
      const auto run = [&](const std::vector<int64_t>& steps) {
        return Sequence(function, *states, kCapacity, steps, 1, kTokens - kTail);
      };
      if (expected.empty()) expected = run(std::vector<int64_t>(kTail, 1));
      EXPECT_EQ(run(std::vector<int64_t>(kTail, 1)), expected);
      EXPECT_EQ(run({kTail}), expected);
      EXPECT_EQ(run({3, 2, 12, 13, 10}), expected);

      // Beside tokens of the other sequence: at its start, at the ends of spans, and further on.
      Sequence(function, *states, kCapacity, std::vector<int64_t>(8, 128), 0);
      const std::vector<Token> tokens = {{kTokens - 3, 1}, {1023, 0}, {kTokens - 2, 1}, {511, 0},
                                         {0, 0},           {512, 0},  {kTokens - 1, 1}};
      const std::vector<char> mixed = Step(function, *states, kCapacity, tokens);
      for (size_t i = 0; i < tokens.size(); ++i) {
        if (tokens[i].slot == 0) continue;
        const int64_t row = tokens[i].position - (kTokens - kTail);
        const auto at = static_cast<int64_t>(i);
        EXPECT_EQ(RowsOf(mixed, result_row_, at, at + 1),
                  RowsOf(expected, result_row_, row, row + 1))
            << tokens[i].position;
      }
      if (HasFailure()) return;
    }
  }
}

// The ring of 512 positions is gone round two and a half times; a section of it has what was written in
// different rounds.
TEST_P(AttentionBitsTest, ARingGivesTheBitsOfACacheOfAllPositions) {
  constexpr int64_t kTokens = 1280;
  constexpr int64_t kCapacity = 1344;
  constexpr int64_t kTail = 40;
  const std::vector<std::pair<const char*, const char*>> window = {
      {"scale = 0.25", "scale = 0.25, window = 300"}};
  const std::vector<std::pair<const char*, const char*>> ring = {
      {"scale = 0.25", "ring = 512, scale = 0.25, window = 300"},
      {"pos[C]", "pos[512]"},
      {"at %slot %pos :", "at %slot %pos {ring = 512} :"}};
  for (const Target& target : RunnableTargets()) {
    SetUpTokens(kTokens, window);
    const CompiledFunction whole(*module_, target);
    const auto all = [&](const CompiledFunction& function, const runtime::States& states,
                         const std::vector<int64_t>& steps) {
      return Sequence(function, states, kCapacity, steps, 1);
    };
    const std::vector<int64_t> steps(10, 128);
    const std::vector<char> expected = all(whole, *whole.NewStates({128, 2, kCapacity}), steps);
    SetUpTokens(kTokens, ring);
    for (const int threads : {1, 3}) {
      SCOPED_TRACE(absl::StrCat(IsaName(target.isa), ", ", threads, " threads"));
      const CompiledFunction function(*module_, target, threads);
      const auto states = function.NewStates({128, 2, kCapacity});
      EXPECT_EQ(all(function, *states, steps), expected);
      EXPECT_EQ(all(function, *states, ChunksAroundTiles(target, kTokens)), expected);
      // Back by a few positions, and on again.
      const std::vector<char> tail = RowsOf(expected, result_row_, kTokens - kTail, kTokens);
      const auto again = [&](const std::vector<int64_t>& chunks) {
        return Sequence(function, *states, kCapacity, chunks, 1, kTokens - kTail);
      };
      EXPECT_EQ(again(std::vector<int64_t>(kTail, 1)), tail);
      EXPECT_EQ(again({3, 2, 12, 13, 10}), tail);
      // Beside the other sequence, at its start.
      const std::vector<Token> tokens = {{kTokens - 2, 1}, {0, 0}, {kTokens - 1, 1}, {1, 0}};
      const std::vector<char> mixed = Step(function, *states, kCapacity, tokens);
      for (const int64_t i : {0, 2}) {
        const int64_t row = tokens[static_cast<size_t>(i)].position;
        EXPECT_EQ(RowsOf(mixed, result_row_, i, i + 1),
                  RowsOf(expected, result_row_, row, row + 1));
      }
      if (HasFailure()) return;
    }
  }
}

// Pages lie in any order, and what a page held before, or holds behind a sequence's end, is no number.
TEST_P(AttentionBitsTest, PagesGiveTheBitsOfSlotsWhereverTheyLie) {
  constexpr int64_t kTokens = 1080;
  constexpr int64_t kCapacity = 1088;  // 17 pages
  constexpr int64_t kShared = 5 * kPage;
  for (const char* const window : {"", ", window = 300"}) {
    const std::string scale = absl::StrCat("scale = 0.25", window);
    std::vector<std::pair<const char*, const char*>> edits = {{"scale = 0.25", scale.c_str()}};
    for (const Target& target : RunnableTargets()) {
      SetUpTokens(kTokens, edits);
      const CompiledFunction slots(*module_, target);
      std::vector<int64_t> steps(8, 128);
      steps.push_back(kTokens - 8 * 128);
      const std::vector<char> expected =
          Sequence(slots, *slots.NewStates({128, 2, kCapacity}), kCapacity, steps, 1);
      edits.push_back({"  state @kc", "  symbol P in 1..40\n  symbol B in 1..32\n  state @kc"});
      SetUpTokens(kTokens, edits);
      edits.pop_back();
      std::vector<int32_t> pages(kPages);
      for (int32_t i = 0; i < kPages; ++i) pages[static_cast<size_t>(i)] = (i * 23 + 7) % kPages;
      table_.assign(pages.begin(), pages.begin() + 2 * kCapacity / kPage);
      const std::vector<int32_t> apart = table_;
      for (const int threads : {1, 3}) {
        SCOPED_TRACE(absl::StrCat(IsaName(target.isa), window, ", ", threads, " threads"));
        const CompiledFunction function(*module_, target, threads);
        const std::vector<int64_t> dims = {128, 2, kCapacity, kPages, kCapacity / kPage};
        const auto states = function.NewStates(dims);
        for (uint32_t i = 0; i < function.executable().program().states.size(); ++i) {
          const int64_t bytes = function.executable().program().states[i].Bytes(dims);
          std::fill_n(states->buffer(i), bytes, static_cast<char>(0xFF));
        }
        table_ = apart;
        EXPECT_EQ(Sequence(function, *states, kCapacity, steps, 1), expected);
        EXPECT_EQ(Sequence(function, *states, kCapacity, ChunksAroundTiles(target, kTokens), 1),
                  expected);
        const auto tail = [&](int64_t tokens) {
          return RowsOf(expected, result_row_, kTokens - tokens, kTokens);
        };
        const auto again = [&](const std::vector<int64_t>& chunks, int32_t slot) {
          int64_t count = 0;
          for (const int64_t chunk : chunks) count += chunk;
          return std::make_pair(Sequence(function, *states, kCapacity, chunks, slot,
                                         static_cast<int32_t>(kTokens - count)),
                                tail(count));
        };
        // Across the ends of pages and of a span.
        const auto [alone, of_alone] = again(std::vector<int64_t>(60, 1), 1);
        EXPECT_EQ(alone, of_alone);
        // The other sequence has the first pages of this one, and computes the rest itself.
        std::copy_n(apart.begin() + kCapacity / kPage, kShared / kPage, table_.begin());
        const auto [shared, of_shared] =
            again({100, 128, 128, 3, 2, 12, 13, 10, 104, 128, 128, 4}, 0);
        EXPECT_EQ(shared, of_shared);
        // Side by side.
        const std::vector<Token> tokens = {{kTokens - 3, 1}, {1023, 0}, {kTokens - 2, 1}, {511, 0},
                                           {383, 0},         {512, 0},  {kTokens - 1, 1}, {448, 0}};
        const std::vector<char> mixed = Step(function, *states, kCapacity, tokens);
        for (size_t i = 0; i < tokens.size(); ++i) {
          const auto at = static_cast<int64_t>(i);
          EXPECT_EQ(RowsOf(mixed, result_row_, at, at + 1),
                    RowsOf(expected, result_row_, tokens[i].position, tokens[i].position + 1))
              << tokens[i].position;
        }
        if (HasFailure()) return;
      }
    }
  }
}

TEST_P(AttentionBitsTest, PagesCompileForEveryInstructionSet) {
  if (!CompilesForX86()) GTEST_SKIP() << "this LLVM does not compile for x86";
  SetUpTokens(1, {{"  state @kc", "  symbol P in 1..40\n  symbol B in 1..32\n  state @kc"}});
  for (const Isa isa : AllIsas()) {
    const auto ir = LlvmIrOf(SpecOf(FindOp(*module_, "r")), TargetToRead(isa), *module_);
    EXPECT_TRUE(ir.ok()) << IsaName(isa) << ": " << ir.status();
  }
}

// Keys and values that are no numbers, of tokens behind: left in the cache by a sequence before, or
// computed in the same step.
TEST_P(AttentionBitsTest, WhatATokenDoesNotSeeIsWithoutEffectWhateverItIs) {
  constexpr int64_t kTokens = 300;
  SetUpTokens(kTokens);
  const ir::DType dtype =
      std::string(GetParam().dtype) == "f32" ? ir::DType::kF32 : ir::DType::kBF16;
  const std::vector<char> nan =
      Store(dtype, std::vector<float>(2 * GetParam().dim, std::numeric_limits<float>::quiet_NaN()));
  for (const Target& target : RunnableTargets()) {
    SCOPED_TRACE(std::string(IsaName(target.isa)));
    const CompiledFunction function(*module_, target);
    const auto states = function.NewStates({kTokens, 2, 320});
    const std::vector<char> k = k_, v = v_;
    // From token 261 on, in the middle of a tile and of a vector, all is NaN.
    for (int64_t i = 261; i < kTokens; ++i) {
      std::copy(nan.begin(), nan.end(), k_.begin() + i * kv_row_);
      std::copy(nan.begin(), nan.end(), v_.begin() + i * kv_row_);
    }
    const std::vector<char> spoilt = Sequence(function, *states, 320, {128, 128, 44}, 0);
    k_ = k;
    v_ = v;
    // Over what the other sequence left.
    const std::vector<char> expected =
        Sequence(function, *states, 320, std::vector<int64_t>(kTokens, 1), 0);
    EXPECT_EQ(RowsOf(spoilt, result_row_, 0, 261), RowsOf(expected, result_row_, 0, 261));
    const auto fresh = function.NewStates({kTokens, 2, 320});
    EXPECT_EQ(Sequence(function, *fresh, 320, {128, 128, 44}, 0), expected);
  }
}

INSTANTIATE_TEST_SUITE_P(
    All, AttentionBitsTest,
    ::testing::Values(AttentionCase{"bf16", 2, 64}, AttentionCase{"f32", 2, 64},
                      AttentionCase{"bf16", 3, 16}, AttentionCase{"bf16", 1, 128},
                      AttentionCase{"bf16", 7, 96}, AttentionCase{"bf16", 2, 64, true},
                      AttentionCase{"f32", 3, 16, true}),
    [](const auto& info) {
      return absl::StrCat(info.param.dtype, info.param.int8 ? "_int8" : "", "_", info.param.rep,
                          "_", info.param.dim);
    });

}  // namespace
}  // namespace lluda::codegen
