// Weights in blocks: compiled code against the interpreter, and the same bits for any number of rows;
// for every format on the newest instruction set this machine can run, for three of them on all.
#include <cstring>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "codegen/cpu/kernel_test_util.h"
#include "codegen/cpu/matmul/blocks/scaled_dot.h"
#include "codegen/llvm/target.h"
#include "gtest/gtest.h"
#include "ir/type/blocks.h"
#include "ir/type/encoding.h"
#include "tests/support/run_both.h"

namespace lluda::tests {
namespace {

using codegen::Target;

std::vector<ir::DType> BlockDTypes() {
  std::vector<ir::DType> dtypes;
  for (size_t i = 0; i < ir::kDTypeCount; ++i) {
    if (ir::IsBlock(static_cast<ir::DType>(i))) dtypes.push_back(static_cast<ir::DType>(i));
  }
  return dtypes;
}

// $X stands for the dtype, $K for an extent of three blocks.
std::string ModuleText(ir::DType dtype, absl::string_view text,
                       machine::DeviceKind device = machine::DeviceKind::kCpu) {
  const std::string name(ir::DTypeName(dtype));
  const std::string k = absl::StrCat(3 * ir::EncodingOf(dtype).elements);
  return codegen::WithPanels(
      absl::StrCat(
          "lluda 1\nmodule @test {\n  symbol T in 1..128\n  symbol S in 1..4\n  symbol C in "
          "64..128\n",
          absl::StrReplaceAll(text, {{"$X", name}, {"$P", absl::StrCat("$", name)}, {"$K", k}}),
          "\n}\n"),
      device);
}

// A format is one formula for vectors of any width, and kernels of blocks of 256 take LLVM seconds:
// one format of each size of block, and one of bytes, show the widths. A GPU's threads have a way of
// their own with each.
std::vector<TestMachine> MachinesFor(ir::DType dtype) {
  std::vector<TestMachine> all = AllTestMachines();
  const bool shows_widths =
      dtype == ir::DType::kQ4_0 || dtype == ir::DType::kQ8_0 || dtype == ir::DType::kQ6K;
  if (!shows_widths) all.erase(all.begin(), all.end() - 2);
  return all;
}

class BlockDiffTest : public ::testing::TestWithParam<ir::DType> {
 protected:
  // The relative error of @f, at most over the instruction sets.
  void ExpectClose(absl::string_view text, int64_t tokens, double bound,
                   std::map<std::string, std::vector<int64_t>> integers = {}) {
    for (const TestMachine& machine : MachinesFor(GetParam())) {
      const std::string module = ModuleText(GetParam(), text, machine.kind());
      RunOptions options;
      options.integers = integers;
      const auto both = RunBoth(module, {{"T", tokens}, {"S", 1}, {"C", 64}}, machine.target,
                                options, machine.runs_on);
      ASSERT_TRUE(both.ok()) << both.status() << module;
      EXPECT_LE(RelativeError(both->compiled, both->interpreted), bound)
          << machine.name << ", " << tokens << " tokens";
    }
  }
};

TEST_P(BlockDiffTest, DequantizeIsTheInterpretersToTheBit) {
  ExpectClose(R"(
  weight @w : $X n[5] k[$K] from "w"
  func @f(%x: f32 n[5]) -> f32 n[5] k[$K] {
    %r = dequantize @w : f32 n[5] k[$K]
    return %r
  })",
              1, 0);
}

TEST_P(BlockDiffTest, GatherPicksRowsOfATableAndOfPanels) {
  ExpectClose(R"(
  weight @w : $X v[37] k[$K] from "w"
  load {
    @p = pack @w over k {tile = $P} : $X v[37] k[$K] @panel($P, k)
  }
  func @f(%i: i32 tok[T], %j: i32 tok[T]) -> f32 tok[T] k[$K] {
    %a = gather @w over v at %i : f32 tok[T] k[$K]
    %b = gather @p over v at %j : f32 tok[T] k[$K]
    %r = add %a %b : f32 tok[T] k[$K]
    return %r
  })",
              4, 0, {{"i", {36, 0, 17, 5}}, {"j", {0, 36, 15, 16}}});
}

