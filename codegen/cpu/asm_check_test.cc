// Reads the machine code: the matmul tiles use the instructions their table promises and keep their
// accumulators in registers, and no kernel of a model calls anything or uses registers its
// instruction set lacks.
#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "codegen/cpu/kernel_test_util.h"
#include "frontends/decoder/import.h"
#include "frontends/decoder/weights/expected_tensors.h"
#include "gtest/gtest.h"
#include "passes/default_pipeline.h"

namespace lluda::codegen {
namespace {

using Lines = std::vector<std::string>;

// The instructions and labels of an assembly text, without white space around them.
Lines Instructions(const std::string& assembly) {
  Lines lines;
  for (absl::string_view line : absl::StrSplit(assembly, '\n')) {
    line = absl::StripAsciiWhitespace(line);
    const bool is_label = absl::EndsWith(line, ":");
    const bool is_directive = absl::StartsWith(line, ".") || absl::StartsWith(line, "#");
    if (line.empty() || (is_directive && !is_label)) continue;
    lines.emplace_back(line);
  }
  return lines;
}

// The bodies of the loops that hold no other loop: from a label to the jump back to it.
std::vector<Lines> InnermostLoops(const Lines& lines) {
  std::map<std::string, size_t> labels;
  std::vector<std::pair<size_t, size_t>> loops;
  for (size_t i = 0; i < lines.size(); ++i) {
    if (absl::EndsWith(lines[i], ":")) {
      labels[lines[i].substr(0, lines[i].size() - 1)] = i;
      continue;
    }
    if (lines[i][0] != 'j') continue;
    const std::vector<std::string> parts = absl::StrSplit(lines[i], absl::ByAnyChar(" \t"));
    const auto label = labels.find(parts.back());
    if (label != labels.end()) loops.emplace_back(label->second, i);
  }
  std::vector<Lines> innermost;
  for (const auto& [begin, end] : loops) {
    bool holds_another = false;
    for (const auto& [other_begin, other_end] : loops) {
      const bool same = other_begin == begin && other_end == end;
      holds_another |= !same && other_begin >= begin && other_end <= end;
    }
    if (!holds_another) innermost.emplace_back(lines.begin() + begin, lines.begin() + end + 1);
  }
  return innermost;
}

// What stands between two labels.
std::vector<Lines> Blocks(const Lines& lines) {
  std::vector<Lines> blocks(1);
  for (const std::string& line : lines) {
    if (absl::EndsWith(line, ":")) blocks.emplace_back();
    blocks.back().push_back(line);
  }
  return blocks;
}

bool IsCall(const std::string& line) {
  const bool leaves = absl::StartsWith(line, "jmp") && !absl::StrContains(line, ".L") &&
                      !absl::StrContains(line, "*");
  return absl::StartsWith(line, "call") || leaves;
}

// "%ymm3" of "vfmadd231ps %ymm1, %ymm2, %ymm3"; "" when the line writes to no vector register.
std::string WrittenRegister(const std::string& line) {
  const size_t at = line.rfind("mm");
  const bool is_last = at != std::string::npos && absl::StrContains("xyz", line[at - 1]) &&
                       line.find_first_not_of("0123456789", at + 2) == std::string::npos;
  return is_last ? line.substr(at - 2) : "";
}

// How often the loop stores a sum to the stack: the register that an accumulating instruction wrote
// last. Constants and columns that wait on the stack are not counted.
int SpilledSums(const Lines& loop, const std::string& accumulate) {
  std::map<std::string, bool> is_sum;  // by register
  int spills = 0;
  for (const std::string& line : loop) {
    const std::string written = WrittenRegister(line);
    if (!written.empty()) is_sum[written] = absl::StartsWith(line, accumulate);
    if (!absl::EndsWith(line, "(%rsp)")) continue;
    for (const auto& [reg, sum] : is_sum) spills += sum && absl::StrContains(line, reg + ",");
  }
  return spills;
}

// What an instruction set's tiles multiply with.
struct Promise {
  Isa isa;
  Dot dot;
  std::vector<std::string> mnemonics;  // prefixes; each must occur, the last one accumulates
  std::string reg;                     // of the operands
  int lanes;                           // of that register
  // Sums stored to the stack per accumulation when B has 16-bit elements, whose widening needs
  // registers, too. With f32 no sum leaves its register.
  double spilled_sums;
};
const Promise kPromises[] = {
    {Isa::kGeneric, Dot::kWiden, {"mulps", "addps"}, "%xmm", 4, 0.3},
    {Isa::kAvx2, Dot::kWiden, {"vfmadd"}, "%ymm", 8, 0.1},
    {Isa::kAvx512, Dot::kWiden, {"vfmadd"}, "%zmm", 16, 0},
    {Isa::kAvx512Bf16, Dot::kBf16Pair, {"vdpbf16ps"}, "%zmm", 16, 0},
    {Isa::kAmx, Dot::kWiden, {"vfmadd"}, "%zmm", 16, 0},
    {Isa::kAmx, Dot::kAmx, {"tdpbf16ps"}, "%tmm", 16 * kPanelRows, 0},
};

const Promise* FindPromise(const TileRow& row) {
  for (const Promise& promise : kPromises) {
    if (promise.isa == row.isa && promise.dot == row.dot) return &promise;
  }
  return nullptr;
}

int Count(const Lines& lines, const std::string& mnemonic, const std::string& reg) {
  int count = 0;
  for (const std::string& line : lines) {
    count += absl::StartsWith(line, mnemonic) && absl::StrContains(line, reg);
  }
  return count;
}

std::string MatmulAssembly(const TileRow& row, const Target& target) {
  const auto module = ParseTestModule(absl::StrReplaceAll(
      R"(
  weight @w : $B n[64] k[256] from "w"
  load {
    @p = pack @w over k {tile = 16x$D} : $B n[64] k[256] @panel(16x$D, k)
  }
  func @f(%a: $A tok[T] k[256]) -> f32 tok[T] n[64] {
    %r = matmul %a @p over k : f32 tok[T] n[64]
    return %r
  })",
      {{"$A", ir::DTypeName(row.a)},
       {"$B", ir::DTypeName(row.b)},
       {"$D", absl::StrCat(row.depth)}}));
  const auto assembly = AssemblyOf(SpecOf(FindOp(*module, "r")), target, *module);
  EXPECT_TRUE(assembly.ok()) << assembly.status();
  return assembly.ok() ? *assembly : "";
}

TEST(MatmulAssembly, MultipliesAsTheTileTablePromisesWithAccumulatorsInRegisters) {
  if (!CompilesForX86()) GTEST_SKIP() << "the table's instructions are those of x86";
  for (const TileRow& row : AllTiles()) {
    const std::string name =
        absl::StrCat(IsaName(row.isa), " ", ir::DTypeName(row.a), " x ", ir::DTypeName(row.b));
    SCOPED_TRACE(name);
    const Promise* promise = FindPromise(row);
    ASSERT_NE(promise, nullptr) << "say here what this row promises";
    const Target target = TargetToRead(row.isa);
    if (!ir::IsFloat(row.b)) continue;  // attention's; no matmul widens integers
    if (target.FindMatmulTile(row.a, row.b) != &row) {
      ASSERT_EQ(target.FindTile(row.a, row.b), &row);
      continue;  // attention's tile, while matmuls have a better one
    }
    const Lines lines = Instructions(MatmulAssembly(row, target));
    int most = 0;
    // Beside each step on tiles of AMX there are loops that fetch panels and finish other rows.
    for (const Lines& loop : row.dot == Dot::kAmx ? Blocks(lines) : InnermostLoops(lines)) {
      const int sums = Count(loop, promise->mnemonics.back(), promise->reg);
      if (sums == 0) continue;
      most = std::max(most, sums);
      for (const std::string& mnemonic : promise->mnemonics) {
        EXPECT_GE(Count(loop, mnemonic, promise->reg), sums) << mnemonic;
      }
      EXPECT_EQ(std::count_if(loop.begin(), loop.end(), IsCall), 0);
      // Widening f16 without an instruction for it takes more registers than the sums do.
      if (row.b == ir::DType::kF16 && row.isa == Isa::kGeneric) continue;
      const double allowed = row.b == ir::DType::kF32 ? 0 : promise->spilled_sums * sums;
      EXPECT_LE(SpilledSums(loop, promise->mnemonics.back()), allowed) << "of " << sums;
    }
    // One per accumulator and step of the contracted axis.
    EXPECT_GE(most, row.rows * row.panels * kPanelRows / promise->lanes);
  }
}

TEST(IntegerAssembly, MultipliesBytesAsTheTableSays) {
  if (!CompilesForX86()) GTEST_SKIP() << "the table's instructions are those of x86";
  const struct {
    Isa isa;
    const char* mnemonic;
    const char* reg;
    int columns;  // of a register
  } promises[] = {{Isa::kAvx2, "vpmaddubsw", "%ymm", 8},
                  {Isa::kAvx512, "vpmaddubsw", "%zmm", 16},
                  {Isa::kAvx512Bf16, "vpdpbusd", "%zmm", 16},
                  {Isa::kAmx, "vpdpbusd", "%zmm", 16}};
  for (const char* dtype : {"q8_0", "q4_0", "q5_1"}) {
    auto module = ParseTestModule(absl::StrReplaceAll(R"(
  weight @w : $B n[64] k[128]
  load {
    @p = pack @w over k {tile = $$B} : $B n[64] k[128] @panel($$B, k)
  }
  func @f(%x: bf16 tok[T] k[128]) -> f32 tok[T] n[64] {
    %a = quantize_blocks %x {out = q8_f32} : q8_f32 tok[T] k[128]
    %r = matmul %a @p over k : f32 tok[T] n[64]
    return %r
  })",
                                                      {{"$B", dtype}}));
    ASSERT_NE(module, nullptr);
    for (const auto& promise : promises) {
      SCOPED_TRACE(absl::StrCat(IsaName(promise.isa), " ", dtype));
      const auto assembly =
          AssemblyOf(SpecOf(FindOp(*module, "r")), TargetToRead(promise.isa), *module);
      ASSERT_TRUE(assembly.ok()) << assembly.status();
      int most = 0;
      for (const Lines& loop : InnermostLoops(Instructions(*assembly))) {
        most = std::max(most, static_cast<int>(Count(loop, promise.mnemonic, promise.reg)));
        EXPECT_EQ(std::count_if(loop.begin(), loop.end(), IsCall), 0);
      }
      // Four elements of a column at a time.
      const machine::IntegerTile& tile = machine::FindIntegerTile(promise.isa);
      EXPECT_GE(most, tile.rows * tile.panels * kPanelRows / promise.columns * 32 / 4);
    }
  }
}

