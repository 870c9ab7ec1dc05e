// What an expert computes for a token does not depend, to the bit, on the other tokens of the call, on
// which of them have the same expert, on the order in which rows are computed, nor on the threads.
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "codegen/cpu/kernel_test_util.h"
#include "gtest/gtest.h"
#include "ir/type/encoding.h"

namespace lluda::codegen {
namespace {

struct ExpertShape {
  const char* name;
  ir::DType a;
  const char* b;
  int depth;
  int columns;
  bool halves;
};

constexpr ExpertShape kShapes[] = {
    {"bf16", ir::DType::kBF16, "bf16", 96, 48, false},
    {"f32", ir::DType::kF32, "f32", 40, 32, false},
    {"gated", ir::DType::kBF16, "bf16", 64, 32, true},
    {"part_of_panel", ir::DType::kBF16, "bf16", 64, 20, false},
    {"gated_part_of_panel", ir::DType::kF32, "f32", 48, 12, true},
};

// A row's experts are those with the largest numbers; the order is theirs, or another one.
constexpr char kText[] = R"(
  weight @w : $B e[5] n[$N] k[$K] from "w"
  load {
    @p = pack @w over k {tile = $$B} : $B e[5] n[$N] k[$K] @panel($$B, k)
  }
  func @f(%a: $A tok[T] k[$K], %x: f32 tok[T] e[5], %keys: i32 tok[T] top[2]) -> f32 tok[T] top[2] m[$M] {
    %i = top_k %x over e -> top[2] : i32 tok[T] top[2]
    %o = order %$O : i32 tok[T] top[2]
    %r = expert_matmul %a @p over k e$H at %i %o$E : f32 tok[T] top[2] m[$M]
    return %r
  })";

std::unique_ptr<ir::Module> ModuleOf(const ExpertShape& shape, const char* ordered) {
  const std::string m = absl::StrCat(shape.columns);
  std::string text = absl::StrReplaceAll(
      kText, {{"$B", shape.b},
              {"$A", ir::DTypeName(shape.a)},
              {"$K", absl::StrCat(shape.depth)},
              {"$N", absl::StrCat(shape.halves ? 2 * shape.columns : shape.columns)},
              {"$M", m},
              {"$O", ordered},
              {"$H", shape.halves ? absl::StrCat(" -> m[", m, "]") : ""},
              {"$E", shape.halves ? " {epilogue = silu_mul}" : ""}});
  if (!shape.halves) text = absl::StrReplaceAll(text, {{" n[", " m["}});  // the columns as they are
  return PlannedTestModule(text);
}

std::vector<char> Rows(const std::vector<char>& data, int64_t row_bytes, int64_t begin,
                       int64_t end) {
  return {data.begin() + begin * row_bytes, data.begin() + end * row_bytes};
}

class ExpertBitsTest : public ::testing::TestWithParam<ExpertShape> {};

TEST_P(ExpertBitsTest, ARowIsTheSameAloneAndAmongOthers) {
  constexpr int64_t kTokens = 70;
  const ExpertShape& shape = GetParam();
  const int64_t a_row = ir::BytesOf(shape.a, shape.depth), x_row = 5 * 4, keys_row = 2 * 4,
                result_row = int64_t{2} * shape.columns * 4;
  const std::vector<char> a = Store(shape.a, RandomFloats(kTokens * shape.depth, 1));
  const std::vector<char> x = Store(ir::DType::kF32, RandomFloats(kTokens * 5, 2));
  std::vector<int32_t> numbers;
  for (int32_t i = 0; i < 2 * kTokens; ++i) numbers.push_back(i * 29 % 17);
  const std::vector<char> keys = Bytes(numbers);
  const auto by_expert = ModuleOf(shape, "i");
  const auto by_keys = ModuleOf(shape, "keys");
  ASSERT_NE(by_expert, nullptr);
  ASSERT_NE(by_keys, nullptr);
  for (const Target& target : RunnableTargets()) {
    std::vector<char> alone;
    for (const int threads : {1, 3}) {
      SCOPED_TRACE(absl::StrCat(IsaName(target.isa), ", ", threads, " threads"));
      const CompiledFunction function(*by_expert, target, threads);
      const CompiledFunction shuffled(*by_keys, target, threads);
      const auto run = [&](const CompiledFunction& f, int64_t begin, int64_t end) {
        const auto states = f.NewStates({end - begin, 1, 64});
        return f.Run(*states, {end - begin, 1, 64},
                     {Rows(a, a_row, begin, end), Rows(x, x_row, begin, end),
                      Rows(keys, keys_row, begin, end)},
                     (end - begin) * result_row);
      };
      if (alone.empty()) {
        for (int64_t token = 0; token < kTokens; ++token) {
          const std::vector<char> one = run(function, token, token + 1);
          alone.insert(alone.end(), one.begin(), one.end());
        }
      }
      EXPECT_EQ(run(function, 0, kTokens), alone);
      EXPECT_EQ(run(shuffled, 0, kTokens), alone);
      EXPECT_EQ(run(function, 3, 10), Rows(alone, result_row, 3, 10));
      EXPECT_EQ(run(function, 20, 61), Rows(alone, result_row, 20, 61));
      if (HasFailure()) return;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(All, ExpertBitsTest, ::testing::ValuesIn(kShapes),
                         [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace lluda::codegen