// As the rows of queries and keys are put in order where they lie in pairs: two heads of 18 rows. What is
// packed are they, and a slice of them; the rest reads them as they are.
TEST_P(BlockDiffTest, RowsOfBlocksMoveAsTheyAre) {
  constexpr absl::string_view kModule = R"(
  weight @w : $X n[36] k[$K] from "w"
  load {
    %paired = split @w n -> head[2] pair[9] half[2] : $X head[2] pair[9] half[2] k[$K]
    %halves = permute %paired to head half pair k : $X head[2] half[2] pair[9] k[$K]
    @rows = merge %halves head half pair -> n[36] : $X n[36] k[$K]
    @all = pack @rows over k {tile = $P} : $X n[36] k[$K] @panel($P, k)
    %some = slice @rows n 3..20 as m[17] : $X m[17] k[$K]
    @part = pack %some over k {tile = $P} : $X m[17] k[$K] @panel($P, k)
  }
  func @f(%x: f32 tok[T] k[$K], %i: i32 tok[T]) -> f32 $R {
    $S
    return %r
  })";
  const auto module = [&](absl::string_view result, absl::string_view statements) {
    return absl::StrReplaceAll(kModule, {{"$R", result}, {"$S", statements}});
  };
  const std::map<std::string, std::vector<int64_t>> picked = {{"i", {0, 15, 7}}};
  ExpectClose(module("n[36] k[$K]", "%r = dequantize @rows : f32 n[36] k[$K]"), 3, 0, picked);
  ExpectClose(module("tok[T] k[$K]", R"(
    %part = slice @rows n 20..36 as m[16] : $X m[16] k[$K]
    %r = gather %part over m at %i : f32 tok[T] k[$K])"),
              3, 0, picked);
  ExpectClose(module("tok[T] n[36]", "%r = matmul %x @all over k : f32 tok[T] n[36]"), 3, 1e-6,
              picked);
  ExpectClose(module("tok[T] m[17]", "%r = matmul %x @part over k : f32 tok[T] m[17]"), 3, 1e-6,
              picked);
}

// Parts of 16, 8 and 13 rows: at a panel's edge and inside one. 37 columns are no whole panels.
TEST_P(BlockDiffTest, MatmulReadsPanelsPackedOfSeveralWeights) {
  for (const auto& [a, tokens] :
       {std::pair("bf16", 1), std::pair("f32", 5), std::pair("bf16", 13), std::pair("bf16", 70)}) {
    ExpectClose(absl::StrReplaceAll(R"(
  weight @a : $X q[16] k[$K] from "a"
  weight @b : $X kd[8] k[$K] from "b"
  weight @c : $X vd[13] k[$K] from "c"
  load {
    @p = pack @a @b @c q kd vd -> qkv[37] over k {tile = $P} : $X qkv[37] k[$K] @panel($P, k)
  }
  func @f(%x: $A tok[T] k[$K]) -> f32 tok[T] qkv[37] {
    %r = matmul %x @p over k : f32 tok[T] qkv[37]
    return %r
  })",
                                    {{"$A", a}}),
                tokens, 1e-6);
  }
}

TEST_P(BlockDiffTest, MatmulReadsRowsAndVectors) {
  ExpectClose(R"(
  weight @w : $X n[5] k[$K] from "w"
  func @f(%x: f32 tok[T] k[$K]) -> f32 tok[T] n[5] {
    %r = matmul %x @w over k : f32 tok[T] n[5]
    return %r
  })",
              3, 1e-6);
  ExpectClose(R"(
  weight @w : $X n[37] k[$K] from "w"
  load {
    @p = pack @w over k {tile = $P} : $X n[37] k[$K] @panel($P, k)
  }
  func @f(%x: f32 k[$K]) -> f32 n[37] {
    %r = matmul %x @p over k : f32 n[37]
    return %r
  })",
              1, 1e-6);
}

