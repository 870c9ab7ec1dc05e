// Every op as compiled code against the interpreter: shapes with odd ends, dtypes, every
// instruction set this machine can run, and a GPU that is simulated.
#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "codegen/cpu/kernel_test_util.h"
#include "codegen/llvm/target.h"
#include "gtest/gtest.h"
#include "ir/op/all_epilogues.h"
#include "ir/op/op_info.h"
#include "tests/support/run_both.h"

namespace lluda::tests {
namespace {

// A function @f whose value %r is compared, e.g.
//   OpCase("add").Takes("%a: f32 x[5]").Returns("f32 x[5]").Body("%r = add %a %a : f32 x[5]")
struct OpCase {
  explicit OpCase(std::string its_name) : name(std::move(its_name)) {}

  // Weights, states and the load block.
  OpCase& Declares(std::string text) { return Set(&declarations, std::move(text)); }
  OpCase& Takes(std::string text) { return Set(&parameters, std::move(text)); }
  OpCase& Returns(std::string type) { return Set(&result, std::move(type)); }
  OpCase& Body(std::string text) { return Set(&body, std::move(text)); }
  // Of the symbols that are not 1, or 64 for C.
  OpCase& Dims(std::map<std::string, int64_t> values) { return Set(&dims, std::move(values)); }
  // The largest relative error.
  OpCase& Bound(double value) { return Set(&bound, value); }
  // Of the random numbers.
  OpCase& Spread(float value) { return Set(&spread, value); }
  // What parameters of integers hold; 0, 1, 2, ... else.
  OpCase& Integers(std::map<std::string, std::vector<int64_t>> values) {
    return Set(&integers, std::move(values));
  }

  std::string name, declarations, parameters, result, body;
  std::map<std::string, int64_t> dims;
  double bound = 1e-6;
  float spread = 1.0f;
  std::map<std::string, std::vector<int64_t>> integers;