TEST(ScaledAssembly, MultipliesTheNumbersOfBlocksInPairsWithAllSumsInRegisters) {
  if (!CompilesForX86()) GTEST_SKIP() << "the table's instructions are those of x86";
  const machine::TileRow& tile = *machine::FindScaledTile(Isa::kAvx512Bf16);
  for (const char* dtype : {"q8_0", "q4_0", "q5_1"}) {
    SCOPED_TRACE(dtype);
    auto module = ParseTestModule(absl::StrReplaceAll(R"(
  weight @w : $B n[64] k[128]
  load {
    @p = pack @w over k {tile = $$B} : $B n[64] k[128] @panel($$B, k)
  }
  func @f(%x: bf16 tok[T] k[128]) -> f32 tok[T] n[64] {
    %r = matmul %x @p over k : f32 tok[T] n[64]
    return %r
  })",
                                                      {{"$B", dtype}}));
    ASSERT_NE(module, nullptr);
    const auto assembly = AssemblyOf(SpecOf(FindOp(*module, "r")), TargetToRead(tile.isa), *module);
    ASSERT_TRUE(assembly.ok()) << assembly.status();
    int most = 0;
    for (const Lines& loop : InnermostLoops(Instructions(*assembly))) {
      const int products = Count(loop, "vdpbf16ps", "%zmm");
      if (products == 0) continue;
      most = std::max(most, products);
      EXPECT_EQ(SpilledSums(loop, "vdpbf16ps"), 0) << "of " << products;
      EXPECT_EQ(std::count_if(loop.begin(), loop.end(), IsCall), 0);
    }
    // Two elements of a column at a time, of a step of 32.
    EXPECT_GE(most, tile.rows * tile.panels * 32 / 2);
  }
}