TEST_P(BlockDiffTest, EpiloguesWorkOnHalvesAndHeads) {
  for (const int64_t tokens : {1, 9, 66}) {
    ExpectClose(R"(
  weight @w : $X n[96] k[$K] from "w"
  weight @v : $X m2[64] k[$K] from "v"
  weight @s : f32 dim[32] from "s"
  load {
    @p = pack @w over k {tile = $P} : $X n[96] k[$K] @panel($P, k)
    @h = pack @v over k {tile = $P} : $X m2[64] k[$K] @panel($P, k)
  }
  func @f(%x: bf16 tok[T] k[$K]) -> f32 tok[T] m[48] h[2] dim[32] {
    %a = matmul %x @p over k -> m[48] {epilogue = silu_mul} : f32 tok[T] m[48]
    %b = matmul %x @h @s over k -> h[2] dim[32] {epilogue = norm, eps = 1e-06} : f32 tok[T] h[2] dim[32]
    %r = mul %a %b : f32 tok[T] m[48] h[2] dim[32]
    return %r
  })",
                tokens, 4e-6);
  }
}

// Every row of 40 has the bits of the first that was seen, which `alone` keeps.
void ExpectRowsAlike(const std::vector<float>& rows, std::vector<float>* alone,
                     const std::string& what) {
  constexpr size_t kColumns = 40;
  if (alone->empty()) alone->assign(rows.begin(), rows.begin() + kColumns);
  for (size_t t = 0; t < rows.size() / kColumns; ++t) {
    ASSERT_EQ(std::memcmp(rows.data() + t * kColumns, alone->data(), kColumns * sizeof(float)), 0)
        << what << ", token " << t;
  }
}

// All tokens are the same one, so all rows are; and what is kept in blocks and what is dequantised
// while loading are the same numbers, summed alike where a machine multiplies values.
TEST_P(BlockDiffTest, ATokensBitsDoNotDependOnTheOthersNorOnWhereBlocksAreDecoded) {
  const auto text = [](absl::string_view load, machine::DeviceKind device) {
    return ModuleText(GetParam(),
                      absl::StrCat(R"(
  weight @x : bf16 v[3] k[$K] from "x"
  weight @w : $X n[40] k[$K] from "w"
  load {
    )",
                                   load, R"(
  }
  func @f(%i: i32 tok[T]) -> f32 tok[T] n[40] {
    %a = gather @x over v at %i : bf16 tok[T] k[$K]
    %r = matmul %a @p over k : f32 tok[T] n[40]
    return %r
  })"),
                      device);
  };
  for (const TestMachine& machine : MachinesFor(GetParam())) {
    const std::string kept =
        text("@p = pack @w over k {tile = $P} : $X n[40] k[$K] @panel($P, k)", machine.kind());
    const std::string wide = text(
        "%d = dequantize @w : f32 n[40] k[$K]\n"
        "@p = pack %d over k {tile = $f32} : f32 n[40] k[$K] @panel($f32, k)",
        machine.kind());
    const bool multiplies_numbers =
        machine.kind() == machine::DeviceKind::kGpu ||
        codegen::ScaledTile(machine.target, ir::DType::kBF16, GetParam()) != nullptr;
    std::vector<float> alone;
    for (const auto& [module, tokens] :
         {std::pair(&kept, 1), std::pair(&kept, 3), std::pair(&kept, 7), std::pair(&kept, 21),
          std::pair(&kept, 70), std::pair(&wide, 10)}) {
      if (module == &wide && multiplies_numbers) continue;
      RunOptions options;
      options.threads = tokens % 2 == 0 ? 1 : 3;
      options.integers = {{"i", std::vector<int64_t>(tokens, 2)}};
      const auto both = RunBoth(*module, {{"T", tokens}, {"S", 1}, {"C", 64}}, machine.target,
                                options, machine.runs_on);
      ASSERT_TRUE(both.ok()) << both.status();
      ExpectRowsAlike(both->compiled, &alone, absl::StrCat(machine.name, ", ", tokens, " tokens"));
    }
  }
}