 private:
  template <typename T>
  OpCase& Set(T* field, T value) {
    *field = std::move(value);
    return *this;
  }
};

std::string ModuleText(const OpCase& c, machine::DeviceKind device) {
  std::string text =
      absl::StrCat("lluda 1\nmodule @test {\n  symbol T in 1..1024\n  symbol S in 1..4\n",
                   "  symbol C in 64..1024\n", c.declarations, "\n  func @f(", c.parameters,
                   ") -> ", c.result, " {\n", c.body, "\n  return %r\n  }\n}\n");
  if (device == machine::DeviceKind::kGpu) {  // its states lie in rows
    text = absl::StrReplaceAll(
        text, {{" @panel($bf16, dim)", ""}, {" @panel($f32, dim)", ""}, {" @panel($i8, dim)", ""}});
  }
  return codegen::WithPanels(text, device);
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
      {"tanh", "tanh %a", 3e-7, 5},
      {"gelu", "gelu %a", 3e-7, 5},
      {"erf", "erf %a", 3e-7, 2},
      {"gelu_erf", "gelu_erf %a", 3e-7, 3},
      {"offset", "offset %a {by = 0.3}", 1e-7, 1},
      {"sin", "sin %a", 1e-7, 10000},
      {"cos", "cos %a", 1e-7, 10000},
      {"power", "power %a {base = 1000000}", 1e-7, 1},
      {"reciprocal", "reciprocal %a", 1e-7, 1},
  };
  std::vector<OpCase> cases;
  for (const Row& row : rows) {
    for (const char* n : {"37", "5", "32"}) {
      const std::string type = absl::StrCat("f32 tok[T] x[", n, "]");
      cases.push_back(OpCase(absl::StrCat(row.name, "_", n))
                          .Takes(absl::StrCat("%a: ", type, ", %b: ", type))
                          .Returns(type)
                          .Body(absl::StrCat("%r = ", row.expression, " : ", type))
                          .Dims({{"T", 3}})
                          .Bound(row.bound)
                          .Spread(row.spread));
    }
  }
  return cases;
}

std::vector<OpCase> CastCases() {
  std::vector<OpCase> cases;
  for (const char* from : {"f32", "bf16", "f16", "i32", "i64", "i8"}) {
    for (const char* to : {"f32", "bf16", "f16"}) {
      const std::string out = absl::StrCat(to, " tok[T] x[37]");
      cases.push_back(OpCase(absl::StrCat("cast_", from, "_", to))
                          .Takes(absl::StrCat("%a: ", from, " tok[T] x[37]"))
                          .Returns(out)
                          .Body(absl::StrCat("%r = cast %a {out = ", to, "} : ", out))
                          .Dims({{"T", 3}})
                          .Bound(0));
    }
  }
  // Values that end up subnormal or overflow in f16.
  for (float spread : {1e-6f, 3e4f}) {
    cases.push_back(OpCase(absl::StrCat("cast_f16_edge_", spread > 1 ? "large" : "small"))
                        .Takes("%a: f32 tok[T] x[37]")
                        .Returns("f16 tok[T] x[37]")
                        .Body("%r = cast %a {out = f16} : f16 tok[T] x[37]")
                        .Dims({{"T", 3}})
                        .Bound(0)
                        .Spread(spread));
  }
  return cases;
}

// A weight @name of these axes, packed over k as @pname.
struct PackedWeight {
  std::string declaration;
  std::string load;
};
PackedWeight Packed(const std::string& name, const std::string& dtype, const std::string& axes,
                    const std::string& k) {
  const std::string type = absl::StrCat(dtype, " ", axes);
  const std::string panel = absl::StrCat("$", dtype);
  return {absl::StrCat("  weight @", name, " : ", type, " from \"", name, "\"\n"),
          absl::StrCat("    @p", name, " = pack @", name, " over ", k, " {tile = ", panel,
                       "} : ", type, " @panel(", panel, ", ", k, ")\n")};
}
std::string Declared(const PackedWeight& weight) {
  return absl::StrCat(weight.declaration, "  load {\n", weight.load, "  }");
}

// Row counts, panels and depths are swept in codegen/cpu/matmul/tile_sweep_test.cc.
std::vector<OpCase> MatmulCases() {
  std::vector<OpCase> cases;
  for (const char* a : {"f32", "bf16"}) {
    for (const char* b : {"f32", "bf16", "f16"}) {
      cases.push_back(OpCase(absl::StrCat("matmul_", a, "_", b))
                          .Declares(Declared(Packed("w", b, "n[40] k[33]", "k")))
                          .Takes(absl::StrCat("%a: ", a, " tok[T] k[33]"))
                          .Returns("f32 tok[T] n[40]")
                          .Body("%r = matmul %a @pw over k : f32 tok[T] n[40]")
                          .Dims({{"T", 13}}));
    }
  }
  // Halves of 20 columns do not start at a panel's edge.
  cases.push_back(
      OpCase("matmul_silu_mul_unaligned")
          .Declares(Declared(Packed("w", "bf16", "n[40] k[40]", "k")))
          .Takes("%a: bf16 tok[T] k[40]")
          .Returns("f32 tok[T] m[20]")
          .Body("%r = matmul %a @pw over k -> m[20] {epilogue = silu_mul} : f32 tok[T] m[20]")
          .Dims({{"T", 13}}));
  cases.push_back(OpCase("matmul_row_major_weight")
                      .Declares("  weight @w : bf16 n[10] k[37] from \"w\"")
                      .Takes("%a: bf16 tok[T] k[37]")
                      .Returns("f32 tok[T] n[10]")
                      .Body("%r = matmul %a @w over k : f32 tok[T] n[10]")
                      .Dims({{"T", 5}}));
  cases.push_back(
      OpCase("matmul_permuted_weight")
          .Declares("  weight @w : f32 n[10] k[37] from \"w\"")
          .Takes("%a: f32 tok[T] k[37]")
          .Returns("f32 tok[T] n[10]")
          .Body("%t = permute @w to k n : f32 k[37] n[10]\n%r = matmul %a %t over k : f32 tok[T] "
                "n[10]")
          .Dims({{"T", 5}}));
  cases.push_back(OpCase("matmul_batched")
                      .Takes("%a: f32 tok[T] kv[2] rep[3] k[24], %b: f32 tok[T] kv[2] pos[C] k[24]")
                      .Returns("f32 tok[T] kv[2] rep[3] pos[C]")
                      .Body("%r = matmul %a %b over k : f32 tok[T] kv[2] rep[3] pos[C]")
                      .Dims({{"T", 3}, {"C", 70}}));
  return cases;
}

std::vector<OpCase> RowCases() {
  std::vector<OpCase> cases;
  for (const char* n : {"37", "5", "64"}) {
    const std::string x = absl::StrCat("x[", n, "]");
    const std::string type = absl::StrCat("f32 tok[T] kv[2] ", x);
    for (const char* op : {"reduce_max", "reduce_sum"}) {
      cases.push_back(OpCase(absl::StrCat(op, "_", n))
                          .Takes(absl::StrCat("%a: ", type))
                          .Returns("f32 tok[T] kv[2]")
                          .Body(absl::StrCat("%r = ", op, " %a over x : f32 tok[T] kv[2]"))
                          .Dims({{"T", 3}}));
    }
    cases.push_back(OpCase(absl::StrCat("softmax_", n))
                        .Takes(absl::StrCat("%a: ", type))
                        .Returns(type)
                        .Body(absl::StrCat("%r = softmax %a over x : ", type))
                        .Dims({{"T", 3}})
                        .Spread(5));
    for (const char* out : {"f32", "bf16", "f16"}) {
      const std::string result = absl::StrCat(out, " tok[T] kv[2] ", x);
      cases.push_back(
          OpCase(absl::StrCat("rmsnorm_", n, "_", out))
              .Declares(absl::StrCat("  weight @w : bf16 ", x, " from \"w\""))
              .Takes(absl::StrCat("%a: ", type))
              .Returns(result)
              .Body(absl::StrCat("%r = rmsnorm %a @w over x {eps = 1e-06",
                                 std::string(out) == "f32" ? "" : absl::StrCat(", out = ", out),
                                 "} : ", result))
              .Dims({{"T", 3}})
              .Bound(std::string(out) == "f32" ? 1e-6 : 3e-3));
    }
  }
  for (const char* n : {"64", "37", "10"}) {
    for (const std::string out : {"f32", "bf16"}) {
      const std::string x = absl::StrCat("x[", n, "]");
      const std::string result = absl::StrCat(out, " tok[T] ", x);
      cases.push_back(OpCase(absl::StrCat("layernorm_", n, "_", out))
                          .Declares(absl::StrCat("  weight @w : bf16 ", x, " from \"w\"\n",
                                                 "  weight @b : f32 ", x, " from \"b\""))
                          .Takes(absl::StrCat("%a: f32 tok[T] ", x))
                          .Returns(result)
                          .Body(absl::StrCat("%r = layernorm %a @w @b over x {eps = 1e-05",
                                             out == "f32" ? "" : ", out = bf16", "} : ", result))
                          .Dims({{"T", 3}})
                          .Bound(out == "f32" ? 1e-6 : 3e-3));
    }
  }
  cases.push_back(OpCase("reduce_strided_axis")
                      .Takes("%a: f32 tok[T] kv[37] x[3]")
                      .Returns("f32 tok[T] x[3]")
                      .Body("%r = reduce_sum %a over kv : f32 tok[T] x[3]")
                      .Dims({{"T", 3}}));
  cases.push_back(OpCase("softmax_strided_axis")
                      .Takes("%a: f32 tok[T] kv[37] x[3]")
                      .Returns("f32 tok[T] kv[37] x[3]")
                      .Body("%r = softmax %a over kv : f32 tok[T] kv[37] x[3]")
                      .Dims({{"T", 3}}));
  for (const auto& [dim, pairs] : {std::pair{64, 32}, std::pair{10, 5}, std::pair{64, 24},
                                   std::pair{96, 16}, std::pair{11, 3}}) {
    const std::string type = absl::StrCat("f32 tok[T] kv[2] rep[3] dim[", dim, "]");
    const std::string table = absl::StrCat("f32 tok[T] pair[", pairs, "]");
    cases.push_back(OpCase(absl::StrCat("rope_", dim, "_", pairs))
                        .Takes(absl::StrCat("%a: ", type, ", %c: ", table, ", %s: ", table))
                        .Returns(type)
                        .Body(absl::StrCat("%r = rope %a %c %s over dim {style = half} : ", type))
                        .Dims({{"T", 3}}));
  }
  return cases;
}

std::vector<OpCase> MoveCases() {
  std::vector<OpCase> cases;
  cases.push_back(OpCase("iota")
                      .Takes("%a: f32 x[37]")
                      .Returns("f32 x[37]")
                      .Body("%i = iota -> x[37] {step = 0.1} : f32 x[37]\n%r = add %a %i : f32 "
                            "x[37]"));
  std::string values = "0.1";
  for (int i = 1; i < 37; ++i) absl::StrAppend(&values, " ", i % 2 == 0 ? "" : "-", i, "e-", i);
  cases.push_back(OpCase("literal")
                      .Takes("%a: f32 x[37]")
                      .Returns("f32 x[37]")
                      .Body(absl::StrCat("%l = literal -> x[37] {values = ", values,
                                         "} : f32 x[37]\n%r = add %a %l : f32 x[37]")));
  for (const char* d : {"f32", "bf16"}) {
    const auto type = [&](absl::string_view axes) { return absl::StrCat(d, " ", axes); };
    cases.push_back(OpCase(absl::StrCat("pad_leading_", d))
                        .Takes(absl::StrCat("%a: ", type("t[5] m[4] c[37]")))
                        .Returns(type("t[7] m[6] c[37]"))
                        .Body(absl::StrCat("%r = pad %a over t m {after = 1, before = 1} : ",
                                           type("t[7] m[6] c[37]")))
                        .Bound(0));
    cases.push_back(OpCase(absl::StrCat("pad_last_", d))
                        .Takes(absl::StrCat("%a: ", type("tok[T] c[37]")))
                        .Returns(type("tok[T] c[40]"))
                        .Body(absl::StrCat("%r = pad %a over c {after = 2, before = 1} : ",
                                           type("tok[T] c[40]")))
                        .Dims({{"T", 3}})
                        .Bound(0));
    // The taps of a convolution 3x3 of stride 2: runs of channels, and single elements.
    for (const int channels : {1, 37}) {
      const std::string c = absl::StrCat("c[", channels, "]");
      const std::string tap = absl::StrCat("tap[", 9 * channels, "]");
      cases.push_back(OpCase(absl::StrCat("taps_", channels, "_", d))
                          .Takes(absl::StrCat("%a: ", type(absl::StrCat("t[7] m[6] ", c))))
                          .Returns(type(absl::StrCat("t[3] m[2] ", tap)))
                          .Body(absl::StrCat("%m = window %a m -> m[2] km[3] {stride = 2} : ",
                                             type(absl::StrCat("t[7] m[2] km[3] ", c)),
                                             "\n%w = window %m t -> t[3] kt[3] {stride = 2} : ",
                                             type(absl::StrCat("t[3] kt[3] m[2] km[3] ", c)),
                                             "\n%o = permute %w to t m kt km c : ",
                                             type(absl::StrCat("t[3] m[2] kt[3] km[3] ", c)),
                                             "\n%r = merge %o kt km c -> ", tap, " : ",
                                             type(absl::StrCat("t[3] m[2] ", tap))))
                          .Bound(0));
    }
  }
  // Every token sees every token.
  cases.push_back(OpCase("attention_of_a_block")
                      .Takes("%q: f32 tok[T] head[2] dim[37], %k: f32 tok[T] head[2] dim[37]")
                      .Returns("f32 tok[T] head[2] dim[37]")
                      .Body("%kk = split %k tok -> key[T] : f32 key[T] head[2] dim[37]\n"
                            "%s = matmul %q %kk over dim : f32 tok[T] head[2] key[T]\n"
                            "%w = softmax %s over key : f32 tok[T] head[2] key[T]\n"
                            "%r = matmul %w %kk over key : f32 tok[T] head[2] dim[37]")
                      .Dims({{"T", 19}}));
  cases.push_back(OpCase("causal_mask")
                      .Takes("%a: f32 tok[T] kv[2] pos[C], %p: i32 tok[T]")
                      .Returns("f32 tok[T] kv[2] pos[C]")
                      .Body("%r = causal_mask %a over pos at %p : f32 tok[T] kv[2] pos[C]")
                      .Dims({{"T", 3}, {"C", 70}})
                      .Bound(0)
                      .Integers({{"p", {0, 15, 69}}}));
  cases.push_back(OpCase("causal_mask_window")
                      .Takes("%a: f32 tok[T] kv[2] pos[C], %p: i32 tok[T]")
                      .Returns("f32 tok[T] kv[2] pos[C]")
                      .Body("%r = causal_mask %a over pos at %p {window = 9} : f32 tok[T] kv[2] "
                            "pos[C]")
                      .Dims({{"T", 3}, {"C", 70}})
                      .Bound(0)
                      .Integers({{"p", {0, 15, 69}}}));
  cases.push_back(OpCase("causal_mask_beside_lanes")
                      .Takes("%a: f32 tok[T] pos[C] x[20], %p: i32 tok[T]")
                      .Returns("f32 tok[T] pos[C] x[20]")
                      .Body("%r = causal_mask %a over pos at %p : f32 tok[T] pos[C] x[20]")
                      .Dims({{"T", 3}, {"C", 64}})
                      .Bound(0)
                      .Integers({{"p", {0, 15, 63}}}));
  cases.push_back(OpCase("outer_product")
                      .Takes("%a: f32 tok[T], %b: f32 x[37]")
                      .Returns("f32 tok[T] x[37]")
                      .Body("%r = mul %a %b : f32 tok[T] x[37]")
                      .Dims({{"T", 3}})
                      .Bound(1e-7));
  cases.push_back(OpCase("broadcast_inner")
                      .Takes("%a: f32 tok[T] x[37], %b: f32 tok[T]")
                      .Returns("f32 tok[T] x[37]")
                      .Body("%r = sub %a %b : f32 tok[T] x[37]")
                      .Dims({{"T", 3}})
                      .Bound(1e-7));
  for (const char* dtype : {"f32", "bf16"}) {
    const std::string panel = absl::StrCat("$", dtype);
    cases.push_back(
        OpCase(absl::StrCat("gather_", dtype))
            .Declares(absl::StrCat("  weight @w : ", dtype, " v[50] x[37] from \"w\""))
            .Takes("%i: i32 tok[T]")
            .Returns(absl::StrCat(dtype, " tok[T] x[37]"))
            .Body(absl::StrCat("%r = gather @w over v at %i : ", dtype, " tok[T] x[37]"))
            .Dims({{"T", 3}})
            .Bound(0)
            .Integers({{"i", {49, 0, 17}}}));
    // Through the transposing fast path (64 deep, whole panels) and the general one.
    for (const auto& [v, x] : {std::pair{48, 64}, std::pair{50, 37}}) {
      const std::string type = absl::StrCat(dtype, " v[", v, "] x[", x, "]");
      cases.push_back(
          OpCase(absl::StrCat("gather_packed_", dtype, "_", v))
              .Declares(absl::StrCat("  weight @w : ", type,
                                     " from \"w\"\n  load {\n    @p = pack @w "
                                     "over x {tile = ",
                                     panel, "} : ", type, " @panel(", panel, ", x)\n  }"))
              .Takes("%i: i64 tok[T]")
              .Returns(absl::StrCat(dtype, " tok[T] x[", x, "]"))
              .Body(absl::StrCat("%r = gather @p over v at %i : ", dtype, " tok[T] x[", x, "]"))
              .Dims({{"T", 3}})
              .Bound(0)
              .Integers({{"i", {47, 0, 17}}}));
    }
  }
  // Parts of 16 and 8 rows: the second starts at a panel's edge, the third inside a panel.
  cases.push_back(
      OpCase("pack_parts")
          .Declares(
              "  weight @a : bf16 q[16] x[6] from \"a\"\n  weight @b : bf16 kd[8] x[6] from \"b\"\n"
              "  weight @c : bf16 vd[9] x[6] from \"c\"\n  load {\n    @p = pack @a @b @c q kd vd "
              "-> qkv[33] over x {tile = $bf16} : bf16 qkv[33] x[6] @panel($bf16, x)\n  }")
          .Takes("%i: i32 tok[T]")
          .Returns("bf16 tok[T] x[6]")
          .Body("%r = gather @p over qkv at %i : bf16 tok[T] x[6]")
          .Dims({{"T", 5}})
          .Bound(0)
          .Integers({{"i", {0, 15, 16, 24, 32}}}));
  cases.push_back(OpCase("concat")
                      .Takes("%a: f32 tok[T] p[20], %b: f32 tok[T] q[7]")
                      .Returns("f32 tok[T] x[27]")
                      .Body("%r = concat %a %b p q -> x[27] : f32 tok[T] x[27]")
                      .Dims({{"T", 3}})
                      .Bound(0));
  cases.push_back(OpCase("concat_outer_axis")
                      .Takes("%a: f32 p[2] x[20], %b: f32 q[3] x[20]")
                      .Returns("f32 y[5] x[20]")
                      .Body("%r = concat %a %b p q -> y[5] : f32 y[5] x[20]")
                      .Bound(0));
  cases.push_back(OpCase("views")
                      .Takes("%a: f32 tok[T] q[48]")
                      .Returns("f32 kv[2] tok[T] x[12]")
                      .Body("%s = slice %a q 12..36 as kv[2] x[12] : f32 tok[T] kv[2] x[12]\n"
                            "%p = permute %s to kv tok x : f32 kv[2] tok[T] x[12]\n"
                            "%r = scale %p {by = 2} : f32 kv[2] tok[T] x[12]")
                      .Dims({{"T", 3}})
                      .Bound(0));
  cases.push_back(OpCase("split_and_merge")
                      .Takes("%a: f32 tok[T] q[48]")
                      .Returns("f32 tok[T] y[24]")
                      .Body("%s = split %a q -> kv[2] x[24] : f32 tok[T] kv[2] x[24]\n"
                            "%t = slice %s kv 1..2 as one[1] : f32 tok[T] one[1] x[24]\n"
                            "%m = merge %t one x -> y[24] : f32 tok[T] y[24]\n"
                            "%r = scale %m {by = 2} : f32 tok[T] y[24]")
                      .Dims({{"T", 3}})
                      .Bound(0));
  cases.push_back(OpCase("merge_that_must_copy")
                      .Takes("%a: f32 tok[T] kv[4] x[6]")
                      .Returns("f32 tok[T] y[24]")
                      .Body("%p = permute %a to tok x kv : f32 tok[T] x[6] kv[4]\n"
                            "%m = merge %p x kv -> y[24] : f32 tok[T] y[24]\n"
                            "%r = scale %m {by = 2} : f32 tok[T] y[24]")
                      .Dims({{"T", 3}})
                      .Bound(0));
  return cases;
}

// Appends a few tokens to two slots, then attends from them; the cache holds nothing else.
std::vector<OpCase> AttentionCases() {
  std::vector<OpCase> cases;
  for (const char* dtype : {"bf16", "f32"}) {
    const std::string panel = absl::StrCat("$", dtype);
    for (int64_t dim : {8, 16, 24, 64, 128}) {
      for (int64_t rep : {1, 2, 3}) {
        const std::string state = absl::StrCat(dtype, " slot[S] kv[2] pos[C] dim[", dim, "]");
        const std::string x = absl::StrCat(dtype, " tok[T] kv[2] dim[", dim, "]");
        const std::string q = absl::StrCat(" tok[T] kv[2] rep[", rep, "] dim[", dim, "]");
        // A GPU has another kernel for many tokens; then a slot's tokens follow one another.
        const int64_t tokens = dim >= 64 && rep == 3 ? 150 : 40;
        std::vector<int64_t> slots, positions;
        for (int64_t t = 0; t < tokens; ++t) {
          const bool other = tokens > 40 ? t >= 110 : t % 3 == 0;
          slots.push_back(other ? 1 : 0);
          positions.push_back(tokens > 40 ? t % 110 : other ? t / 3 : t - t / 3 - 1);
        }
        cases.push_back(
            OpCase(absl::StrCat("attention_", dtype, "_", dim, "_", rep))
                .Declares(absl::StrCat("  state @k : ", state, " @panel(", panel,
                                       ", dim)\n  state @v : ", state))
                .Takes(absl::StrCat("%q: ", dtype, q, ", %k: ", x, ", %v: ", x,
                                    ", %pos: i32 tok[T], %slot: i32 tok[T]"))
                .Returns(absl::StrCat("f32", q))
                .Body(absl::StrCat(
                    "%ks = append @k %k over slot pos at %slot %pos : ", state, " @panel(", panel,
                    ", dim)\n%vs = append @v %v over slot pos at %slot %pos : ", state,
                    "\n%r = attention %q %ks %vs over slot pos dim at %pos %slot {mask = "
                    "causal, scale = 0.125} : f32",
                    q))
                .Dims({{"T", tokens}, {"S", 2}, {"C", 128}})
                .Integers({{"pos", positions}, {"slot", slots}}));
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
      const std::string panels = absl::StrCat(numbers, " @panel($i8, dim)");
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
          OpCase(absl::StrCat("attention_int8_", dtype, "_", dim, "_", rep, "_", tokens))
              .Declares(absl::StrCat("  state @k : ", panels, "\n  state @v : ", numbers,
                                     "\n  state @kc : ", scales, "\n  state @vc : ", scales))
              .Takes(absl::StrCat("%q: ", dtype, q, ", %kx: f32 ", x, ", %vx: f32 ", x,
                                  ", %pos: i32 tok[T], %slot: i32 tok[T]"))
              .Returns(absl::StrCat("f32", q))
              .Body(absl::StrCat(
                  quantize("k"), quantize("v"), append("k", panels), append("v", numbers),
                  append("kc", scales), append("vc", scales),
                  "%r = attention %q %ks %vs over slot pos dim at %pos %slot %kcs %vcs "
                  "{mask = causal, scale = 0.125} : f32",
                  q))
              .Dims({{"T", tokens}, {"S", 2}, {"C", tokens < 200 ? 128 : 640}})
              .Integers({{"pos", positions}, {"slot", slots}}));
    }
  }
  return cases;
}

// These with a window, a softcap or both: each case with one of them.
std::vector<OpCase> WindowedAttentionCases() {
  const std::vector<std::string> choices = {"window = 1",
                                            "window = 5",
                                            "window = 37",
                                            "softcap = 0.5",
                                            "softcap = 2, window = 17",
                                            "softcap = 50, window = 100"};
  std::vector<OpCase> cases;
  for (const auto& plain : {AttentionCases(), QuantizedAttentionCases()}) {
    for (OpCase c : plain) {
      const std::string& attrs = choices[cases.size() % choices.size()];
      c.body =
          absl::StrReplaceAll(c.body, {{"scale = 0.125", absl::StrCat("scale = 0.125, ", attrs)}});
      c.name += absl::StrReplaceAll(absl::StrCat("_", attrs), {{" = ", "_"}, {", ", "_"}});
      cases.push_back(std::move(c));
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
        cases.push_back(OpCase(absl::StrCat("quantize_", dtype, "_", n, "_", spread))
                            .Takes(absl::StrCat("%a: ", dtype, axes))
                            .Returns(absl::StrCat("f32", axes))
                            .Body(absl::StrCat("%s = quantize_scale %a over x : f32 tok[T] kv[2]\n",
                                               "%i = quantize %a %s : i8", axes,
                                               "\n%w = cast %i {out = f32} : f32", axes,
                                               "\n%r = mul %w %s : f32", axes))
                            .Dims({{"T", 3}})
                            .Bound(0)
                            .Spread(spread));
      }
    }
  }
  return cases;
}

