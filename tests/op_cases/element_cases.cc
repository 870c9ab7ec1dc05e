// Ops on single elements.
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/op_cases/op_cases.h"

namespace lluda::tests {

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
      {"keep", "keep %a %b %a", 0, 1},
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

}  // namespace lluda::tests
