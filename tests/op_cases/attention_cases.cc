// Attention from caches of floats and of integers, with and without windows and softcaps.
#include <algorithm>
#include <cstdint>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "tests/op_cases/op_cases.h"

namespace lluda::tests {

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

std::vector<OpCase> RingAttentionCases() {
  std::vector<OpCase> cases;
  for (OpCase c : WindowedAttentionCases()) {
    if (c.body.find("window") == std::string::npos || c.dims["T"] > 150) continue;
    for (std::string* text : {&c.declarations, &c.body}) {
      *text = absl::StrReplaceAll(*text, {{"pos[C]", "pos[256]"}});
    }
    c.body = absl::StrReplaceAll(c.body, {{"at %slot %pos :", "at %slot %pos {ring = 256} :"},
                                          {"mask = causal", "mask = causal, ring = 256"}});
    for (int64_t& position : c.integers["pos"]) position += 3 * 256 - 20;
    c.name += "_ring";
    cases.push_back(std::move(c));
  }
  return cases;
}

}  // namespace lluda::tests
