#include "codegen/cpu/kernel.h"

#include <set>
#include <string>
#include <vector>

#include "codegen/cpu/kernel_test_util.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "ir/op/op_info.h"

namespace lluda::codegen {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

// One of each op that computes something, and a view of each kind that has to copy.
constexpr char kOneOfEach[] = R"(
  weight @w : bf16 n[32] k[16] from "w"
  weight @norm : f32 k[16] from "norm"
  weight @blocks : q8_0 n[4] deep[32] from "blocks"
  weight @floats : bf16 n[4] deep[32] from "floats"
  weight @experts : f32 e[8] n[32] k[16] from "experts"
  state @kc : bf16 slot[S] kv[2] pos[C] dim[16] @panel($bf16, dim)
  state @vc : bf16 slot[S] kv[2] pos[C] dim[16]
  load {
    @p = pack @w over k {tile = $bf16} : bf16 n[32] k[16] @panel($bf16, k)
    @quantised = quantize_blocks @floats {out = q4_0} : q4_0 n[4] deep[32]
  }
  func @f(%x: f32 tok[T] k[16], %y: f32 tok[T] k[16], %pos: i32 tok[T], %slot: i32 tok[T], %q: bf16 tok[T] kv[2] rep[2] dim[16], %kn: bf16 tok[T] kv[2] dim[16], %c: f32 tok[T] pair[8], %s: f32 tok[T] pair[8]) -> f32 tok[T] k[16] {
    %add = add %x %y : f32 tok[T] k[16]
    %sub = sub %x %y : f32 tok[T] k[16]
    %mul = mul %x %y : f32 tok[T] k[16]
    %div = div %x %y : f32 tok[T] k[16]
    %exp = exp %x : f32 tok[T] k[16]
    %silu = silu %x : f32 tok[T] k[16]
    %gelu = gelu %x : f32 tok[T] k[16]
    %erf = erf %x : f32 tok[T] k[16]
    %gelu_erf = gelu_erf %x : f32 tok[T] k[16]
    %tanh = tanh %x : f32 tok[T] k[16]
    %offset = offset %x {by = 1} : f32 tok[T] k[16]
    %dequantize = dequantize @blocks : f32 n[4] deep[32]
    %sin = sin %x : f32 tok[T] k[16]
    %cos = cos %x : f32 tok[T] k[16]
    %scale = scale %x {by = 0.5} : f32 tok[T] k[16]
    %power = power %x {base = 2} : f32 tok[T] k[16]
    %reciprocal = reciprocal %x : f32 tok[T] k[16]
    %iota = iota -> k[16] {step = 0.5} : f32 k[16]
    %literal = literal -> n[3] {values = 0.1 -2 3e-05} : f32 n[3]
    %cast = cast %x {out = bf16} : bf16 tok[T] k[16]
    %mask = causal_mask %x over k at %pos : f32 tok[T] k[16]
    %max = reduce_max %x over k : f32 tok[T]
    %sum = reduce_sum %x over k : f32 tok[T]
    %softmax = softmax %x over k : f32 tok[T] k[16]
    %rmsnorm = rmsnorm %x @norm over k {eps = 1e-06} : f32 tok[T] k[16]
    %norm_add = rmsnorm_add %x @norm %x over k {eps = 1e-06} : f32 tok[T] k[16]
    %layernorm = layernorm %x @norm @norm over k {eps = 1e-05} : f32 tok[T] k[16]
    %pad = pad %x over k {after = 1, before = 1} : f32 tok[T] k[18]
    %rope = rope %x %c %s over k {style = half} : f32 tok[T] k[16]
    %concat = concat %c %s pair -> k[16] : f32 tok[T] k[16]
    %gather = gather @w over n at %slot : bf16 tok[T] k[16]
    %general = matmul %x @w over k : f32 tok[T] n[32]
    %panels = matmul %x @p over k : f32 tok[T] n[32]
    %ks = append @kc %kn over slot pos at %slot %pos : bf16 slot[S] kv[2] pos[C] dim[16] @panel($bf16, dim)
    %vs = append @vc %kn over slot pos at %slot %pos : bf16 slot[S] kv[2] pos[C] dim[16]
    %attention = attention %q %ks %vs over slot pos dim at %pos %slot {mask = causal, scale = 0.25} : f32 tok[T] kv[2] rep[2] dim[16]
    %qscale = quantize_scale %kn over dim : f32 tok[T] kv[2]
    %quantized = quantize %kn %qscale : i8 tok[T] kv[2] dim[16]
    %grouped = split %panels n -> e[8] low[4] : f32 tok[T] e[8] low[4]
    %scores = reduce_sum %grouped over low : f32 tok[T] e[8]
    %top = top_k %scores over e -> top[2] : i32 tok[T] top[2]
    %pick = pick %scores over e at %top : f32 tok[T] top[2]
    %order = order %top : i32 tok[T] top[2]
    %experts = expert_matmul %x @experts over k e at %top %order : f32 tok[T] top[2] n[32]
    %length = l2_norm %x over k : f32 tok[T]
    %nth = nth_largest %scores %pos over e : f32 tok[T]
    %keep = keep %scores %scores %nth : f32 tok[T] e[8]
    %combine = combine %experts %pick over top : f32 tok[T] n[32]
    %low = slice %q dim 0..8 as half[8] : bf16 tok[T] kv[2] rep[2] half[8]
    %merge = merge %low rep half -> flat[16] : bf16 tok[T] kv[2] flat[16]
    return %add
  })";

