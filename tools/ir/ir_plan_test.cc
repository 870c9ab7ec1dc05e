#include "tools/ir/ir_plan.h"

#include <memory>
#include <string>

#include "absl/strings/str_replace.h"
#include "base/files/test_files.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "ir/text/parser.h"
#include "passes/default_pipeline.h"
#include "passes/pipeline.h"

namespace lluda::tools {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

// Three layers, each an attention and an MLP: @attn and @mlp, of the last @attn_rows and @mlp_rows.
std::unique_ptr<ir::Module> Toy() {
  const std::string text =
      absl::StrReplaceAll(base::ReadAll("frontends/decoder/testdata/toy.lluda"),
                          {{"layer < 2", "layer < 3"}, {"layer in 0..2", "layer in 0..3"}});
  auto module = ir::ParseModule(text, "toy.lluda");
  EXPECT_TRUE(module.ok()) << module.status();
  auto pipeline = passes::Pipeline::Create(passes::DefaultPipeline(), {});
  EXPECT_TRUE(pipeline.ok()) << pipeline.status();
  EXPECT_TRUE(pipeline->Run(module->get()).ok());
  return *std::move(module);
}

const PlannedEntry* FindEntry(const IrPlan& plan, const std::string& name) {
  for (const PlannedEntry& entry : plan.entries) {
    if (entry.name == name) return &entry;
  }
  return nullptr;
}

TEST(IrPlanTest, AModulesPlanHasItsMemoryFramesAndCalls) {
  const auto module = Toy();
  const auto plan = CompiledPlanOf(*module, "");
  ASSERT_TRUE(plan.ok()) << plan.status();
  ASSERT_TRUE(plan->memory.has_value());
  EXPECT_GT(plan->memory->frame_bytes, 0);
  EXPECT_THAT(plan->memory->states, SizeIs(2));  // keys and values
  for (const PlannedGlobal& state : plan->memory->states) EXPECT_EQ(state.copies, 3);
  ASSERT_THAT(plan->frames, Not(IsEmpty()));
  for (const PlannedFrame& frame : plan->frames) {
    for (const PlannedValue& value : frame.values) {
      EXPECT_LE(value.offset + value.bytes, frame.bytes) << frame.func << " " << value.name;
      EXPECT_LE(value.first, value.last) << frame.func << " " << value.name;
    }
  }
  EXPECT_NE(FindEntry(*plan, "load"), nullptr);
  EXPECT_NE(FindEntry(*plan, "step"), nullptr);
}

// Layer 1 sees a window: of each cache the plan has the copies of the layers that keep something in it.
TEST(IrPlanTest, ALayerWithAWindowHasARingOfItsOwn) {
  constexpr char kText[] = R"(lluda 1
module @m {
  symbol T in 1..16
  symbol S in 1..4
  symbol C in 64..4096
  state @k_cache[layer < 3] : bf16 slot[S] kv[2] pos[C] dim[16]
  state @v_cache[layer < 3] : bf16 slot[S] kv[2] pos[C] dim[16]
  state @k_cache_window[layer < 3] : bf16 slot[S] kv[2] pos[C] dim[16]
  state @v_cache_window[layer < 3] : bf16 slot[S] kv[2] pos[C] dim[16]
  func @attn[layer < 3](%x: bf16 tok[T] kv[2] dim[16], %pos: i32 tok[T], %slot: i32 tok[T]) -> bf16 tok[T] kv[2] dim[16] {
    %ks = append @k_cache[layer] %x over slot pos at %slot %pos : bf16 slot[S] kv[2] pos[C] dim[16]
    %vs = append @v_cache[layer] %x over slot pos at %slot %pos : bf16 slot[S] kv[2] pos[C] dim[16]
    %y = attention %x %ks %vs over slot pos dim at %pos %slot {mask = causal, out = bf16, scale = 0.25} : bf16 tok[T] kv[2] dim[16]
    return %y
  }
  func @attn_window[layer < 3](%x: bf16 tok[T] kv[2] dim[16], %pos: i32 tok[T], %slot: i32 tok[T]) -> bf16 tok[T] kv[2] dim[16] {
    %ks = append @k_cache_window[layer] %x over slot pos at %slot %pos : bf16 slot[S] kv[2] pos[C] dim[16]
    %vs = append @v_cache_window[layer] %x over slot pos at %slot %pos : bf16 slot[S] kv[2] pos[C] dim[16]
    %y = attention %x %ks %vs over slot pos dim at %pos %slot {mask = causal, out = bf16, scale = 0.25, window = 300} : bf16 tok[T] kv[2] dim[16]
    return %y
  }
  func @step(%x: bf16 tok[T] kv[2] dim[16], %pos: i32 tok[T], %slot: i32 tok[T]) -> bf16 tok[T] kv[2] dim[16] {
    %a = call @attn[0] %x %pos %slot : bf16 tok[T] kv[2] dim[16]
    %b = call @attn_window[1] %a %pos %slot : bf16 tok[T] kv[2] dim[16]
    %c = call @attn[2] %b %pos %slot : bf16 tok[T] kv[2] dim[16]
    return %c
  }
}
)";
  auto module = ir::ParseModule(kText, "test");
  ASSERT_TRUE(module.ok()) << module.status();
  auto pipeline = passes::Pipeline::Create({"ring-caches", "pack-weights", "plan-memory"}, {});
  ASSERT_TRUE(pipeline.ok() && pipeline->Run(module->get()).ok());
  const auto plan = CompiledPlanOf(**module, "");
  ASSERT_TRUE(plan.ok()) << plan.status();
  EXPECT_THAT(
      PlanText(*plan),
      AllOf(HasSubstr("  @v_cache: 2 x 64 * S * C bytes, bf16 slot[S] kv[2] pos[C] dim[16]\n"),
            HasSubstr("  @v_cache_window: 32768 * S bytes, bf16 slot[S] kv[2] pos[512] "
                      "dim[16]\n")));
}

