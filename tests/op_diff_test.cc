// Every op as compiled code against the interpreter: shapes with odd ends, dtypes, every
// instruction set this machine can run, and a GPU that is simulated. The rows are in tests/op_cases, but
// for those of epilogues and of what several kernels do together.
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "codegen/llvm/target.h"
#include "gtest/gtest.h"
#include "ir/op/all_epilogues.h"
#include "tests/op_cases/op_case.h"
#include "tests/op_cases/op_cases.h"
#include "tests/support/run_both.h"

namespace lluda::tests {
namespace {

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
  std::vector<OpCase> cases;
  for (const auto& [dtype, rows] :
       {std::pair("bf16", 1), std::pair("bf16", 11), std::pair("bf16", 71), std::pair("q8_0", 1),
        std::pair("q8_0", 71), std::pair("q4_k", 11)}) {
    const PackedWeight wa = Packed("a", dtype, "q[128] hid[512]", "hid"),
                       wb = Packed("b", dtype, "kv[64] hid[512]", "hid"),
                       wc = Packed("c", dtype, "ff[96] hid[512]", "hid");
    cases.push_back(
        OpCase(absl::StrCat("norm_and_projections_", dtype, "_", rows))
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
    {ir::EpilogueStep::kKeep, "", ", %y: f32 $R n[$N], %l: f32 $R", " %y %l"},
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

// Long rows are cut into items, the last of which is shorter.
std::vector<OpCase> LongRowCases() {
  const std::string row = "f32 tok[T] x[16432]";
  return {OpCase("keep_long")
              .Takes(absl::StrCat("%a: ", row, ", %b: f32 tok[T]"))
              .Returns(row)
              .Body(absl::StrCat("%c = mul %a %b : ", row, "\n%r = keep %a %c %b : ", row))
              .Dims({{"T", 3}})
              .Bound(1e-7)};
}

std::vector<OpCase> AllCases(const codegen::Target& target) {
  std::vector<OpCase> all;
  for (const auto& cases :
       {ElementwiseCases(), CastCases(), MatmulCases(), RowCases(), MoveCases(), AttentionCases(),
        QuantizedAttentionCases(), WindowedAttentionCases(), RingAttentionCases(), QuantizeCases(),
        InterleavedCases(target), GroupCases(), EpilogueCases(), LongRowCases()}) {
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
    if (machine.kind() != machine::DeviceKind::kCpu) continue;
    for (OpCase& op : HostRowCases()) params.push_back({machine, std::move(op)});
  }
  const TestMachine old_gpu = OldGpu();
  for (OpCase& op : AllCases(old_gpu.target)) {
    if (absl::StrContains(op.body, "matmul")) params.push_back({old_gpu, std::move(op)});
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
