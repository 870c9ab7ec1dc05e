// Projections whose heads get a bias, are normalised, rotated and appended inside the matmuls: the
// same bits as the statements that they stand for, compiled one by one, and the interpreter's
// numbers, on every instruction set this machine can run.
#include <algorithm>
#include <memory>
#include <string>
#include <tuple>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "base/status_macros.h"
#include "codegen/llvm/target.h"
#include "gtest/gtest.h"
#include "ir/text/parser.h"
#include "ir/text/printer.h"
#include "passes/default_pipeline.h"
#include "passes/pipeline.h"
#include "tests/support/compiled_model.h"
#include "tests/support/run_both.h"

namespace lluda::tests {
namespace {

// q, k and v as an importer writes them; attention reads all that is appended.
constexpr char kText[] = R"(lluda 1
module @test {
  symbol T in 1..64
  symbol S in 1..4
  symbol C in 64..128
  weight @wq : $X q[$Q] hid[$H] from "q"
  weight @wk : $X kd[$K] hid[$H] from "k"
  weight @wv : $X vd[$K] hid[$H] from "v"
  weight @qn : bf16 dim[$D] from "qn"
  weight @kn : f32 dim[$D] from "kn"
  state @k : $X slot[S] kv[2] pos[C] dim[$D]
  state @v : $X slot[S] kv[2] pos[C] dim[$D]
  func @f(%h: $X tok[T] hid[$H], %angle: f32 tok[T] pair[$P], %pos: i32 tok[T], %slot: i32 tok[T]) -> f32 tok[T] kv[2] rep[3] dim[$D] {
    %cos = cos %angle : f32 tok[T] pair[$P]
    %sin = sin %angle : f32 tok[T] pair[$P]
    %q0 = matmul %h @wq over hid : f32 tok[T] q[$Q]
    %k0 = matmul %h @wk over hid : f32 tok[T] kd[$K]
    %v0 = matmul %h @wv over hid : f32 tok[T] vd[$K]
    %q1 = split %q0 q -> kv[2] rep[3] dim[$D] : f32 tok[T] kv[2] rep[3] dim[$D]
    %k1 = split %k0 kd -> kv[2] dim[$D] : f32 tok[T] kv[2] dim[$D]
    %v1 = split %v0 vd -> kv[2] dim[$D] : f32 tok[T] kv[2] dim[$D]
    %q2 = rmsnorm %q1 @qn over dim {eps = 1e-06} : f32 tok[T] kv[2] rep[3] dim[$D]
    %k2 = rmsnorm %k1 @kn over dim {eps = 1e-06} : f32 tok[T] kv[2] dim[$D]
    %q3 = rope %q2 %cos %sin over dim {style = half} : f32 tok[T] kv[2] rep[3] dim[$D]
    %k3 = rope %k2 %cos %sin over dim {style = half} : f32 tok[T] kv[2] dim[$D]
    %q4 = cast %q3 {out = $X} : $X tok[T] kv[2] rep[3] dim[$D]
    %k4 = cast %k3 {out = $X} : $X tok[T] kv[2] dim[$D]
    %v2 = cast %v1 {out = $X} : $X tok[T] kv[2] dim[$D]
    %ks = append @k %k4 over slot pos at %slot %pos : $X slot[S] kv[2] pos[C] dim[$D]
    %vs = append @v %v2 over slot pos at %slot %pos : $X slot[S] kv[2] pos[C] dim[$D]
    %r = attention %q4 %ks %vs over slot pos dim at %pos %slot {mask = causal, scale = 0.125} : f32 tok[T] kv[2] rep[3] dim[$D]
    return %r
  }
})";

// The same with biases and without norms.
std::string BiasedText() {
  return absl::StrReplaceAll(
      kText,
      {{"  weight @qn : bf16 dim[$D] from \"qn\"\n", "  weight @bq : f32 q[$Q] from \"bq\"\n"},
       {"  weight @kn : f32 dim[$D] from \"kn\"\n",
        "  weight @bk : f32 kd[$K] from \"bk\"\n  weight @bv : bf16 vd[$K] from \"bv\"\n"},
       {"    %q1 = split %q0", "    %qb = add %q0 @bq : f32 tok[T] q[$Q]\n    %q1 = split %qb"},
       {"    %k1 = split %k0", "    %kb = add %k0 @bk : f32 tok[T] kd[$K]\n    %k1 = split %kb"},
       {"    %v1 = split %v0",
        "    %b = cast @bv {out = f32} : f32 vd[$K]\n"
        "    %vb = add %v0 %b : f32 tok[T] vd[$K]\n    %v1 = split %vb"},
       {"    %q2 = rmsnorm %q1 @qn over dim {eps = 1e-06} : f32 tok[T] kv[2] rep[3] dim[$D]\n", ""},
       {"    %k2 = rmsnorm %k1 @kn over dim {eps = 1e-06} : f32 tok[T] kv[2] dim[$D]\n", ""},
       {"rope %q2", "rope %q1"},
       {"rope %k2", "rope %k1"}});
}

struct Shape {
  std::string dtype;
  int64_t dim;
  int64_t hidden;
  bool biased = false;
};

std::string ModuleText(const Shape& shape) {
  return absl::StrReplaceAll(shape.biased ? BiasedText() : kText,
                             {{"$X", shape.dtype},
                              {"$Q", absl::StrCat(6 * shape.dim)},
                              {"$K", absl::StrCat(2 * shape.dim)},
                              {"$D", absl::StrCat(shape.dim)},
                              {"$P", absl::StrCat(shape.dim / 2)},
                              {"$H", absl::StrCat(shape.hidden)}});
}

absl::StatusOr<std::unique_ptr<ir::Module>> Optimised(const std::string& text,
                                                      const std::vector<std::string>& passes) {
  ASSIGN_OR_RETURN(auto module, ir::ParseModule(text, "test.lluda"));
  ASSIGN_OR_RETURN(auto pipeline, passes::Pipeline::Create(passes, {}));
  RETURN_IF_ERROR(pipeline.Run(module.get()));
  return module;
}

// Tokens of three slots, out of order, with gaps.
RunOptions TokensOf(int64_t rows) {
  RunOptions options;
  for (int64_t t = 0; t < rows; ++t) {
    options.integers["slot"].push_back(t % 5 == 0 ? 2 : t % 3);
    options.integers["pos"].push_back((t * 37 + 11) % 64);
  }
  options.weight_spread = 0.2f;
  return options;
}

using Param = std::tuple<std::string, Shape>;

class ProjectionTest : public testing::TestWithParam<Param> {
 protected:
  void SetUp() override {
    auto target = codegen::Target::Named(std::get<0>(GetParam()));
    ASSERT_TRUE(target.ok()) << target.status();
    target_ = *target;
    text_ = ModuleText(std::get<1>(GetParam()));
    passes_ = passes::DefaultPipeline();
  }