TEST(IrPlanTest, ValuesThatLiveAtATimeDoNotOverlap) {
  const auto plan = CompiledPlanOf(*Toy(), "");
  ASSERT_TRUE(plan.ok()) << plan.status();
  int pairs = 0;
  for (const PlannedFrame& frame : plan->frames) {
    for (const PlannedValue& a : frame.values) {
      for (const PlannedValue& b : frame.values) {
        if (&a == &b || a.last < b.first || b.last < a.first) continue;
        ++pairs;
        EXPECT_TRUE(a.offset + a.bytes <= b.offset || b.offset + b.bytes <= a.offset)
            << frame.func << ": " << a.name << " and " << b.name;
      }
    }
  }
  EXPECT_GT(pairs, 0);
}

TEST(IrPlanTest, LayersAreOneRoundThatRunsForEachOfThem) {
  const auto plan = CompiledPlanOf(*Toy(), "@attn");
  ASSERT_TRUE(plan.ok()) << plan.status();
  EXPECT_EQ(plan->memory, std::nullopt);
  ASSERT_THAT(plan->frames, SizeIs(1));
  EXPECT_EQ(plan->frames[0].func, "attn");
  const PlannedEntry* step = FindEntry(*plan, "step");
  ASSERT_NE(step, nullptr);
  ASSERT_THAT(step->rounds, SizeIs(1));
  EXPECT_EQ(step->rounds[0].times, 2);
  EXPECT_EQ(step->calls, 2 * static_cast<int64_t>(step->rounds[0].calls.size()));
  for (const PlannedCall& call : step->rounds[0].calls) {
    EXPECT_THAT(call.name, HasSubstr("attn[0]."));
    EXPECT_THAT(PlanText(*plan), HasSubstr(call.kernel));
  }
}

TEST(IrPlanTest, AFunctionThatIsNotThereIsNamed) {
  const auto plan = CompiledPlanOf(*Toy(), "vision");
  EXPECT_EQ(plan.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(plan.status().message()), HasSubstr("vision"));
}

}  // namespace
}  // namespace lluda::tools
