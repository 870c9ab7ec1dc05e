// Ops that sum: products of matrices, reductions, norms; and rotations.
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/op_cases/op_cases.h"

namespace lluda::tests {

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

// What a GPU has no kernel for.
std::vector<OpCase> HostRowCases() {
  std::vector<OpCase> cases;
  for (const char* n : {"37", "5", "64"}) {
    const std::string x = absl::StrCat("x[", n, "]");
    const std::string type = absl::StrCat("f32 tok[T] kv[2] ", x);
    cases.push_back(OpCase(absl::StrCat("nth_largest_", n))
                        .Takes(absl::StrCat("%a: ", type, ", %n: i32 tok[T]"))
                        .Returns("f32 tok[T] kv[2]")
                        .Body("%r = nth_largest %a %n over x : f32 tok[T] kv[2]")
                        .Dims({{"T", 4}})
                        .Integers({{"n", {1, 2, 5, 40}}})
                        .Bound(0));
    for (const char* other : {"f32", "bf16"}) {
      cases.push_back(OpCase(absl::StrCat("l2_norm_", n, "_", other))
                          .Takes(absl::StrCat("%a: ", type, ", %b: ", other, " tok[T] kv[2] ", x))
                          .Returns("f32 tok[T] kv[2]")
                          .Body("%r = l2_norm %a %b over x : f32 tok[T] kv[2]")
                          .Dims({{"T", 3}}));
    }
  }
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
  for (const char* n : {"64", "37", "10", "1030"}) {
    const std::string x = absl::StrCat("x[", n, "]");
    const std::string type = absl::StrCat("f32 tok[T] ", x);
    cases.push_back(
        OpCase(absl::StrCat("rmsnorm_add_", n))
            .Declares(absl::StrCat("  weight @w : bf16 ", x, " from \"w\""))
            .Takes(absl::StrCat("%a: ", type, ", %b: ", type))
            .Returns(type)
            .Body(absl::StrCat("%r = rmsnorm_add %a @w %b over x {eps = 1e-06} : ", type))
            .Dims({{"T", 19}}));
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

}  // namespace lluda::tests
