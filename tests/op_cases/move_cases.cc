// Ops that move elements or look at them otherwise.
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "tests/op_cases/op_cases.h"

namespace lluda::tests {

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
  // Every token sees every token: heads with odd ends, and whole vectors; tokens that fill a vector
  // or not, and more than a work item has.
  for (const int dim : {37, 64}) {
    for (const int tokens : {19, 70}) {
      const std::string head = absl::StrCat("head[2] dim[", dim, "]");
      cases.push_back(
          OpCase(absl::StrCat("attention_of_a_block_", dim, "_", tokens))
              .Takes(absl::StrCat("%q: f32 tok[T] ", head, ", %k: f32 tok[T] ", head))
              .Returns(absl::StrCat("f32 tok[T] ", head))
              .Body(absl::StrCat("%kk = split %k tok -> key[T] : f32 key[T] ", head,
                                 "\n%s = matmul %q %kk over dim : f32 tok[T] head[2] key[T]\n"
                                 "%w = softmax %s over key : f32 tok[T] head[2] key[T]\n"
                                 "%r = matmul %w %kk over key : f32 tok[T] ",
                                 head))
              .Dims({{"T", tokens}}));
    }
  }
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

}  // namespace lluda::tests
