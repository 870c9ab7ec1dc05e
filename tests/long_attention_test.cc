// Attention from positions so far from the start that it goes over several spans of positions, and
// of so few tokens that threads share them: compiled code against the interpreter, with the same
// bits for any number of threads, on every instruction set this machine can run.
#include <cstring>
#include <memory>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "codegen/llvm/target.h"
#include "gtest/gtest.h"
#include "ir/text/parser.h"
#include "passes/pipeline.h"
#include "tests/support/compiled_model.h"
#include "tests/support/run_both.h"

namespace lluda::tests {
namespace {

// Fills two slots with 1344 positions each, then attends from T tokens.
constexpr char kText[] = R"(lluda 1
module @test {
  symbol T in 1..64
  symbol S in 1..2
  symbol C in 64..2048
  state @k : $X slot[S] kv[2] pos[C] dim[$N] @panel(16x$P, dim)
  state @v : $X slot[S] kv[2] pos[C] dim[$N]
  func @f(%q: $X tok[T] kv[2] rep[$R] dim[$N], %k: $X n[2688] kv[2] dim[$N], %v: $X n[2688] kv[2] dim[$N], %at: i32 n[2688], %of: i32 n[2688], %pos: i32 tok[T], %slot: i32 tok[T]) -> f32 tok[T] kv[2] rep[$R] dim[$N] {
    %ks = append @k %k over slot pos at %of %at : $X slot[S] kv[2] pos[C] dim[$N] @panel(16x$P, dim)
    %vs = append @v %v over slot pos at %of %at : $X slot[S] kv[2] pos[C] dim[$N]
    %r = attention %q %ks %vs over slot pos dim at %pos %slot {mask = causal, scale = 0.125$A} : f32 tok[T] kv[2] rep[$R] dim[$N]
    return %r
  }
})";
constexpr int64_t kCached = 2 * 1344;

struct Tokens {
  std::string name;
  std::vector<int64_t> positions;
  std::vector<int64_t> slots;
};

std::vector<Tokens> AllTokens() {
  Tokens neighbours{"neighbours_across_a_spans_end", {}, std::vector<int64_t>(13, 1)};
  for (int64_t t = 0; t < 13; ++t) neighbours.positions.push_back(1018 + t);
  return {
      {"a_token", {1343}, {1}},
      {"a_spans_last_token", {511}, {0}},
      {"a_spans_first_token", {512}, {0}},
      {"slots_at_different_depths", {1343, 5, 1024, 511, 512, 1023, 700}, {0, 1, 0, 1, 1, 0, 1}},
      neighbours};
}

struct Shape {
  std::string dtype;
  int64_t rep;
  int64_t dim;
  std::string name;   // of what is special
  std::string attrs;  // further ones of the attention
};

std::vector<Shape> AllShapes() {
  return {{"bf16", 2, 64, "", ""},
          {"f32", 3, 24, "", ""},
          {"f32", 3, 24, "_window_of_1", ", window = 1"},
          {"bf16", 2, 64, "_window_of_a_few", ", window = 9"},
          {"f32", 3, 24, "_window_of_300", ", softcap = 3, window = 300"},
          {"bf16", 2, 64, "_window_of_700", ", window = 700"}};
}

using Param = std::tuple<std::string, Shape, Tokens>;

class LongAttentionTest : public testing::TestWithParam<Param> {};

std::unique_ptr<ir::Module> MakeModule(const Shape& shape) {
  auto module =
      ir::ParseModule(absl::StrReplaceAll(kText, {{"$X", shape.dtype},
                                                  {"$P", shape.dtype == "f32" ? "1" : "2"},
                                                  {"$R", absl::StrCat(shape.rep)},
                                                  {"$A", shape.attrs},
                                                  {"$N", absl::StrCat(shape.dim)}}),
                      "test.lluda");
  EXPECT_TRUE(module.ok()) << module.status();
  auto pipeline = passes::Pipeline::Create({"plan-memory"}, {});
  EXPECT_TRUE(pipeline.ok()) << pipeline.status();
  EXPECT_TRUE(pipeline->Run(module->get()).ok());
  return *std::move(module);
}

Dims DimsOf(const Tokens& tokens) {
  return {{"T", static_cast<int64_t>(tokens.positions.size())}, {"S", 2}, {"C", kCached / 2}};
}

RunOptions OptionsFor(const Tokens& tokens) {
  RunOptions options;
  options.integers = {{"pos", tokens.positions}, {"slot", tokens.slots}};
  for (int64_t i = 0; i < kCached; ++i) {
    options.integers["at"].push_back(i / 2);
    options.integers["of"].push_back(i % 2);
  }
  return options;
}

TEST_P(LongAttentionTest, AgreesWithTheInterpreterInTheSameBitsForAnyThreads) {
  const auto& [isa, shape, tokens] = GetParam();
  const auto target = codegen::Target::Named(isa);
  ASSERT_TRUE(target.ok()) << target.status();
  const auto module = MakeModule(shape);
  const Dims dims = DimsOf(tokens);
  RunOptions options = OptionsFor(tokens);
  const auto interpreted = Interpret(*module, "f", dims, options);
  ASSERT_TRUE(interpreted.ok()) << interpreted.status();
  std::vector<float> expected;
  for (const int threads : {1, 2, 3, 7}) {
    options.threads = threads;
    const auto compiled = RunCompiled(*module, "f", dims, *target, options);
    ASSERT_TRUE(compiled.ok()) << compiled.status();
    if (expected.empty()) expected = compiled->values;
    EXPECT_LE(RelativeError(compiled->values, *interpreted), 1e-6) << threads << " threads";
    EXPECT_EQ(compiled->values, expected) << threads << " threads";
  }
}

INSTANTIATE_TEST_SUITE_P(All, LongAttentionTest,
                         testing::Combine(testing::ValuesIn(RunnableIsas()),
                                          testing::ValuesIn(AllShapes()),
                                          testing::ValuesIn(AllTokens())),
                         [](const testing::TestParamInfo<Param>& info) {
                           const Shape& shape = std::get<1>(info.param);
                           return absl::StrCat(std::get<0>(info.param), "_", shape.dtype, "_",
                                               shape.rep, "_", shape.dim, shape.name, "_",
                                               std::get<2>(info.param).name);
                         });

using NeighboursTest = testing::TestWithParam<std::tuple<std::string, Shape>>;

// Neighbours in one sequence share a tile; the same tokens among those of another one do not.
TEST_P(NeighboursTest, DoNotShowInATokensBits) {
  const auto& [isa, shape] = GetParam();
  const auto target = codegen::Target::Named(isa);
  ASSERT_TRUE(target.ok()) << target.status();
  const auto module = MakeModule(shape);
  for (const int64_t first : {0, 1010}) {
    Tokens together{"", {}, std::vector<int64_t>(40, 1)};
    for (int64_t t = 0; t < 40; ++t) together.positions.push_back(first + t);
    Tokens apart = together;
    for (size_t t = 1; t < 40; t += 2) apart.slots[t] = 0;
    std::vector<std::vector<float>> values;
    for (const Tokens* tokens : {&together, &apart}) {
      const auto run = RunCompiled(*module, "f", DimsOf(*tokens), *target, OptionsFor(*tokens));
      ASSERT_TRUE(run.ok()) << run.status();
      values.push_back(run->values);
    }
    const size_t row = values[0].size() / 40;
    for (size_t t = 0; t < 40; t += 2) {
      EXPECT_EQ(std::memcmp(&values[0][t * row], &values[1][t * row], row * sizeof(float)), 0)
          << "token " << t << " from " << first;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(All, NeighboursTest,
                         testing::Combine(testing::ValuesIn(RunnableIsas()),
                                          testing::ValuesIn(AllShapes())),
                         [](const auto& info) {
                           const Shape& shape = std::get<1>(info.param);
                           return absl::StrCat(std::get<0>(info.param), "_", shape.dtype,
                                               shape.name);
                         });

}  // namespace
}  // namespace lluda::tests