// Of an axis of `depth`, whose matrix is in blocks, one token among 1, 9 and 67.
void ExpectATokensBitsAlone(const TestMachine& machine, ir::DType dtype, int64_t depth) {
  const std::string text = absl::StrReplaceAll(ModuleText(dtype, R"(
  weight @x : bf16 v[3] k[$N] from "x"
  weight @w : $X n[40] k[$N] from "w"
  load {
    @p = pack @w over k {tile = $P} : $X n[40] k[$N] @panel($P, k)
  }
  func @f(%i: i32 tok[T]) -> f32 tok[T] n[40] {
    %a = gather @x over v at %i : bf16 tok[T] k[$N]
    %r = matmul %a @p over k : f32 tok[T] n[40]
    return %r
  })",
                                                          machine.kind()),
                                               {{"$N", absl::StrCat(depth)}});
  std::vector<float> alone;
  for (const int64_t tokens : {1, 9, 67}) {
    RunOptions options;
    options.integers = {{"i", std::vector<int64_t>(tokens, 1)}};
    const auto both = RunBoth(text, {{"T", tokens}, {"S", 1}, {"C", 64}}, machine.target, options,
                              machine.runs_on);
    ASSERT_TRUE(both.ok()) << both.status();
    EXPECT_LE(RelativeError(both->compiled, both->interpreted), 1e-6);
    ExpectRowsAlike(
        both->compiled, &alone,
        absl::StrCat(machine.name, ", ", ir::DTypeName(dtype), ", ", tokens, " tokens"));
  }
}

// A CPU decodes eight blocks of 32 together where the axis has whole eights, fewer where not. A GPU's
// warps have several segments of the axis each, as many or one less, and the last is whole or not.
TEST(BlockSegmentsTest, ATokensBitsDoNotDependOnTheOthersHoweverLongTheAxisIs) {
  constexpr std::pair<ir::DType, int64_t> kCases[] = {
      {ir::DType::kQ8_0, 1024}, {ir::DType::kQ4_0, 1312}, {ir::DType::kQ5_0, 1024},
      {ir::DType::kQ5_1, 192},  {ir::DType::kQ4K, 1024},  {ir::DType::kQ6K, 2304}};
  std::vector<TestMachine> machines = AllTestMachines();
  machines.erase(machines.begin(), machines.end() - 3);
  for (const TestMachine& machine : machines) {
    for (const auto& [dtype, depth] : kCases) ExpectATokensBitsAlone(machine, dtype, depth);
  }
}

// Activations in blocks, too: every instruction set, several rows and panels, halves and heads.
class IntegerDiffTest : public ::testing::TestWithParam<ir::DType> {
 protected:
  static std::string Text(absl::string_view func) {
    return ModuleText(GetParam(), absl::StrReplaceAll(absl::StrCat(R"(
  weight @x : bf16 v[9] k[$K] from "x"
  weight @w : $X n[$N] k[$K] from "w"
  weight @s : f32 dim[32] from "s"
  load {
    @p = pack @w over k {tile = $P} : $X n[$N] k[$K] @panel($P, k)
  }
  )",
                                                                   func),
                                                      {{"$A", "q8_f32 tok[T] k[$K]"}}));
  }
};

TEST_P(IntegerDiffTest, IntegersAreSummedExactly) {
  for (const auto& [columns, tokens] : {std::pair(37, 1), std::pair(64, 5), std::pair(40, 13)}) {
    const std::string text = absl::StrReplaceAll(Text(R"(
  func @f(%x: bf16 tok[T] k[$K]) -> f32 tok[T] n[$N] {
    %a = quantize_blocks %x {out = q8_f32} : $A
    %r = matmul %a @p over k : f32 tok[T] n[$N]
    return %r
  })"),
                                                 {{"$N", absl::StrCat(columns)}, {"$K", "96"}});
    for (const Target& target : codegen::RunnableTargets()) {
      const auto both = RunBoth(text, {{"T", tokens}, {"S", 1}, {"C", 64}}, target, {});
      ASSERT_TRUE(both.ok()) << both.status() << text;
      EXPECT_LE(RelativeError(both->compiled, both->interpreted), 1e-6)
          << codegen::IsaName(target.isa) << ", " << tokens << " tokens";
    }
  }
}

