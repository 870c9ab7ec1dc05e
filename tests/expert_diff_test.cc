// What mixtures of experts are made of, as compiled code against the interpreter: on tiles, on weights
// by rows, in blocks, and stacked from one tensor for each expert.
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "codegen/cpu/kernel_test_util.h"
#include "codegen/llvm/target.h"
#include "gtest/gtest.h"
#include "tests/support/run_both.h"

namespace lluda::tests {
namespace {

constexpr char kText[] = R"(lluda 1
module @test {
  symbol T in 1..1024
$DECLARATIONS
  func @f($PARAMETERS) -> $TYPE {
$BODY
    return %r
  }
}
)";

struct ExpertCase {
  std::string name, declarations, parameters, type, body;
  std::vector<int64_t> tokens = {1, 2, 13, 40};
  double bound = 1e-6;
  std::map<std::string, std::vector<int64_t>> integers = {};
};

ExpertCase TopK(const std::string& name, const char* dtype, int experts, int top) {
  const std::string x = absl::StrCat(dtype, " tok[T] e[", experts, "]");
  const std::string i = absl::StrCat(" tok[T] top[", top, "]");
  return {name,
          "",
          absl::StrCat("%x: ", x),
          absl::StrCat("f32", i),
          absl::StrCat("%i = top_k %x over e -> top[", top, "] : i32", i, "\n",
                       "%r = cast %i {out = f32} : f32", i),
          {1, 13},
          0};
}

std::vector<ExpertCase> SmallCases() {
  std::vector<ExpertCase> cases = {TopK("top_k_f32", "f32", 8, 2),
                                   TopK("top_k_bf16", "bf16", 40, 40),
                                   TopK("top_k_one", "f32", 1, 1)};
  // Whole numbers, many of them equal.
  ExpertCase ties = TopK("top_k_ties", "f32", 9, 9);
  ties.parameters = "%k: i32 tok[T] e[9]";
  ties.body = absl::StrCat("%x = cast %k {out = f32} : f32 tok[T] e[9]\n", ties.body);
  ties.tokens = {2};
  ties.integers = {{"k", {3, 1, 3, 3, -2, 1, 0, 3, 1, 0, 0, 0, 0, -1, 0, 0, 0, 0}}};
  cases.push_back(ties);
  // A column that holds no numbers: 0 times the reciprocal of 0.
  ExpertCase nan = TopK("top_k_nan", "f32", 3, 3);
  nan.parameters = "%k: i32 tok[T] e[3]";
  nan.body = absl::StrCat(
      "%x0 = cast %k {out = f32} : f32 tok[T] e[3]\n%x1 = reciprocal %x0 : f32 tok[T] e[3]\n"
      "%x = mul %x0 %x1 : f32 tok[T] e[3]\n",
      nan.body);
  nan.tokens = {2};
  nan.integers = {{"k", {0, 1, 2, 5, 0, 0}}};
  cases.push_back(nan);
  cases.push_back({"pick_inner",
                   "",
                   "%x: bf16 tok[T] e[9], %i: i32 tok[T] top[3]",
                   "bf16 tok[T] top[3]",
                   "%r = pick %x over e at %i : bf16 tok[T] top[3]",
                   {2},
                   0,
                   {{"i", {8, 0, 3, 3, 7, 1}}}});
  cases.push_back({"pick_outer",
                   "",
                   "%x: f32 e[5] tok[T], %i: i64 top[2] tok[T]",
                   "f32 top[2] tok[T]",
                   "%r = pick %x over e at %i : f32 top[2] tok[T]",
                   {3},
                   0,
                   {{"i", {4, 0, 3, 3, 2, 1}}}});
  std::vector<int64_t> keys;
  for (int64_t i = 0; i < 3 * 40; ++i) keys.push_back(i * 7 % 11 - 4);
  cases.push_back(
      {"order",
       "",
       "%i: i32 tok[T] top[3]",
       "f32 tok[T] top[3]",
       "%o = order %i : i32 tok[T] top[3]\n%r = cast %o {out = f32} : f32 tok[T] top[3]",
       {1, 5, 6, 40},
       0,
       {{"i", keys}}});
  for (const char* width : {"37", "512"}) {
    const std::string y = absl::StrCat("f32 tok[T] x[", width, "]");
    const std::string d = absl::StrCat("f32 tok[T] top[3] x[", width, "]");
    const std::string parameters = absl::StrCat("%d: ", d, ", %w: f32 tok[T] top[3], %x: ", y);
    cases.push_back({absl::StrCat("combine_", width), "", parameters, y,
                     absl::StrCat("%r = combine %d %w over top : ", y)});
    cases.push_back({absl::StrCat("combine_add_", width), "", parameters, y,
                     absl::StrCat("%r = combine %d %w %x over top : ", y)});
  }
  cases.push_back({"combine_last_axis", "", "%d: f32 tok[T] top[3], %w: f32 top[3] tok[T]",
                   "f32 tok[T]", "%r = combine %d %w over top : f32 tok[T]"});
  return cases;
}

struct MatmulShape {
  const char* name;
  const char* a;  // dtype
  const char* b;  // dtype
  int depth;
  int columns;  // of the result
  bool packed;
  bool stacked = false;   // of one tensor for each expert
  bool per_rank = false;  // a has the axis of the ranks
  const char* epilogue = "";
  const char* out = "f32";
};

// Five experts, of which each token takes two.
ExpertCase Matmul(const MatmulShape& shape) {
  const bool halves = *shape.epilogue != 0;
  const std::string columns = absl::StrCat(halves ? 2 * shape.columns : shape.columns);
  const std::string w = absl::StrCat(shape.b, " e[5] n[", columns, "] k[", shape.depth, "]");
  ExpertCase c;
  c.name = absl::StrCat("matmul_", shape.name);
  c.declarations =
      absl::StrCat("  weight @w : ", w, " from \"w", shape.stacked ? ".{e}" : "", "\"");
  if (shape.packed) {
    const std::string panel = absl::StrCat("$", shape.b);
    absl::StrAppend(&c.declarations, "\n  load {\n    @p = pack @w over k {tile = ", panel,
                    "} : ", w, " @panel(", panel, ", k)\n  }");
  }
  c.parameters = absl::StrCat("%a: ", shape.a, " tok[T]", shape.per_rank ? " top[2]" : "", " k[",
                              shape.depth, "], %x: f32 tok[T] e[5]");
  c.type = absl::StrCat(shape.out, " tok[T] top[2] ", halves ? "h" : "n", "[", shape.columns, "]");
  std::vector<std::string> attributes;
  if (halves) attributes.push_back(absl::StrCat("epilogue = ", shape.epilogue));
  if (std::string(shape.out) != "f32") attributes.push_back(absl::StrCat("out = ", shape.out));
  std::string braces;
  for (const std::string& attribute : attributes) {
    absl::StrAppend(&braces, braces.empty() ? " {" : ", ", attribute);
  }
  if (!braces.empty()) braces += "}";
  c.body = absl::StrCat(
      "%i = top_k %x over e -> top[2] : i32 tok[T] top[2]\n", "%o = order %i : i32 tok[T] top[2]\n",
      "%r = expert_matmul %a ", shape.packed ? "@p" : "@w", " over k e",
      halves ? absl::StrCat(" -> h[", shape.columns, "]") : "", " at %i %o", braces, " : ", c.type);
  if (std::string(shape.out) == "bf16") c.bound = 4e-3;
  c.tokens = {1, 2, 13, 90};
  return c;
}

std::vector<ExpertCase> MatmulCases() {
  const MatmulShape shapes[] = {
      {"tiles_bf16", "bf16", "bf16", 64, 48, true},
      {"tiles_f32", "f32", "f32", 40, 32, true, true},
      {"tiles_odd_depth", "bf16", "bf16", 33, 32, true, true},
      {"part_of_panel", "bf16", "bf16", 64, 20, true, true},
      {"part_of_panel_f32", "f32", "f32", 48, 5, true},
      {"ranks", "bf16", "bf16", 64, 48, true, true, true},
      {"ranks_f32", "f32", "f32", 20, 16, true, false, true},
      {"gated", "bf16", "bf16", 64, 32, true, true, false, "silu_mul", "bf16"},
      {"gated_f32", "f32", "f32", 64, 48, true, false, false, "gelu_mul"},
      {"gated_part_of_panel", "bf16", "bf16", 64, 24, true, true, false, "silu_mul"},
      {"rows_bf16", "bf16", "bf16", 37, 10, false},
      {"rows_stacked", "f32", "f32", 37, 10, false, true, true},
      {"rows_gated", "f32", "f32", 24, 10, false, false, false, "silu_mul"},
      {"mixed", "bf16", "f16", 64, 32, true},
      {"blocks", "bf16", "q8_0", 64, 32, true, true},
      {"blocks_gated", "bf16", "q4_0", 64, 32, true, true, false, "silu_mul"},
      {"blocks_rows", "f32", "q4_0", 64, 10, false},
  };
  std::vector<ExpertCase> cases;
  for (const MatmulShape& shape : shapes) cases.push_back(Matmul(shape));
  return cases;
}

struct Param {
  TestMachine machine;
  ExpertCase c;
};

std::vector<Param> AllParams() {
  std::vector<Param> params;
  for (const TestMachine& machine : AllTestMachines()) {
    for (const std::vector<ExpertCase>& cases : {SmallCases(), MatmulCases()}) {
      for (const ExpertCase& c : cases) params.push_back({machine, c});
    }
  }
  return params;
}

class ExpertDiffTest : public testing::TestWithParam<Param> {};

TEST_P(ExpertDiffTest, CompiledCodeAgreesWithTheInterpreter) {
  const auto& [machine, c] = GetParam();
  const std::string text =
      codegen::WithPanels(absl::StrReplaceAll(kText, {{"$DECLARATIONS", c.declarations},
                                                      {"$PARAMETERS", c.parameters},
                                                      {"$TYPE", c.type},
                                                      {"$BODY", c.body}}),
                          machine.kind());
  for (const int64_t tokens : c.tokens) {
    RunOptions options;
    options.integers = c.integers;
    const auto both = RunBoth(text, {{"T", tokens}}, machine.target, options, machine.runs_on);
    ASSERT_TRUE(both.ok()) << both.status() << "\n" << text;
    EXPECT_LE(RelativeError(both->compiled, both->interpreted), c.bound) << tokens << " tokens";
  }
}

INSTANTIATE_TEST_SUITE_P(All, ExpertDiffTest, testing::ValuesIn(AllParams()),
                         [](const testing::TestParamInfo<Param>& info) {
                           return absl::StrReplaceAll(
                               absl::StrCat(info.param.machine.name, "_", info.param.c.name),
                               {{"-", "_"}, {".", "_"}, {"+", ""}});
                         });

}  // namespace
}  // namespace lluda::tests