// Values whose rows are interleaved between the kernel that writes and the one that reads them: a
// norm, a matmul and an attention, each into a matmul. Rows that fill no tile, one, and two and some.
std::vector<OpCase> InterleavedCases(const codegen::Target& target) {
  std::vector<OpCase> cases;
  for (const ir::DType dtype : {ir::DType::kBF16, ir::DType::kF32}) {
    const std::string d(ir::DTypeName(dtype));
    const int64_t tile_rows = target.FindMatmulTile(dtype, dtype)->rows;
    const std::string panel = absl::StrCat("$", d);
    const PackedWeight wa = Packed("a", d, "ff2[96] hid[32]", "hid"),
                       wb = Packed("b", d, "hid[32] ff[48]", "ff"),
                       wo = Packed("o", d, "hid[32] q[64]", "q");
    const std::string state = absl::StrCat(d, " slot[S] kv[2] pos[C] dim[16]");
    for (const int64_t rows : {tile_rows - 1, tile_rows, 2 * tile_rows + 3}) {
      if (rows == 0) continue;
      std::vector<int64_t> positions;
      for (int64_t t = 0; t < rows; ++t) positions.push_back(t);
      cases.push_back(
          OpCase(absl::StrCat("interleaved_mlp_", d, "_", rows))
              .Declares(absl::StrCat("  weight @n : f32 hid[32] from \"n\"\n", wa.declaration,
                                     wb.declaration, "  load {\n", wa.load, wb.load, "  }"))
              .Takes("%x: f32 tok[T] hid[32]")
              .Returns("f32 tok[T] hid[32]")
              .Body(absl::StrCat(
                  "%h = rmsnorm %x @n over hid {eps = 1e-06, out = ", d, "} : ", d,
                  " tok[T] hid[32]\n%m = matmul %h @pa over hid -> ff[48] {epilogue = "
                  "silu_mul, out = ",
                  d, "} : ", d, " tok[T] ff[48]\n%r = matmul %m @pb %x over ff {epilogue = ",
                  "add} : f32 tok[T] hid[32]"))
              .Dims({{"T", rows}})
              .Bound(d == "f32" ? 1e-6 : 4e-3));
      cases.push_back(
          OpCase(absl::StrCat("interleaved_attention_", d, "_", rows))
              .Declares(absl::StrCat("  state @k : ", state, " @panel(", panel,
                                     ", dim)\n  state @v : ", state, "\n", wo.declaration,
                                     "  load {\n", wo.load, "  }"))
              .Takes(absl::StrCat("%q: ", d, " tok[T] kv[2] rep[2] dim[16], %k: ", d,
                                  " tok[T] kv[2] dim[16], %v: ", d,
                                  " tok[T] kv[2] dim[16], %pos: i32 tok[T], %slot: i32 tok[T]"))
              .Returns("f32 tok[T] hid[32]")
              .Body(absl::StrCat(
                  "%ks = append @k %k over slot pos at %slot %pos : ", state, " @panel(", panel,
                  ", dim)\n%vs = append @v %v over slot pos at %slot %pos : ", state,
                  "\n%o = attention %q %ks %vs over slot pos dim at %pos %slot {mask = "
                  "causal, out = ",
                  d, ", scale = 0.25} : ", d,
                  " tok[T] kv[2] rep[2] dim[16]\n%f = merge %o kv rep dim -> q[64] : ", d,
                  " tok[T] q[64]\n%r = matmul %f @po over q : f32 tok[T] hid[32]"))
              .Dims({{"T", rows}, {"C", 128}})
              .Bound(d == "f32" ? 1e-6 : 4e-3)
              .Integers({{"pos", positions}, {"slot", std::vector<int64_t>(rows, 0)}}));
    }
  }
  return cases;
}

