// What kernels say of their cost (KernelInfo::item_cost) decides which calls are shared between
// threads. It need not be right, but it has to know a long call from a short one: of two calls of
// which one claims to take many times as long, that one does.
#include <algorithm>
#include <string>
#include <vector>

#include "codegen/cpu/kernel_test_util.h"
#include "gtest/gtest.h"
#include "runtime/bound_dims.h"
#include "runtime/timeline.h"

namespace lluda::codegen {
namespace {

constexpr int64_t kTokens = 64;
constexpr int64_t kCapacity = 1024;
// Claims that differ less are not compared, and none below what is worth sharing at all. Rough as
// the formulas are, and busy as the machine may be, a call that claims so much more takes longer.
constexpr int64_t kMargin = 32;
constexpr int64_t kLeastNanoseconds = 6000;
constexpr int kRuns = 15;

// The kernels of a model, each on little and on much, in no order.
constexpr char kKernels[] = R"(
  weight @ns : f32 x[16] from "ns"
  weight @nl : f32 x[2048] from "nl"
  weight @ws : bf16 n[32] k[64] from "ws"
  weight @wl : bf16 n[512] k[2048] from "wl"
  state @kc : bf16 slot[S] kv[4] pos[C] dim[64] @panel($bf16, dim)
  state @vc : bf16 slot[S] kv[4] pos[C] dim[64]
  load {
    @ps = pack @ws over k {tile = $bf16} : bf16 n[32] k[64] @panel($bf16, k)
    @pl = pack @wl over k {tile = $bf16} : bf16 n[512] k[2048] @panel($bf16, k)
  }
  func @f(%s: f32 x[16], %l: f32 tok[T] x[2048], %as: bf16 k[64], %al: bf16 tok[T] k[2048], %q: bf16 tok[T] kv[4] rep[2] dim[64], %kn: bf16 tok[T] kv[4] dim[64], %c: f32 tok[T] pair[32], %pos: i32 tok[T], %slot: i32 tok[T], %qd: f32 tok[T] kv[4] dim[64]) -> f32 tok[T] kv[4] rep[2] dim[64] {
    %add_short = add %s %s : f32 x[16]
    %add_long = add %l %l : f32 tok[T] x[2048]
    %silu_short = silu %s : f32 x[16]
    %silu_long = silu %l : f32 tok[T] x[2048]
    %cast_short = cast %s {out = bf16} : bf16 x[16]
    %cast_long = cast %l {out = bf16} : bf16 tok[T] x[2048]
    %sum_short = reduce_sum %s over x : f32
    %sum_long = reduce_sum %l over x : f32 tok[T]
    %softmax_short = softmax %s over x : f32 x[16]
    %softmax_long = softmax %l over x : f32 tok[T] x[2048]
    %rmsnorm_short = rmsnorm %s @ns over x {eps = 1e-06} : f32 x[16]
    %rmsnorm_long = rmsnorm %l @nl over x {eps = 1e-06} : f32 tok[T] x[2048]
    %gather_long = gather @wl over n at %pos : bf16 tok[T] k[2048]
    %scale_of = quantize_scale %qd over dim : f32 tok[T] kv[4]
    %quantized = quantize %qd %scale_of : i8 tok[T] kv[4] dim[64]
    %rope = rope %qd %c %c over dim {style = half} : f32 tok[T] kv[4] dim[64]
    %matmul_short = matmul %as @ps over k : f32 n[32]
    %matmul_long = matmul %al @pl over k : f32 tok[T] n[512]
    %rows_short = matmul %as @ws over k : f32 n[32]
    %rows_long = matmul %al @wl over k : f32 tok[T] n[512]
    %ks = append @kc %kn over slot pos at %slot %pos : bf16 slot[S] kv[4] pos[C] dim[64] @panel($bf16, dim)
    %vs = append @vc %kn over slot pos at %slot %pos : bf16 slot[S] kv[4] pos[C] dim[64]
    %attention = attention %q %ks %vs over slot pos dim at %pos %slot {mask = causal, scale = 0.25} : f32 tok[T] kv[4] rep[2] dim[64]
    return %attention
  })";

struct Cost {
  std::string statement;
  int64_t claimed;   // nanoseconds
  int64_t measured;  // the least of kRuns
};

std::vector<Cost> CostsOn(const Target& target) {
  const auto module = PlannedTestModule(kKernels);
  if (module == nullptr) return {};
  const CompiledFunction function(*module, target);
  const std::vector<int64_t> dims = {kTokens, 1, kCapacity};
  const auto states = function.NewStates(dims);
  std::vector<int32_t> positions, slots(kTokens, 0);
  for (int32_t t = 0; t < kTokens; ++t) positions.push_back(400 + t);
  const auto random = [](ir::DType dtype, int64_t count) {
    return Store(dtype, RandomFloats(count, 1));
  };
  const std::vector<std::vector<char>> inputs = {
      random(ir::DType::kF32, 16),
      random(ir::DType::kF32, kTokens * 2048),
      random(ir::DType::kBF16, 64),
      random(ir::DType::kBF16, kTokens * 2048),
      random(ir::DType::kBF16, kTokens * 512),
      random(ir::DType::kBF16, kTokens * 256),
      random(ir::DType::kF32, kTokens * 32),
      Bytes(positions),
      Bytes(slots),
      random(ir::DType::kF32, kTokens * 256),
  };
  const runtime::Program& program = function.executable().program();
  runtime::BoundDims bound(program);
  bound.Bind(dims.data());
  std::vector<Cost> costs;
  for (const runtime::Call& call : program.entry("f").calls) {
    const runtime::Kernel& kernel = program.kernels[call.kernel];
    const int64_t* its_dims = bound.Of(call);
    const int64_t of_item =
        kernel.item_cost * (kernel.cost_symbol < 0 ? 1 : its_dims[kernel.cost_symbol]);
    costs.push_back({call.site.statement, of_item * kernel.work.Count(its_dims), INT64_MAX});
  }
  for (int run = 0; run < kRuns; ++run) {
    runtime::Timeline timeline(1);
    function.executable().RecordTo(&timeline);
    function.Run(*states, dims, inputs, kTokens * 512 * 4);
    function.executable().RecordTo(nullptr);
    for (const runtime::Timeline::Span& span : timeline.calls()) {
      int64_t& least = costs[span.call].measured;
      least = std::min(least, span.end - span.begin);
    }
  }
  return costs;
}

TEST(ItemCost, KnowsLongCallsFromShortOnes) {
  for (const Target& target : RunnableTargets()) {
    SCOPED_TRACE(std::string(IsaName(target.isa)));
    const std::vector<Cost> costs = CostsOn(target);
    int compared = 0;
    for (const Cost& longer : costs) {
      for (const Cost& shorter : costs) {
        if (longer.claimed < std::max(kLeastNanoseconds, kMargin * shorter.claimed)) continue;
        ++compared;
        EXPECT_GT(longer.measured, shorter.measured)
            << longer.statement << " claims " << longer.claimed << " ns and " << shorter.statement
            << " " << shorter.claimed << " ns";
      }
    }
    EXPECT_GT(compared, 50);
  }
}

}  // namespace
}  // namespace lluda::codegen