TEST_P(IntegerDiffTest, EpiloguesWorkOnHalvesAndHeads) {
  for (const int64_t tokens : {1, 7}) {
    const std::string text = absl::StrReplaceAll(Text(R"(
  func @f(%x: bf16 tok[T] k[$K]) -> f32 tok[T] m[32] h[2] dim[32] {
    %a = quantize_blocks %x {out = q8_f32} : $A
    %m = matmul %a @p over k -> m[32] {epilogue = silu_mul} : f32 tok[T] m[32]
    %h = matmul %a @p @s over k -> h[2] dim[32] {epilogue = norm, eps = 1e-06} : f32 tok[T] h[2] dim[32]
    %r = mul %m %h : f32 tok[T] m[32] h[2] dim[32]
    return %r
  })"),
                                                 {{"$N", "64"}, {"$K", "96"}});
    for (const Target& target : codegen::RunnableTargets()) {
      const auto both = RunBoth(text, {{"T", tokens}, {"S", 1}, {"C", 64}}, target, {});
      ASSERT_TRUE(both.ok()) << both.status() << text;
      EXPECT_LE(RelativeError(both->compiled, both->interpreted), 4e-6)
          << codegen::IsaName(target.isa) << ", " << tokens << " tokens";
    }
  }
}

TEST_P(IntegerDiffTest, ATokensBitsDoNotDependOnTheOthers) {
  const std::string text = absl::StrReplaceAll(Text(R"(
  func @f(%i: i32 tok[T]) -> f32 tok[T] n[$N] {
    %x = gather @x over v at %i : bf16 tok[T] k[$K]
    %a = quantize_blocks %x {out = q8_f32} : $A
    %r = matmul %a @p over k : f32 tok[T] n[$N]
    return %r
  })"),
                                               {{"$N", "40"}, {"$K", "96"}});
  for (const Target& target : codegen::RunnableTargets()) {
    std::vector<float> alone;
    for (const int64_t tokens : {1, 2, 3, 6, 21}) {
      RunOptions options;
      options.threads = tokens % 2 == 0 ? 1 : 3;
      // The last one is always the same, beside others.
      std::vector<int64_t> ids;
      for (int64_t t = 0; t < tokens; ++t) ids.push_back((tokens - 1 - t) % 9);
      options.integers = {{"i", ids}};
      const auto both = RunBoth(text, {{"T", tokens}, {"S", 1}, {"C", 64}}, target, options);
      ASSERT_TRUE(both.ok()) << both.status();
      const float* last = both->compiled.data() + (tokens - 1) * 40;
      if (alone.empty()) alone.assign(last, last + 40);
      EXPECT_EQ(std::memcmp(last, alone.data(), 40 * sizeof(float)), 0)
          << codegen::IsaName(target.isa) << ", " << tokens << " tokens";
    }
  }
}

// What is left of a row after its rounding to blocks, of weights and of a step's rows.
TEST_P(IntegerDiffTest, TheNormOfWhatRoundingLosesIsThatOfTheBlocks) {
  const std::string text = absl::StrReplaceAll(R"(lluda 1
module @test {
  symbol T in 1..64
  weight @w : bf16 n[19] k[96] from "w"
  load {
    %q = quantize_blocks @w {out = $X} : $X n[19] k[96]
    @lost = l2_norm @w %q over k : f32 n[19]
  }
  func @f(%x: f32 tok[T] k[96]) -> f32 tok[T] n[19] {
    %q = quantize_blocks %x {out = q8_f32} : q8_f32 tok[T] k[96]
    %n = l2_norm %x %q over k : f32 tok[T]
    %r = mul %n @lost : f32 tok[T] n[19]
    return %r
  }
})",
                                               {{"$X", ir::DTypeName(GetParam())}});
  for (const Target& target : codegen::RunnableTargets()) {
    const auto both = RunBoth(text, {{"T", 5}}, target, {});
    ASSERT_TRUE(both.ok()) << both.status() << text;
    EXPECT_LE(RelativeError(both->compiled, both->interpreted), 1e-6);
  }
}