// What a GPU runs as one kernel: a norm and products that read what it makes.
std::vector<OpCase> GroupCases() {
  const PackedWeight wa = Packed("a", "bf16", "q[128] hid[512]", "hid"),
                     wb = Packed("b", "bf16", "kv[64] hid[512]", "hid"),
                     wc = Packed("c", "bf16", "ff[96] hid[512]", "hid");
  std::vector<OpCase> cases;
  for (const int64_t rows : {1, 11, 71}) {
    cases.push_back(
        OpCase(absl::StrCat("norm_and_projections_", rows))
            .Declares(absl::StrCat("  weight @n : bf16 hid[512] from \"n\"\n",
                                   "  weight @s : f32 dim[64] from \"s\"\n", wa.declaration,
                                   wb.declaration, wc.declaration, "  load {\n", wa.load, wb.load,
                                   wc.load, "  }"))
            .Takes("%x: f32 tok[T] hid[512]")
            .Returns("f32 tok[T] head[2] dim[64]")
            .Body(
                "%h = rmsnorm %x @n over hid {eps = 1e-06, out = bf16} : bf16 tok[T] hid[512]\n"
                "%q = matmul %h @pa @s over hid -> head[2] dim[64] {epilogue = norm, eps = 1e-06} "
                ": f32 tok[T] head[2] dim[64]\n"
                "%k = matmul %h @pb @s over hid -> one[1] dim[64] {epilogue = norm, eps = 1e-06} "
                ": f32 tok[T] one[1] dim[64]\n"
                "%g = matmul %h @pc over hid -> m[48] {epilogue = silu_mul} : f32 tok[T] m[48]\n"
                "%y = slice %k one 0..1 as dim2[1] : f32 tok[T] dim2[1] dim[64]\n"
                "%z = merge %y dim2 dim -> dim[64] : f32 tok[T] dim[64]\n"
                "%w = reduce_sum %g over m : f32 tok[T]\n"
                "%p = mul %q %z : f32 tok[T] head[2] dim[64]\n"
                "%r = add %p %w : f32 tok[T] head[2] dim[64]")
            .Dims({{"T", rows}})
            .Bound(4e-3));
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
  int64_t pairs = dim / 2;  // of a head, which are rotated
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
    {ir::EpilogueStep::kGeluErf, "", "", ""},
    {ir::EpilogueStep::kGeluMul, "", "", ""},
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
    decls += "  load {\n    @p = pack @w over k {tile = $$X} : $X n[$N] k[$K] @panel($$X, k)\n  }";
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
                        "%r = gather %y over slot at %slot : ", type);
  } else {
    body = absl::StrCat("%r = matmul ", operands, " over k", arrow, " {", attrs, "} : ", type, "");
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
                                      {"$P", absl::StrCat(shape.pairs)}});
  };
  return OpCase(absl::StrCat("epilogue_", epilogue.ToString("_"), "_", shape.name, "_", tokens))
      .Declares(filled(decls))
      .Takes(filled(params))
      .Returns(filled(type))
      .Body(filled(body))
      .Dims({{"T", tokens}, {"S", 2}})
      .Bound(wide ? 1e-6 : 4e-3)
      .Integers({{"pos", positions}, {"slot", slots}});
}

