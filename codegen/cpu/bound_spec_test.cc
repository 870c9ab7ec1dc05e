#include "codegen/bound_spec.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_replace.h"
#include "codegen/cpu/cpu_backend.h"
#include "codegen/cpu/kernel_test_util.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace lluda::codegen {
namespace {

using ::testing::ElementsAre;

constexpr int64_t kNoWindow = int64_t{1} << 62;

ir::Extent Symbol(const std::string& name) { return ir::Extent::Symbol(name); }
ir::Extent Number(int64_t value) { return ir::Extent::Constant(value); }

// A kind of layers: how many positions its cache has, its window and its ring, if it has them.
struct Layer {
  std::string name, positions, window, ring;
};

// For each of these a function with the statements %ks_NAME and %vs_NAME, which append, and %o_NAME,
// an attention.
std::string ModuleOf(const std::vector<Layer>& layers) {
  std::string states, funcs;
  for (const Layer& layer : layers) {
    const std::vector<std::pair<std::string, std::string>> words = {
        {"NAME", layer.name},
        {"POSITIONS", layer.positions},
        {"WINDOW", layer.window.empty() ? "" : ", window = " + layer.window},
        {"AND_RING", layer.ring.empty() ? "" : ", ring = " + layer.ring},
        {"AT_RING", layer.ring.empty() ? "" : "{ring = " + layer.ring + "}"}};
    states += absl::StrReplaceAll(R"(
      state @k_NAME : bf16 slot[S] kv[2] pos[POSITIONS] dim[64] @panel($bf16, dim)
      state @v_NAME : bf16 slot[S] kv[2] pos[POSITIONS] dim[64])",
                                  words);
    funcs += absl::StrReplaceAll(R"(
      func @NAME(%q: bf16 tok[T] kv[2] rep[2] dim[64], %x: bf16 tok[T] kv[2] dim[64],
                 %pos: i32 tok[T], %slot: i32 tok[T]) -> bf16 tok[T] kv[2] rep[2] dim[64] {
        %ks_NAME = append @k_NAME %x over slot pos at %slot %pos AT_RING
            : bf16 slot[S] kv[2] pos[POSITIONS] dim[64] @panel($bf16, dim)
        %vs_NAME = append @v_NAME %x over slot pos at %slot %pos AT_RING
            : bf16 slot[S] kv[2] pos[POSITIONS] dim[64]
        %o_NAME = attention %q %ks_NAME %vs_NAME over slot pos dim at %pos %slot
            {mask = causal, out = bf16, scale = 0.125AND_RINGWINDOW}
            : bf16 tok[T] kv[2] rep[2] dim[64]
        return %o_NAME
      })",
                                 words);
  }
  return states + funcs;
}

class BoundSpecTest : public testing::Test {
 protected:
  // What the statement is bound to, with these layers in the module.
  BoundSpec Bind(const std::string& layers, const std::string& statement) {
    module_ = ParseTestModule(layers);
    const CpuBackend backend(Target::Host(), {"T", "S", "C"}, KernelModules::kPerKernel);
    return SpecBinder(*module_, backend).Bind(FindOp(*module_, statement));
  }
  static std::string Key(const BoundSpec& bound) { return KeyOf(bound.spec); }

  std::unique_ptr<ir::Module> module_;
};

TEST_F(BoundSpecTest, StatementsOfOtherSymbolsShareAKernel) {
  const std::string text = R"(
    func @f(%x: f32 n[T] a[40], %y: f32 n[S] a[40], %z: f32 n[8] a[40]) -> f32 n[T] a[40] {
      %tokens = exp %x : f32 n[T] a[40]
      %slots = exp %y : f32 n[S] a[40]
      %eight = exp %z : f32 n[8] a[40]
      return %tokens
    })";
  const BoundSpec tokens = Bind(text, "tokens"), slots = Bind(text, "slots");
  EXPECT_EQ(Key(tokens), Key(slots));
  EXPECT_THAT(tokens.dims, ElementsAre(Symbol("T")));
  EXPECT_THAT(slots.dims, ElementsAre(Symbol("S")));
  // A number of its own stays one: it is no dim.
  EXPECT_NE(Key(Bind(text, "eight")), Key(tokens));
}

TEST_F(BoundSpecTest, TwoSymbolsAreTwoDims) {
  const std::string text = R"(
    func @f(%x: f32 n[T] m[T], %y: f32 n[T] m[S]) -> f32 n[T] m[T] {
      %same = exp %x : f32 n[T] m[T]
      %other = exp %y : f32 n[T] m[S]
      return %same
    })";
  EXPECT_NE(Key(Bind(text, "same")), Key(Bind(text, "other")));
  EXPECT_THAT(Bind(text, "other").dims, ElementsAre(Symbol("T"), Symbol("S")));
}

TEST_F(BoundSpecTest, LayersThatSeeAllAndThoseWithAWindowInARingShareTheirKernels) {
  const std::string both = ModuleOf({{"all", "C", "", ""}, {"near", "512", "100", "512"}});
  for (const std::string statement : {"o_", "ks_", "vs_"}) {
    EXPECT_EQ(Key(Bind(both, statement + "all")), Key(Bind(both, statement + "near"))) << statement;
  }
  EXPECT_THAT(Bind(both, "o_all").dims,
              ElementsAre(Symbol("T"), Symbol("S"), Symbol("C"), Number(kNoWindow)));
  EXPECT_THAT(Bind(both, "o_near").dims,
              ElementsAre(Symbol("T"), Symbol("S"), Number(512), Number(100)));
  EXPECT_THAT(Bind(both, "vs_near").dims, ElementsAre(Symbol("S"), Number(512), Symbol("T")));
}

TEST_F(BoundSpecTest, LayersWithOtherWindowsShareTheirKernels) {
  const std::string both = ModuleOf({{"far", "C", "900", ""}, {"near", "C", "100", ""}});
  EXPECT_EQ(Key(Bind(both, "o_far")), Key(Bind(both, "o_near")));
  EXPECT_EQ(Bind(both, "o_far").dims.back(), Number(900));
  EXPECT_EQ(Bind(both, "o_near").dims.back(), Number(100));
}

TEST_F(BoundSpecTest, WhereAllLayersAreAlikeWindowsAndRingsAreNumbersInTheKernel) {
  const BoundSpec all = Bind(ModuleOf({{"l", "C", "", ""}}), "o_l");
  EXPECT_THAT(all.dims, ElementsAre(Symbol("T"), Symbol("S"), Symbol("C")));
  EXPECT_FALSE(all.spec.window || all.spec.ring);
  const BoundSpec near = Bind(ModuleOf({{"l", "512", "100", "512"}}), "o_l");
  EXPECT_THAT(near.dims, ElementsAre(Symbol("T"), Symbol("S")));
  EXPECT_EQ(*near.spec.window, Number(100));
  EXPECT_EQ(*near.spec.ring, Number(512));
}

}  // namespace
}  // namespace lluda::codegen