  std::vector<float> Compiled(const std::vector<std::string>& passes, int64_t rows, int threads) {
    const auto module = Optimised(text_, passes);
    EXPECT_TRUE(module.ok()) << module.status();
    if (!module.ok()) return {};
    RunOptions options = TokensOf(rows);
    options.threads = threads;
    const auto result =
        RunCompiled(**module, "f", {{"T", rows}, {"S", 3}, {"C", 64}}, target_, options);
    EXPECT_TRUE(result.ok()) << result.status();
    return result.ok() ? result->values : std::vector<float>();
  }

  codegen::Target target_;
  std::string text_;
  std::vector<std::string> passes_;
};

TEST_P(ProjectionTest, GivesTheBitsOfItsExpansionForAnyThreads) {
  std::vector<std::string> unfused = passes_;
  unfused.erase(std::find(unfused.begin(), unfused.end(), "fuse-projection"));
  for (const int64_t rows : {1, 5, 13, 37}) {
    const std::vector<float> expected = Compiled(unfused, rows, 1);
    for (const int threads : {1, 3}) {
      EXPECT_EQ(Compiled(passes_, rows, threads), expected) << rows << " tokens, " << threads;
    }
  }
}

TEST_P(ProjectionTest, AgreesWithTheInterpreter) {
  const Dims dims = {{"T", 29}, {"S", 3}, {"C", 64}};
  const auto module = ir::ParseModule(text_, "test.lluda");
  ASSERT_TRUE(module.ok()) << module.status();
  const auto expected = Interpret(**module, "f", dims, TokensOf(29));
  ASSERT_TRUE(expected.ok()) << expected.status();
  const double bound = std::get<1>(GetParam()).dtype == "f32" ? 1e-6 : 4e-3;
  EXPECT_LE(RelativeError(Compiled(passes_, 29, 1), *expected), bound);
}

TEST_P(ProjectionTest, IsWhatThePassesMake) {
  const auto module = Optimised(text_, passes_);
  ASSERT_TRUE(module.ok()) << module.status();
  const std::string text = ir::PrintModule(**module);
  const std::vector<const char*> normed = {"epilogue = norm rope,", "epilogue = norm rope append,",
                                           "epilogue = append"};
  const std::vector<const char*> biased = {"epilogue = bias rope,", "epilogue = bias rope append,",
                                           "epilogue = bias append"};
  for (const char* epilogue : std::get<1>(GetParam()).biased ? biased : normed) {
    EXPECT_NE(text.find(epilogue), std::string::npos) << text;
  }
}

std::string NameOf(const testing::TestParamInfo<Param>& info) {
  const auto& [isa, shape] = info.param;
  return absl::StrCat(isa, "_", shape.dtype, "_", shape.dim, "_", shape.hidden,
                      shape.biased ? "_biased" : "");
}

// K odd, or enough for a tile to fetch ahead; heads of an odd number of panels, and of many.
INSTANTIATE_TEST_SUITE_P(
    All, ProjectionTest,
    testing::Combine(testing::ValuesIn(RunnableIsas()),
                     testing::Values(Shape{"bf16", 16, 33}, Shape{"bf16", 48, 64},
                                     Shape{"bf16", 128, 256}, Shape{"f32", 48, 40},
                                     Shape{"bf16", 48, 64, true}, Shape{"f32", 16, 33, true})),
    NameOf);

}  // namespace
}  // namespace lluda::tests