frontends::decoder::Decoder SmallDecoder() {
  frontends::decoder::Decoder decoder;
  decoder.vocab_size = 100;  // its last panel is partly padding
  decoder.hidden_size = 64;
  decoder.intermediate_size = 48;
  decoder.layers.resize(2);
  decoder.qk_norm = frontends::decoder::QkNorm::kHead;
  decoder.num_attention_heads = 4;
  decoder.num_key_value_heads = 2;
  decoder.head_dim = 16;
  decoder.max_position_embeddings = 128;
  decoder.tie_word_embeddings = true;
  decoder.dtype = "bfloat16";
  return decoder;
}

// How a model is imported and optimised.
struct ModelCase {
  const char* name;
  frontends::Precision precision;
  bool optimised;
};

class ModelAssemblyTest : public ::testing::TestWithParam<ModelCase> {
 protected:
  // Calls check(line) for every instruction of every kernel of the model.
  template <typename Check>
  void ForEachInstruction(Isa isa, const Check& check) {
    const auto decoder = SmallDecoder();
    frontends::decoder::ImportOptions options;
    options.precision = GetParam().precision;
    options.find_tensor = frontends::decoder::TensorsOf(decoder);
    const auto module = frontends::decoder::ImportDecoder(decoder, options);
    ASSERT_TRUE(module.ok()) << module.status();
    if (GetParam().optimised) RunPasses(passes::DefaultPipeline(), module->get());
    for (const KernelSpec& spec : SpecsOf(**module)) {
      const auto assembly = AssemblyOf(spec, TargetToRead(isa), **module);
      ASSERT_TRUE(assembly.ok()) << assembly.status();
      for (const std::string& line : Instructions(*assembly)) {
        if (absl::EndsWith(line, ":")) continue;
        ASSERT_TRUE(check(line)) << IsaName(isa) << ", " << KeyOf(spec) << ": " << line;
      }
    }
  }
};