// Every epilogue on tiles, on panels that no tile takes because heads and halves end inside one,
// and on weights by rows.
std::vector<OpCase> EpilogueCases() {
  const EpilogueShape shapes[] = {
      {"tiles_bf16", "bf16", true, "tok[T]", 64, 2, 48, " @panel($bf16, dim)", {1, 37}},
      {"tiles_f32", "f32", true, "tok[T]", 40, 2, 48, "", {29}},
      {"tiles_odd", "bf16", true, "tok[T]", 33, 3, 32, "", {5}},
      {"part_of_panel", "bf16", true, "tok[T]", 64, 2, 20, "", {1, 13}},
      {"rows_bf16", "bf16", false, "tok[T] two[2]", 37, 3, 34, " @panel($bf16, dim)", {5}},
      {"rows_f32", "f32", false, "tok[T]", 37, 3, 10, "", {3}},
      // On a GPU's tensor cores: few rows and many, whole segments and parts of them, tiles of either
      // width, heads that are parts of a tile and the other way round.
      {"tensor", "bf16", true, "tok[T]", 160, 4, 32, " @panel($bf16, dim)", {3, 70}},
      {"tensor_deep", "bf16", true, "tok[T]", 1056, 2, 64, " @panel($bf16, dim)", {9, 66}},
      {"tensor_whole", "bf16", true, "tok[T]", 1024, 1, 128, " @panel($bf16, dim)", {2, 65}},
      {"tensor_wide", "bf16", true, "tok[T]", 32, 16, 128, " @panel($bf16, dim)", {65}},
  };
  // Heads of which a part is rotated.
  const EpilogueShape parts[] = {
      {"part_bf16", "bf16", true, "tok[T]", 64, 2, 48, " @panel($bf16, dim)", {1, 37}, 16},
      {"part_odd_bf16", "bf16", true, "tok[T]", 64, 2, 48, " @panel($bf16, dim)", {5}, 9},
      {"part_rows_f32", "f32", false, "tok[T]", 37, 3, 10, "", {3}, 3},
  };
  std::vector<OpCase> cases;
  for (const EpilogueShape& shape : shapes) {
    for (const ir::Epilogue& epilogue : ir::AllEpilogues()) {
      for (const int64_t tokens : shape.tokens) {
        cases.push_back(EpilogueCase(epilogue, shape, tokens));
      }
    }
  }
  for (const EpilogueShape& shape : parts) {
    for (const ir::Epilogue& epilogue : ir::AllEpilogues()) {
      if (!epilogue.Has(ir::EpilogueStep::kRope)) continue;
      for (const int64_t tokens : shape.tokens) {
        cases.push_back(EpilogueCase(epilogue, shape, tokens));
      }
    }
  }
  // What is added lies in memory with gaps between its elements.
  const std::string packed =
      "  weight @w : bf16 n[96] k[64] from \"w\"\n  weight @b : f32 n[96] two[2] from \"b\"\n  "
      "load "
      "{\n    @p = pack @w over k {tile = $bf16} : bf16 n[96] k[64] @panel($bf16, k)\n  }";
  cases.push_back(
      OpCase("epilogue_add_permuted")
          .Declares(packed)
          .Takes("%a: bf16 tok[T] k[64], %x: f32 n[96] tok[T]")
          .Returns("f32 tok[T] n[96]")
          .Body("%t = permute %x to tok n : f32 tok[T] n[96]\n%r = matmul %a @p %t over k "
                "{epilogue = add} : f32 tok[T] n[96]")
          .Dims({{"T", 13}}));
  cases.push_back(
      OpCase("epilogue_bias_with_gaps")
          .Declares(packed)
          .Takes("%a: bf16 tok[T] k[64]")
          .Returns("f32 tok[T] n[96]")
          .Body("%s = slice @b two 1..2 as one[1] : f32 n[96] one[1]\n%b = merge %s n one -> "
                "n[96] : f32 n[96]\n%r = matmul %a @p %b over k {epilogue = bias} : f32 tok[T] "
                "n[96]")
          .Dims({{"T", 13}}));
  return cases;
}