std::set<std::string> Names(const std::set<ir::Opcode>& opcodes) {
  std::set<std::string> names;
  for (const ir::Opcode opcode : opcodes) names.insert(std::string(ir::Info(opcode).name));
  return names;
}

TEST(EmitKernel, HasARowForEveryOpThatComputesSomething) {
  const auto module = ParseTestModule(kOneOfEach);
  ASSERT_NE(module, nullptr);
  std::set<ir::Opcode> wanted;
  for (const ir::OpInfo& info : ir::AllOps()) {
    if (!ir::IsTerminator(info.opcode)) wanted.insert(info.opcode);
  }
  for (const ir::Opcode opcode : {ir::Opcode::kCall, ir::Opcode::kFor, ir::Opcode::kPermute,
                                  ir::Opcode::kSlice, ir::Opcode::kSplit, ir::Opcode::kWindow}) {
    wanted.erase(opcode);
  }
  for (const Isa isa : AllIsas()) {
    if (!CompilesForX86() && isa != Isa::kGeneric) continue;
    const Target target = TargetToRead(isa);
    std::set<ir::Opcode> emitted;
    for (const KernelSpec& spec : SpecsOf(*module)) {
      const auto text = LlvmIrOf(spec, target, *module);
      EXPECT_TRUE(text.ok()) << text.status();
      emitted.insert(spec.opcode);
    }
    EXPECT_EQ(Names(emitted), Names(wanted));
  }
}

TEST(EmitKernel, RefusesWhatIsNoKernel) {
  const auto module = ParseTestModule(kOneOfEach);
  ASSERT_NE(module, nullptr);
  KernelSpec spec = SpecOf(FindOp(*module, "add"));
  spec.opcode = ir::Opcode::kCall;
  const auto text = LlvmIrOf(spec, TargetToRead(Isa::kGeneric), *module);
  EXPECT_EQ(text.status().code(), absl::StatusCode::kUnimplemented);
  EXPECT_THAT(std::string(text.status().message()),
              AllOf(HasSubstr("no kernel for call"), HasSubstr("not computed by a kernel")));
}

TEST(EmitKernel, RefusesAnAttentionWhoseCacheIsNotInPanels) {
  const auto module = ParseTestModule(R"(
  state @kc : bf16 slot[S] kv[2] pos[C] dim[16]
  func @f(%q: bf16 tok[T] kv[2] dim[16], %kn: bf16 tok[T] kv[2] dim[16], %pos: i32 tok[T], %slot: i32 tok[T]) -> f32 tok[T] kv[2] dim[16] {
    %ks = append @kc %kn over slot pos at %slot %pos : bf16 slot[S] kv[2] pos[C] dim[16]
    %r = attention %q %ks %ks over slot pos dim at %pos %slot {mask = causal, scale = 0.25} : f32 tok[T] kv[2] dim[16]
    return %r
  })");
  ASSERT_NE(module, nullptr);
  const auto text = LlvmIrOf(SpecOf(FindOp(*module, "r")), TargetToRead(Isa::kGeneric), *module);
  EXPECT_EQ(text.status().code(), absl::StatusCode::kUnimplemented);
  EXPECT_THAT(std::string(text.status().message()),
              AllOf(HasSubstr("no kernel for attention"), HasSubstr("panels of 16 positions")));
}

