// Every op as compiled code against the interpreter: shapes with odd ends, dtypes, and every
// instruction set this machine can run.
#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "codegen/llvm/target.h"
#include "gtest/gtest.h"
#include "ir/all_epilogues.h"
#include "ir/op_info.h"
#include "tests/compiled_model.h"
#include "tests/run_both.h"

namespace lluda::tests {
namespace {

struct OpCase {
  std::string name;
  std::string decls;  // weights, states, load block
  std::string params;
  std::string result;  // type
  std::string body;
  std::map<std::string, int64_t> dims = {};
  double bound = 1e-6;  // relative error
  float spread = 1.0f;
  std::map<std::string, std::vector<int64_t>> integers = {};
};

std::string ModuleText(const OpCase& c) {
  return absl::StrCat("lluda 1\nmodule @test {\n  symbol T in 1..1024\n  symbol S in 1..4\n",
                      "  symbol C in 64..1024\n", c.decls, "\n  func @f(", c.params, ") -> ",
                      c.result, " {\n", c.body, "\n  }\n}\n");
}

// Elementwise ops over axes of 37 (two whole vectors and a rest), 5 (a rest only) and 32.
std::vector<OpCase> ElementwiseCases() {
  struct Row {
    const char* name;
    const char* expression;  // of %a and %b
    double bound;
    float spread;
  };
  const Row rows[] = {
      {"add", "add %a %b", 1e-7, 1},
      {"sub", "sub %a %b", 1e-7, 1},
      {"mul", "mul %a %b", 1e-7, 1},
      {"div", "div %a %b", 1e-7, 1},
      {"scale", "scale %a {by = 0.3}", 1e-7, 1},
      {"exp", "exp %a", 3e-7, 20},
      {"silu", "silu %a", 3e-7, 20},
      {"sin", "sin %a", 1e-7, 10000},
      {"cos", "cos %a", 1e-7, 10000},
      {"power", "power %a {base = 1000000}", 1e-7, 1},
      {"reciprocal", "reciprocal %a", 1e-7, 1},
  };
  std::vector<OpCase> cases;
  for (const Row& row : rows) {
    for (const char* n : {"37", "5", "32"}) {
      const std::string type = absl::StrCat("f32 tok[T] x[", n, "]");
      cases.push_back({absl::StrCat(row.name, "_", n),
                       "",
                       absl::StrCat("%a: ", type, ", %b: ", type),
                       type,
                       absl::StrCat("%r = ", row.expression, " : ", type, "\nreturn %r"),
                       {{"T", 3}},
                       row.bound,
                       row.spread});
    }
  }
  return cases;
}

std::vector<OpCase> CastCases() {
  std::vector<OpCase> cases;
  for (const char* from : {"f32", "bf16", "f16", "i32", "i64", "i8"}) {
    for (const char* to : {"f32", "bf16", "f16"}) {
      const std::string out = absl::StrCat(to, " tok[T] x[37]");
      cases.push_back({absl::StrCat("cast_", from, "_", to),
                       "",
                       absl::StrCat("%a: ", from, " tok[T] x[37]"),
                       out,
                       absl::StrCat("%r = cast %a {out = ", to, "} : ", out, "\nreturn %r"),
                       {{"T", 3}},
                       0});
    }
  }
  // Values that end up subnormal or overflow in f16.
  for (float spread : {1e-6f, 3e4f}) {
    cases.push_back({absl::StrCat("cast_f16_edge_", spread > 1 ? "large" : "small"),
                     "",
                     "%a: f32 tok[T] x[37]",
                     "f16 tok[T] x[37]",
                     "%r = cast %a {out = f16} : f16 tok[T] x[37]\nreturn %r",
                     {{"T", 3}},
                     0,
                     spread});
  }
  return cases;
}

std::vector<OpCase> MatmulCases() {
  std::vector<OpCase> cases;
  // K odd and even, columns with and without a partial panel, rows around every tile size.
  for (const char* a : {"f32", "bf16"}) {
    for (const char* b : {"f32", "bf16", "f16"}) {
      const std::string depth = std::string(b) == "f32" ? "1" : "2";
      for (const auto& [k, n] : {std::pair{64, 48}, std::pair{33, 40}, std::pair{7, 16}}) {
        for (int64_t rows : {1, 2, 3, 7, 12, 23, 31}) {
          const std::string k_text = absl::StrCat("k[", k, "]"),
                            n_text = absl::StrCat("n[", n, "]");
          const std::string out = absl::StrCat("f32 tok[T] ", n_text);
          cases.push_back(
              {absl::StrCat("matmul_", a, "_", b, "_", rows, "x", n, "x", k),
               absl::StrCat("  weight @w : ", b, " ", n_text, " ", k_text,
                            " from \"w\"\n  load {\n    @p = pack @w over k {tile = 16x", depth,
                            "} : ", b, " ", n_text, " ", k_text, " @panel(16x", depth, ", k)\n  }"),
               absl::StrCat("%a: ", a, " tok[T] ", k_text),
               out,
               absl::StrCat("%r = matmul %a @p over k : ", out, "\nreturn %r"),
               {{"T", rows}},
               1e-6});
        }
      }
    }
  }
  const std::string packed =
      "  weight @w : bf16 n[96] k[40] from \"w\"\n  load {\n    @p = pack @w over k {tile = 16x2} "
      ": "
      "bf16 n[96] k[40] @panel(16x2, k)\n  }";
  for (int64_t rows : {1, 5, 13}) {
    cases.push_back({absl::StrCat("matmul_add_", rows),
                     packed,
                     "%a: bf16 tok[T] k[40], %x: f32 tok[T] n[96]",
                     "f32 tok[T] n[96]",
                     "%r = matmul %a @p %x over k {epilogue = add} : f32 tok[T] n[96]\nreturn %r",
                     {{"T", rows}},
                     1e-6});
    cases.push_back({absl::StrCat("matmul_silu_mul_", rows),
                     packed,
                     "%a: bf16 tok[T] k[40]",
                     "bf16 tok[T] m[48]",
                     "%r = matmul %a @p over k -> m[48] {epilogue = silu_mul, out = bf16} : bf16 "
                     "tok[T] m[48]\nreturn %r",
                     {{"T", rows}},
                     2e-3});
    // Halves of 20 columns do not start at a panel's edge.
    cases.push_back({absl::StrCat("matmul_silu_mul_unaligned_", rows),
                     "  weight @w : bf16 n[40] k[40] from \"w\"\n  load {\n    @p = pack @w over k "
                     "{tile = 16x2} : bf16 n[40] k[40] @panel(16x2, k)\n  }",
                     "%a: bf16 tok[T] k[40]",
                     "f32 tok[T] m[20]",
                     "%r = matmul %a @p over k -> m[20] {epilogue = silu_mul} : f32 tok[T] "
                     "m[20]\nreturn %r",
                     {{"T", rows}},
                     1e-6});
  }
  cases.push_back({"matmul_row_major_weight",
                   "  weight @w : bf16 n[10] k[37] from \"w\"",
                   "%a: bf16 tok[T] k[37]",
                   "f32 tok[T] n[10]",
                   "%r = matmul %a @w over k : f32 tok[T] n[10]\nreturn %r",
                   {{"T", 5}},
                   1e-6});
  cases.push_back(
      {"matmul_permuted_weight",
       "  weight @w : f32 n[10] k[37] from \"w\"",
       "%a: f32 tok[T] k[37]",
       "f32 tok[T] n[10]",
       "%t = permute @w to k n : f32 k[37] n[10]\n%r = matmul %a %t over k : f32 tok[T] "
       "n[10]\nreturn %r",
       {{"T", 5}},
       1e-6});
  cases.push_back({"matmul_batched",
                   "",
                   "%a: f32 tok[T] kv[2] rep[3] k[24], %b: f32 tok[T] kv[2] pos[C] k[24]",
                   "f32 tok[T] kv[2] rep[3] pos[C]",
                   "%r = matmul %a %b over k : f32 tok[T] kv[2] rep[3] pos[C]\nreturn %r",
                   {{"T", 3}, {"C", 70}},
                   1e-6});
  return cases;
}

std::vector<OpCase> RowCases() {
  std::vector<OpCase> cases;
  for (const char* n : {"37", "5", "64"}) {
    const std::string x = absl::StrCat("x[", n, "]");
    const std::string type = absl::StrCat("f32 tok[T] kv[2] ", x);
    for (const char* op : {"reduce_max", "reduce_sum"}) {
      cases.push_back({absl::StrCat(op, "_", n),
                       "",
                       absl::StrCat("%a: ", type),
                       "f32 tok[T] kv[2]",
                       absl::StrCat("%r = ", op, " %a over x : f32 tok[T] kv[2]\nreturn %r"),
                       {{"T", 3}},
                       1e-6});
    }
    cases.push_back({absl::StrCat("softmax_", n),
                     "",
                     absl::StrCat("%a: ", type),
                     type,
                     absl::StrCat("%r = softmax %a over x : ", type, "\nreturn %r"),
                     {{"T", 3}},
                     1e-6,
                     5});
    for (const char* out : {"f32", "bf16", "f16"}) {
      const std::string result = absl::StrCat(out, " tok[T] kv[2] ", x);
      cases.push_back({absl::StrCat("rmsnorm_", n, "_", out),
                       absl::StrCat("  weight @w : bf16 ", x, " from \"w\""),
                       absl::StrCat("%a: ", type),
                       result,
                       absl::StrCat("%r = rmsnorm %a @w over x {eps = 1e-06",
                                    std::string(out) == "f32" ? "" : absl::StrCat(", out = ", out),
                                    "} : ", result, "\nreturn %r"),
                       {{"T", 3}},
                       std::string(out) == "f32" ? 1e-6 : 3e-3});
    }
  }
  cases.push_back({"reduce_strided_axis",
                   "",
                   "%a: f32 tok[T] kv[37] x[3]",
                   "f32 tok[T] x[3]",
                   "%r = reduce_sum %a over kv : f32 tok[T] x[3]\nreturn %r",
                   {{"T", 3}},
                   1e-6});
  cases.push_back({"softmax_strided_axis",
                   "",
                   "%a: f32 tok[T] kv[37] x[3]",
                   "f32 tok[T] kv[37] x[3]",
                   "%r = softmax %a over kv : f32 tok[T] kv[37] x[3]\nreturn %r",
                   {{"T", 3}},
                   1e-6});
  for (const char* dim : {"64", "10"}) {
    const int half = std::stoi(dim) / 2;
    const std::string type = absl::StrCat("f32 tok[T] kv[2] rep[3] dim[", dim, "]");
    const std::string table = absl::StrCat("f32 tok[T] pair[", half, "]");
    cases.push_back(
        {absl::StrCat("rope_", dim),
         "",
         absl::StrCat("%a: ", type, ", %c: ", table, ", %s: ", table),
         type,
         absl::StrCat("%r = rope %a %c %s over dim {style = half} : ", type, "\nreturn %r"),
         {{"T", 3}},
         1e-6});
  }
  return cases;
}

std::vector<OpCase> MoveCases() {
  std::vector<OpCase> cases;
  cases.push_back({"iota", "", "%a: f32 x[37]", "f32 x[37]",
                   "%i = iota -> x[37] {step = 0.1} : f32 x[37]\n%r = add %a %i : f32 "
                   "x[37]\nreturn %r"});
  std::string values = "0.1";
  for (int i = 1; i < 37; ++i) absl::StrAppend(&values, " ", i % 2 == 0 ? "" : "-", i, "e-", i);
  cases.push_back({"literal", "", "%a: f32 x[37]", "f32 x[37]",
                   absl::StrCat("%l = literal -> x[37] {values = ", values,
                                "} : f32 x[37]\n%r = add %a %l : f32 x[37]\nreturn %r")});
  cases.push_back({"causal_mask",
                   "",
                   "%a: f32 tok[T] kv[2] pos[C], %p: i32 tok[T]",
                   "f32 tok[T] kv[2] pos[C]",
                   "%r = causal_mask %a over pos at %p : f32 tok[T] kv[2] pos[C]\nreturn %r",
                   {{"T", 3}, {"C", 70}},
                   0,
                   1,
                   {{"p", {0, 15, 69}}}});
  cases.push_back({"causal_mask_beside_lanes",
                   "",
                   "%a: f32 tok[T] pos[C] x[20], %p: i32 tok[T]",
                   "f32 tok[T] pos[C] x[20]",
                   "%r = causal_mask %a over pos at %p : f32 tok[T] pos[C] x[20]\nreturn %r",
                   {{"T", 3}, {"C", 64}},
                   0,
                   1,
                   {{"p", {0, 15, 63}}}});
  cases.push_back({"outer_product",
                   "",
                   "%a: f32 tok[T], %b: f32 x[37]",
                   "f32 tok[T] x[37]",
                   "%r = mul %a %b : f32 tok[T] x[37]\nreturn %r",
                   {{"T", 3}},
                   1e-7});
  cases.push_back({"broadcast_inner",
                   "",
                   "%a: f32 tok[T] x[37], %b: f32 tok[T]",
                   "f32 tok[T] x[37]",
                   "%r = sub %a %b : f32 tok[T] x[37]\nreturn %r",
                   {{"T", 3}},
                   1e-7});
  for (const char* dtype : {"f32", "bf16"}) {
    const std::string depth = std::string(dtype) == "f32" ? "1" : "2";
    cases.push_back(
        {absl::StrCat("gather_", dtype),
         absl::StrCat("  weight @w : ", dtype, " v[50] x[37] from \"w\""),
         "%i: i32 tok[T]",
         absl::StrCat(dtype, " tok[T] x[37]"),
         absl::StrCat("%r = gather @w over v at %i : ", dtype, " tok[T] x[37]\nreturn %r"),
         {{"T", 3}},
         0,
         1,
         {{"i", {49, 0, 17}}}});
    // Through the transposing fast path (64 deep, whole panels) and the general one.
    for (const auto& [v, x] : {std::pair{48, 64}, std::pair{50, 37}}) {
      const std::string type = absl::StrCat(dtype, " v[", v, "] x[", x, "]");
      cases.push_back(
          {absl::StrCat("gather_packed_", dtype, "_", v),
           absl::StrCat("  weight @w : ", type,
                        " from \"w\"\n  load {\n    @p = pack @w "
                        "over x {tile = 16x",
                        depth, "} : ", type, " @panel(16x", depth, ", x)\n  }"),
           "%i: i64 tok[T]",
           absl::StrCat(dtype, " tok[T] x[", x, "]"),
           absl::StrCat("%r = gather @p over v at %i : ", dtype, " tok[T] x[", x, "]\nreturn %r"),
           {{"T", 3}},
           0,
           1,
           {{"i", {47, 0, 17}}}});
    }
  }
  // Parts of 16 and 8 rows: the second starts at a panel's edge, the third inside a panel.
  cases.push_back(
      {"pack_parts",
       "  weight @a : bf16 q[16] x[6] from \"a\"\n  weight @b : bf16 kd[8] x[6] from \"b\"\n"
       "  weight @c : bf16 vd[9] x[6] from \"c\"\n  load {\n    @p = pack @a @b @c q kd vd "
       "-> qkv[33] over x {tile = 16x2} : bf16 qkv[33] x[6] @panel(16x2, x)\n  }",
       "%i: i32 tok[T]",
       "bf16 tok[T] x[6]",
       "%r = gather @p over qkv at %i : bf16 tok[T] x[6]\nreturn %r",
       {{"T", 5}},
       0,
       1,
       {{"i", {0, 15, 16, 24, 32}}}});
  cases.push_back({"concat",
                   "",
                   "%a: f32 tok[T] p[20], %b: f32 tok[T] q[7]",
                   "f32 tok[T] x[27]",
                   "%r = concat %a %b p q -> x[27] : f32 tok[T] x[27]\nreturn %r",
                   {{"T", 3}},
                   0});
  cases.push_back({"concat_outer_axis",
                   "",
                   "%a: f32 p[2] x[20], %b: f32 q[3] x[20]",
                   "f32 y[5] x[20]",
                   "%r = concat %a %b p q -> y[5] : f32 y[5] x[20]\nreturn %r",
                   {},
                   0});
  cases.push_back({"views",
                   "",
                   "%a: f32 tok[T] q[48]",
                   "f32 kv[2] tok[T] x[12]",
                   "%s = slice %a q 12..36 as kv[2] x[12] : f32 tok[T] kv[2] x[12]\n"
                   "%p = permute %s to kv tok x : f32 kv[2] tok[T] x[12]\n"
                   "%r = scale %p {by = 2} : f32 kv[2] tok[T] x[12]\nreturn %r",
                   {{"T", 3}},
                   0});
  cases.push_back({"split_and_merge",
                   "",
                   "%a: f32 tok[T] q[48]",
                   "f32 tok[T] y[24]",
                   "%s = split %a q -> kv[2] x[24] : f32 tok[T] kv[2] x[24]\n"
                   "%t = slice %s kv 1..2 as one[1] : f32 tok[T] one[1] x[24]\n"
                   "%m = merge %t one x -> y[24] : f32 tok[T] y[24]\n"
                   "%r = scale %m {by = 2} : f32 tok[T] y[24]\nreturn %r",
                   {{"T", 3}},
                   0});
  cases.push_back({"merge_that_must_copy",
                   "",
                   "%a: f32 tok[T] kv[4] x[6]",
                   "f32 tok[T] y[24]",
                   "%p = permute %a to tok x kv : f32 tok[T] x[6] kv[4]\n"
                   "%m = merge %p x kv -> y[24] : f32 tok[T] y[24]\n"
                   "%r = scale %m {by = 2} : f32 tok[T] y[24]\nreturn %r",
                   {{"T", 3}},
                   0});
  return cases;
}

// Appends a few tokens to two slots, then attends from them; the cache holds nothing else.
std::vector<OpCase> AttentionCases() {
  std::vector<OpCase> cases;
  for (const char* dtype : {"bf16", "f32"}) {
    const std::string panel = std::string(dtype) == "f32" ? "16x1" : "16x2";
    for (int64_t dim : {8, 16, 24, 64, 128}) {
      for (int64_t rep : {1, 2, 3}) {
        const std::string state = absl::StrCat(dtype, " slot[S] kv[2] pos[C] dim[", dim, "]");
        const std::string x = absl::StrCat(dtype, " tok[T] kv[2] dim[", dim, "]");
        const std::string q = absl::StrCat(" tok[T] kv[2] rep[", rep, "] dim[", dim, "]");
        std::vector<int64_t> slots, positions;
        for (int64_t t = 0; t < 40; ++t) {
          slots.push_back(t % 3 == 0 ? 1 : 0);
          positions.push_back(t % 3 == 0 ? t / 3 : t - t / 3 - 1);
        }
        cases.push_back(
            {absl::StrCat("attention_", dtype, "_", dim, "_", rep),
             absl::StrCat("  state @k : ", state, " @panel(", panel,
                          ", dim)\n  state @v : ", state),
             absl::StrCat("%q: ", dtype, q, ", %k: ", x, ", %v: ", x,
                          ", %pos: i32 tok[T], %slot: i32 tok[T]"),
             absl::StrCat("f32", q),
             absl::StrCat("%ks = append @k %k over slot pos at %slot %pos : ", state, " @panel(",
                          panel, ", dim)\n%vs = append @v %v over slot pos at %slot %pos : ", state,
                          "\n%r = attention %q %ks %vs over slot pos dim at %pos %slot {mask = "
                          "causal, scale = 0.125} : f32",
                          q, "\nreturn %r"),
             {{"T", 40}, {"S", 2}, {"C", 128}},
             1e-6,
             1.0f,
             {{"pos", positions}, {"slot", slots}}});
      }
    }
  }
  return cases;
}

// The same from caches of integers, which are what the op means: the bounds are those of floats.
std::vector<OpCase> QuantizedAttentionCases() {
  std::vector<OpCase> cases;
  for (const char* dtype : {"bf16", "f32"}) {
    for (const auto& [dim, rep, tokens] :
         {std::tuple{8, 1, 40}, std::tuple{10, 3, 40}, std::tuple{64, 2, 150},
          std::tuple{128, 2, 40}, std::tuple{15, 2, 70}, std::tuple{8, 2, 900}}) {
      const std::string numbers = absl::StrCat("i8 slot[S] kv[2] pos[C] dim[", dim, "]");
      const std::string panels = absl::StrCat(numbers, " @panel(16x1, dim)");
      const std::string scales = "f32 slot[S] kv[2] pos[C]";
      const std::string x = absl::StrCat("tok[T] kv[2] dim[", dim, "]");
      const std::string q = absl::StrCat(" tok[T] kv[2] rep[", rep, "] dim[", dim, "]");
      std::vector<int64_t> slots, positions;
      for (int64_t t = 0; t < tokens; ++t) {  // runs of one slot, longer than a tile
        slots.push_back(t % 40 < 15 ? 1 : 0);
        positions.push_back(std::count(slots.begin(), slots.end() - 1, slots.back()));
      }
      const auto append = [&](const char* name, const std::string& type) {
        return absl::StrCat("%", name, "s = append @", name, " %", name,
                            "n over slot pos at %slot %pos : ", type, "\n");
      };
      const auto quantize = [&](const std::string& name) {
        return absl::StrCat("%", name, "cn = quantize_scale %", name,
                            "x over dim : f32 tok[T] kv[2]\n%", name, "n = quantize %", name, "x %",
                            name, "cn : i8 ", x, "\n");
      };
      cases.push_back(
          {absl::StrCat("attention_int8_", dtype, "_", dim, "_", rep, "_", tokens),
           absl::StrCat("  state @k : ", panels, "\n  state @v : ", numbers,
                        "\n  state @kc : ", scales, "\n  state @vc : ", scales),
           absl::StrCat("%q: ", dtype, q, ", %kx: f32 ", x, ", %vx: f32 ", x,
                        ", %pos: i32 tok[T], %slot: i32 tok[T]"),
           absl::StrCat("f32", q),
           absl::StrCat(quantize("k"), quantize("v"), append("k", panels), append("v", numbers),
                        append("kc", scales), append("vc", scales),
                        "%r = attention %q %ks %vs over slot pos dim at %pos %slot %kcs %vcs "
                        "{mask = causal, scale = 0.125} : f32",
                        q, "\nreturn %r"),
           {{"T", tokens}, {"S", 2}, {"C", tokens < 200 ? 128 : 640}},
           1e-6,
           1.0f,
           {{"pos", positions}, {"slot", slots}}});
    }
  }
  return cases;
}

// Quantised and widened again: to the same bits.
std::vector<OpCase> QuantizeCases() {
  std::vector<OpCase> cases;
  for (const char* dtype : {"f32", "bf16"}) {
    for (const char* n : {"37", "5", "128"}) {
      for (const float spread : {1.0f, 1e-38f, 1e30f}) {
        const std::string axes = absl::StrCat(" tok[T] kv[2] x[", n, "]");
        cases.push_back(
            {absl::StrCat("quantize_", dtype, "_", n, "_", spread),
             "",
             absl::StrCat("%a: ", dtype, axes),
             absl::StrCat("f32", axes),
             absl::StrCat("%s = quantize_scale %a over x : f32 tok[T] kv[2]\n",
                          "%i = quantize %a %s : i8", axes, "\n%w = cast %i {out = f32} : f32",
                          axes, "\n%r = mul %w %s : f32", axes, "\nreturn %r"),
             {{"T", 3}},
             0,
             spread});
      }
    }
  }
  return cases;
}

// Values that lie in row blocks between the kernel that writes and the one that reads them: a norm,
// a matmul and an attention, each into a matmul.
std::vector<OpCase> BlockCases() {
  std::vector<OpCase> cases;
  for (const char* dtype : {"bf16", "f32"}) {
    const std::string d(dtype);
    const std::string panel = d == "f32" ? "16x1" : "16x2";
    const auto weight = [&](const std::string& name, const std::string& rows,
                            const std::string& over, const std::string& extent) {
      const std::string type = absl::StrCat(d, " ", rows, " ", over, "[", extent, "]");
      return std::pair(absl::StrCat("  weight @", name, " : ", type, " from \"", name, "\"\n"),
                       absl::StrCat("    @p", name, " = pack @", name, " over ", over, " {tile = ",
                                    panel, "} : ", type, " @panel(", panel, ", ", over, ")\n"));
    };
    const auto wa = weight("a", "ff2[96]", "hid", "32"), wb = weight("b", "hid[32]", "ff", "48"),
               wo = weight("o", "hid[32]", "q", "64");
    const std::string state = absl::StrCat(d, " slot[S] kv[2] pos[C] dim[16]");
    for (int64_t rows : {1, 11, 12, 26, 40}) {
      std::vector<int64_t> positions;
      for (int64_t t = 0; t < rows; ++t) positions.push_back(t);
      cases.push_back(
          {absl::StrCat("blocks_mlp_", d, "_", rows),
           absl::StrCat("  weight @n : f32 hid[32] from \"n\"\n", wa.first, wb.first, "  load {\n",
                        wa.second, wb.second, "  }"),
           "%x: f32 tok[T] hid[32]",
           "f32 tok[T] hid[32]",
           absl::StrCat("%h = rmsnorm %x @n over hid {eps = 1e-06, out = ", d, "} : ", d,
                        " tok[T] hid[32]\n%m = matmul %h @pa over hid -> ff[48] {epilogue = "
                        "silu_mul, out = ",
                        d, "} : ", d, " tok[T] ff[48]\n%r = matmul %m @pb %x over ff {epilogue = ",
                        "add} : f32 tok[T] hid[32]\nreturn %r"),
           {{"T", rows}},
           d == "f32" ? 1e-6 : 4e-3});
      cases.push_back(
          {absl::StrCat("blocks_attention_", d, "_", rows),
           absl::StrCat("  state @k : ", state, " @panel(", panel, ", dim)\n  state @v : ", state,
                        "\n", wo.first, "  load {\n", wo.second, "  }"),
           absl::StrCat("%q: ", d, " tok[T] kv[2] rep[2] dim[16], %k: ", d,
                        " tok[T] kv[2] dim[16], %v: ", d,
                        " tok[T] kv[2] dim[16], %pos: i32 tok[T], %slot: i32 tok[T]"),
           "f32 tok[T] hid[32]",
           absl::StrCat("%ks = append @k %k over slot pos at %slot %pos : ", state, " @panel(",
                        panel, ", dim)\n%vs = append @v %v over slot pos at %slot %pos : ", state,
                        "\n%o = attention %q %ks %vs over slot pos dim at %pos %slot {mask = "
                        "causal, out = ",
                        d, ", scale = 0.25} : ", d,
                        " tok[T] kv[2] rep[2] dim[16]\n%f = merge %o kv rep dim -> q[64] : ", d,
                        " tok[T] q[64]\n%r = matmul %f @po over q : f32 tok[T] hid[32]\nreturn %r"),
           {{"T", rows}},
           d == "f32" ? 1e-6 : 4e-3,
           1.0f,
           {{"pos", positions}, {"slot", std::vector<int64_t>(rows, 0)}}});
    }
  }
  return cases;
}

// What a matmul with an epilogue works on: `rows` are a's axes before k[$K]; N columns are H heads
// of D elements.
struct EpilogueShape {
  std::string name;
  std::string dtype;  // of a, the weight, the bias, and of what is rounded
  bool packed;        // the weight, in panels
  std::string rows;
  int64_t k, heads, dim;
  std::string state_layout;
  std::vector<int64_t> tokens;
};

// Declarations, parameters and operands that a step brings along.
struct StepText {
  ir::EpilogueStep step;
  const char* decls;
  const char* params;
  const char* operands;
};
constexpr StepText kStepTexts[] = {
    {ir::EpilogueStep::kAdd, "", ", %x: f32 $R n[$N]", " %x"},
    {ir::EpilogueStep::kAppend, "  state @v : $X slot[S] kv[$H] pos[C] dim[$D]$L\n",
     ", %pos: i32 $R, %slot: i32 $R", " @v"},
    {ir::EpilogueStep::kBias, "  weight @b : $X n[$N] from \"b\"\n", "", " @b"},
    {ir::EpilogueStep::kNorm, "  weight @s : f32 dim[$D] from \"s\"\n", "", " @s"},
    {ir::EpilogueStep::kRope, "", ", %c: f32 tok[T] pair[$P], %d: f32 tok[T] pair[$P]", " %c %d"},
    {ir::EpilogueStep::kSiluMul, "", "", ""},
};

OpCase EpilogueCase(const ir::Epilogue& epilogue, const EpilogueShape& shape, int64_t tokens) {
  const bool wide = shape.dtype == "f32";
  const bool appends = epilogue.Has(ir::EpilogueStep::kAppend);
  std::string decls = "  weight @w : $X n[$N] k[$K] from \"w\"\n";
  std::string params = "%a: $X $R k[$K]";
  std::string operands = shape.packed ? "%a @p" : "%a @w";
  std::string attrs = absl::StrCat("epilogue = ", epilogue.ToString());
  for (const ir::EpilogueStep step : epilogue) {
    const StepText& text = kStepTexts[static_cast<int>(step)];
    absl::StrAppend(&decls, text.decls);
    absl::StrAppend(&params, text.params);
    absl::StrAppend(&operands, text.operands);
  }
  if (shape.packed) {
    decls +=
        "  load {\n    @p = pack @w over k {tile = 16x$Z} : $X n[$N] k[$K] @panel(16x$Z, k)\n  }";
  }
  if (epilogue.Has(ir::EpilogueStep::kNorm)) attrs += ", eps = 1e-06";
  if (!wide) attrs += ", out = bf16";
  if (epilogue.Has(ir::EpilogueStep::kRope)) attrs += ", style = half";
  std::string columns = "n[$N]", arrow;
  if (epilogue.grain() == ir::Grain::kHalves) columns = "m[$M]";
  if (epilogue.per_head()) columns = "kv[$H] dim[$D]";
  if (epilogue.grain() != ir::Grain::kColumns) arrow = absl::StrCat(" -> ", columns);
  std::string type = absl::StrCat("$X $R ", columns), body;
  if (appends) {
    type = "$X $R kv[$H] pos[C] dim[$D]";
    body = absl::StrCat("%y = matmul ", operands, " over k slot pos", arrow, " at %slot %pos {",
                        attrs, "} : $X slot[S] kv[$H] pos[C] dim[$D]$L\n",
                        "%r = gather %y over slot at %slot : ", type, "\nreturn %r");
  } else {
    body = absl::StrCat("%r = matmul ", operands, " over k", arrow, " {", attrs, "} : ", type,
                        "\nreturn %r");
  }
  std::vector<int64_t> slots, positions;
  for (int64_t i = 0; i < 2 * tokens; ++i) {  // rows of tokens have two elements at most
    slots.push_back(i % 2);
    positions.push_back((i * 37 + 11) % 64);
  }
  const int64_t n = shape.heads * shape.dim;
  const auto filled = [&](const std::string& text) {
    return absl::StrReplaceAll(text, {{"$X", shape.dtype},
                                      {"$R", shape.rows},
                                      {"$L", shape.state_layout},
                                      {"$N", absl::StrCat(n)},
                                      {"$M", absl::StrCat(n / 2)},
                                      {"$K", absl::StrCat(shape.k)},
                                      {"$H", absl::StrCat(shape.heads)},
                                      {"$D", absl::StrCat(shape.dim)},
                                      {"$P", absl::StrCat(shape.dim / 2)},
                                      {"$Z", wide ? "1" : "2"}});
  };
  return {absl::StrCat("epilogue_", epilogue.ToString("_"), "_", shape.name, "_", tokens),
          filled(decls),
          filled(params),
          filled(type),
          filled(body),
          {{"T", tokens}, {"S", 2}},
          wide ? 1e-6 : 4e-3,
          1.0f,
          {{"pos", positions}, {"slot", slots}}};
}

// Every epilogue on tiles, on panels that no tile takes because heads and halves end inside one,
// and on weights by rows.
std::vector<OpCase> EpilogueCases() {
  const EpilogueShape shapes[] = {
      {"tiles_bf16", "bf16", true, "tok[T]", 64, 2, 48, " @panel(16x2, dim)", {1, 37}},
      {"tiles_f32", "f32", true, "tok[T]", 40, 2, 48, "", {29}},
      {"tiles_odd", "bf16", true, "tok[T]", 33, 3, 32, "", {5}},
      {"part_of_panel", "bf16", true, "tok[T]", 64, 2, 20, "", {1, 13}},
      {"rows_bf16", "bf16", false, "tok[T] two[2]", 37, 3, 34, " @panel(16x2, dim)", {5}},
      {"rows_f32", "f32", false, "tok[T]", 37, 3, 10, "", {3}},
  };
  std::vector<OpCase> cases;
  for (const EpilogueShape& shape : shapes) {
    for (const ir::Epilogue& epilogue : ir::AllEpilogues()) {
      for (const int64_t tokens : shape.tokens) {
        cases.push_back(EpilogueCase(epilogue, shape, tokens));
      }
    }
  }
  // What is added lies in memory with gaps between its elements.
  const std::string packed =
      "  weight @w : bf16 n[96] k[64] from \"w\"\n  weight @b : f32 n[96] two[2] from \"b\"\n  "
      "load "
      "{\n    @p = pack @w over k {tile = 16x2} : bf16 n[96] k[64] @panel(16x2, k)\n  }";
  cases.push_back({"epilogue_add_permuted",
                   packed,
                   "%a: bf16 tok[T] k[64], %x: f32 n[96] tok[T]",
                   "f32 tok[T] n[96]",
                   "%t = permute %x to tok n : f32 tok[T] n[96]\n%r = matmul %a @p %t over k "
                   "{epilogue = add} : f32 tok[T] n[96]\nreturn %r",
                   {{"T", 13}},
                   1e-6});
  cases.push_back({"epilogue_bias_with_gaps",
                   packed,
                   "%a: bf16 tok[T] k[64]",
                   "f32 tok[T] n[96]",
                   "%s = slice @b two 1..2 as one[1] : f32 n[96] one[1]\n%b = merge %s n one -> "
                   "n[96] : f32 n[96]\n%r = matmul %a @p %b over k {epilogue = bias} : f32 tok[T] "
                   "n[96]\nreturn %r",
                   {{"T", 13}},
                   1e-6});
  return cases;
}

std::vector<OpCase> AllCases() {
  std::vector<OpCase> all;
  for (const auto& cases :
       {ElementwiseCases(), CastCases(), MatmulCases(), RowCases(), MoveCases(), AttentionCases(),
        QuantizedAttentionCases(), QuantizeCases(), BlockCases(), EpilogueCases()}) {
    all.insert(all.end(), cases.begin(), cases.end());
  }
  return all;
}

using Param = std::tuple<std::string, OpCase>;

class OpDiffTest : public testing::TestWithParam<Param> {};

TEST_P(OpDiffTest, CompiledCodeAgreesWithTheInterpreter) {
  const auto& [isa, c] = GetParam();
  const auto target = codegen::Target::Named(isa);
  ASSERT_TRUE(target.ok()) << target.status();
  std::map<std::string, int64_t> dims = {{"T", 1}, {"S", 1}, {"C", 64}};
  for (const auto& [name, value] : c.dims) dims[name] = value;
  RunOptions options;
  options.spread = c.spread;
  options.weight_spread = c.spread;
  options.integers = c.integers;
  const auto both = RunBoth(ModuleText(c), dims, *target, options);
  ASSERT_TRUE(both.ok()) << both.status() << "\n" << ModuleText(c);
  EXPECT_LE(RelativeError(both->compiled, both->interpreted), c.bound);
}

INSTANTIATE_TEST_SUITE_P(All, OpDiffTest,
                         testing::Combine(testing::ValuesIn(RunnableIsas()),
                                          testing::ValuesIn(AllCases())),
                         [](const testing::TestParamInfo<Param>& info) {
                           return absl::StrReplaceAll(absl::StrCat(std::get<0>(info.param), "_",
                                                                   std::get<1>(info.param).name),
                                                      {{"-", "_"}, {".", "_"}, {"+", ""}});
                         });

}  // namespace
}  // namespace lluda::tests