std::vector<OpCase> AllCases(const codegen::Target& target) {
  std::vector<OpCase> all;
  for (const auto& cases :
       {ElementwiseCases(), CastCases(), MatmulCases(), RowCases(), MoveCases(), AttentionCases(),
        QuantizedAttentionCases(), WindowedAttentionCases(), QuantizeCases(),
        InterleavedCases(target), GroupCases(), EpilogueCases()}) {
    all.insert(all.end(), cases.begin(), cases.end());
  }
  return all;
}

struct Param {
  TestMachine machine;
  OpCase op;
};

std::vector<Param> AllParams() {
  std::vector<Param> params;
  for (const TestMachine& machine : AllTestMachines()) {
    for (OpCase& op : AllCases(machine.target)) params.push_back({machine, std::move(op)});
  }
  return params;
}

class OpDiffTest : public testing::TestWithParam<Param> {};

TEST_P(OpDiffTest, CompiledCodeAgreesWithTheInterpreter) {
  const auto& [machine, c] = GetParam();
  std::map<std::string, int64_t> dims = {{"T", 1}, {"S", 1}, {"C", 64}};
  for (const auto& [name, value] : c.dims) dims[name] = value;
  RunOptions options;
  options.spread = c.spread;
  options.weight_spread = c.spread;
  options.integers = c.integers;
  const std::string text = ModuleText(c, machine.kind());
  const auto both = RunBoth(text, dims, machine.target, options, machine.runs_on);
  ASSERT_TRUE(both.ok()) << both.status() << "\n" << text;
  EXPECT_LE(RelativeError(both->compiled, both->interpreted), c.bound);
}

INSTANTIATE_TEST_SUITE_P(All, OpDiffTest, testing::ValuesIn(AllParams()),
                         [](const testing::TestParamInfo<Param>& info) {
                           return absl::StrReplaceAll(
                               absl::StrCat(info.param.machine.name, "_", info.param.op.name),
                               {{"-", "_"}, {".", "_"}, {"+", ""}});
                         });

}  // namespace
}  // namespace lluda::tests