TEST_P(ModelAssemblyTest, CallsNothing) {
  if (!CompilesForX86()) GTEST_SKIP() << "reads x86 assembly";
  for (const Isa isa : AllIsas()) {
    ForEachInstruction(isa, [](const std::string& line) { return !IsCall(line); });
  }
}

TEST_P(ModelAssemblyTest, UsesNoRegisterItsInstructionSetLacks) {
  if (!CompilesForX86()) GTEST_SKIP() << "reads x86 assembly";
  ForEachInstruction(Isa::kGeneric, [](const std::string& line) {
    return line[0] != 'v' && !absl::StrContains(line, "%ymm") && !absl::StrContains(line, "%zmm");
  });
  ForEachInstruction(Isa::kAvx2, [](const std::string& line) {
    return !absl::StrContains(line, "%zmm") && !absl::StrContains(line, "%k1") &&
           !absl::StrContains(line, "%xmm16");
  });
  ForEachInstruction(Isa::kAvx512,
                     [](const std::string& line) { return !absl::StrContains(line, "bf16"); });
}

INSTANTIATE_TEST_SUITE_P(All, ModelAssemblyTest,
                         ::testing::Values(ModelCase{"bf16", frontends::Precision::kBF16, true},
                                           ModelCase{"f32", frontends::Precision::kF32, true},
                                           ModelCase{"unfused", frontends::Precision::kBF16,
                                                     false}),
                         [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace lluda::codegen