INSTANTIATE_TEST_SUITE_P(Formats, IntegerDiffTest,
                         ::testing::Values(ir::DType::kQ8_0, ir::DType::kQ4_0, ir::DType::kQ4_1,
                                           ir::DType::kQ5_0, ir::DType::kQ5_1, ir::DType::kQ8F32),
                         [](const auto& info) { return std::string(ir::DTypeName(info.param)); });

INSTANTIATE_TEST_SUITE_P(Formats, BlockDiffTest, ::testing::ValuesIn(BlockDTypes()),
                         [](const auto& info) { return std::string(ir::DTypeName(info.param)); });

// Decoding what was encoded shows every byte but those that nothing depends on. `quantised` makes @q of
// @w, with rows of $K; $X stands for the dtype, $A for the axes before the rows'.
void ExpectSameBlocks(const std::string& out, absl::string_view from, absl::string_view quantised,
                      float spread, absl::string_view axes = "n[19]") {
  const ir::DType dtype = *ir::DTypeFromName(out);
  const bool is_long = ir::EncodingOf(dtype).elements == 256;
  const std::string text = absl::StrReplaceAll(
      absl::StrCat("lluda 1\nmodule @test {\n", quantised, R"(
  func @f(%x: f32 $A) -> f32 $A k[$K] {
    %r = dequantize @q : f32 $A k[$K]
    return %r
  }
})"),
      {{"$F", from}, {"$X", out}, {"$A", axes}, {"$K", is_long ? "512" : "96"}});
  for (const TestMachine& machine :
       ir::TakesImportance(dtype) ? MachinesFor(dtype) : AllTestMachines()) {
    RunOptions options;
    options.weight_spread = spread;
    const auto both = RunBoth(text, {}, machine.target, options, machine.runs_on);
    ASSERT_TRUE(both.ok()) << both.status();
    EXPECT_EQ(both->compiled, both->interpreted)
        << out << " of " << from << " times " << spread << ", " << machine.name;
  }
}

TEST(QuantizeBlocksTest, CompiledCodeWritesTheInterpretersBlocks) {
  for (const char* out : {"q8_0", "q4_0", "q4_1", "q5_0", "q5_1", "q8_f32", "q2_k", "q3_k", "q4_k",
                          "q5_k", "q6_k", "iq4_nl", "iq4_xs"}) {
    const bool is_searched = ir::TakesImportance(*ir::DTypeFromName(out));
    for (const char* from : {"f32", "bf16", "f16"}) {
      for (const float spread : {1.0f, 1e-3f, 300.0f}) {
        // A search takes LLVM a second.
        if (is_searched && from != std::string(spread == 1 ? "bf16" : "f32")) continue;
        ExpectSameBlocks(out, from, R"(
  weight @w : $F n[19] k[$K] from "w"
  load {
    @q = quantize_blocks @w {out = $X} : $X n[19] k[$K]
  })",
                         spread);
      }
    }
  }
}

TEST(QuantizeBlocksTest, CompiledCodeWeighsByTheSameImportances) {
  for (const char* out : {"q2_k", "q3_k", "q4_k", "q5_k", "q6_k", "iq4_nl", "iq4_xs"}) {
    ExpectSameBlocks(out, "bf16", R"(
  weight @w : $F n[19] k[$K] from "w"
  weight @v : f32 k[$K] from "v"
  load {
    %squares = mul @v @v : f32 k[$K]
    @q = quantize_blocks @w %squares {out = $X} : $X n[19] k[$K]
  })",
                     1);
  }
}

TEST(QuantizeBlocksTest, EachExpertMayHaveItsOwnImportances) {
  for (const char* out : {"q4_k", "iq4_nl"}) {
    ExpectSameBlocks(out, "bf16", R"(
  weight @w : $F $A k[$K] from "w"
  weight @v : f32 expert[3] k[$K] from "v"
  load {
    %squares = mul @v @v : f32 expert[3] k[$K]
    @q = quantize_blocks @w %squares {out = $X} : $X $A k[$K]
  })",
                     1, "expert[3] n[5]");
  }
}

}  // namespace
}  // namespace lluda::tests