TEST(EmitKernel, RefusesProductsOfIntegersAndSumsOverSeveralAxes) {
  const auto module = ParseTestModule(R"(
  weight @w : i8 n[32] blk[2] k[64] from "w"
  func @f(%x: i8 tok[T] blk[2] k[64], %a: f32 tok[T] blk[2] k[64], %b: f32 n[32] blk[2] k[64], %k: f32 blk[2] k[64]) -> i32 tok[T] blk[2] n[32] {
    %two = matmul %a %b over blk k : f32 tok[T] n[32]
    %all = matmul %k %k over k blk : f32
    %r = matmul %x @w over k : i32 tok[T] blk[2] n[32]
    return %r
  })");
  ASSERT_NE(module, nullptr);
  const std::pair<const char*, const char*> cases[] = {
      {"r", "it multiplies integers"},
      {"two", "it sums over several axes"},
      {"all", "it sums over several axes"},
  };
  for (const auto& [name, reason] : cases) {
    const auto text =
        LlvmIrOf(SpecOf(FindOp(*module, name)), TargetToRead(Isa::kAvx512Bf16), *module);
    EXPECT_EQ(text.status().code(), absl::StatusCode::kUnimplemented) << name;
    EXPECT_THAT(std::string(text.status().message()),
                AllOf(HasSubstr("no kernel for matmul"), HasSubstr(reason)))
        << name;
  }
}

// Passes when the lines stand in the text in this order, other text between them.
void ExpectInOrder(const std::string& text, const std::vector<std::string>& lines) {
  size_t at = 0;
  for (const std::string& line : lines) {
    const size_t found = text.find(line, at);
    ASSERT_NE(found, std::string::npos) << "no '" << line << "' after\n"
                                        << text.substr(0, at) << "\nin\n"
                                        << text;
    at = found + line.size();
  }
}

TEST(EmitKernel, ScalesRowsSixteenLanesAtATimeThenOneByOne) {
  const auto module = ParseTestModule(R"(
  func @f(%x: f32 tok[T] a[40]) -> f32 tok[T] a[40] {
    %r = scale %x {by = 0.5} : f32 tok[T] a[40]
    return %r
  })");
  ASSERT_NE(module, nullptr);
  const auto text = LlvmIrOf(SpecOf(FindOp(*module, "r")), TargetToRead(Isa::kGeneric), *module);
  ASSERT_TRUE(text.ok()) << text.status();
  ExpectInOrder(*text, {
                           "define void @scale_f32_f32_Tx40(ptr noalias %args)",
                           "icmp slt",
                           "load <16 x float>",
                           "fmul <16 x float>",
                           "store <16 x float>",
                           "load float",
                           "fmul float",
                           "store float",
                       });
  EXPECT_THAT(*text, AllOf(HasSubstr("%begin = load i64"), HasSubstr("%end = load i64")));
  EXPECT_THAT(*text, Not(HasSubstr("call")));
  EXPECT_THAT(*text, Not(HasSubstr("alloca")));
}

TEST(EmitKernel, LeavesTheRestOutWhereSixteenDividesTheRow) {
  const auto module = ParseTestModule(R"(
  func @f(%x: f32 tok[T] a[32]) -> f32 tok[T] a[32] {
    %r = scale %x {by = 0.5} : f32 tok[T] a[32]
    return %r
  })");
  ASSERT_NE(module, nullptr);
  const auto text = LlvmIrOf(SpecOf(FindOp(*module, "r")), TargetToRead(Isa::kGeneric), *module);
  ASSERT_TRUE(text.ok()) << text.status();
  EXPECT_THAT(*text, HasSubstr("fmul <16 x float>"));
  EXPECT_THAT(*text, Not(HasSubstr("fmul float")));
}

}  // namespace
}  // namespace lluda::codegen
