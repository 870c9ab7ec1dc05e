#include "passes/place/plan_memory.h"

#include <map>
#include <optional>
#include <random>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "ir/builder.h"
#include "ir/frame.h"
#include "ir/text/parser.h"
#include "ir/text/printer.h"
#include "ir/view.h"
#include "passes/fuse/match/fusion_test_util.h"

namespace lluda::passes {
namespace {

using ir::Block;
using ir::Builder;
using ir::Extent;
using ir::Func;
using ir::Op;
using ir::Opcode;
using ir::Value;

// Runs a planned function without computing anything: every write stamps the bytes it covers, and
// every read looks for the stamp of the value it means to read. It knows nothing of lifetimes, so
// it finds any two values that share bytes while both are needed.
class FrameSimulation {
 public:
  explicit FrameSimulation(const Func& func) : func_(func), stamps_(FrameBytes(func)) {}

  // What was read after something else had overwritten it; "" when nothing was.
  std::string Run() {
    RunBlock(func_.body);
    return fault_;
  }

 private:
  struct Place {
    int64_t offset = 0;
    int64_t bytes = 0;
    int stamp = 0;
  };
  using MaybePlace = std::optional<Place>;  // none: not in the frame

  void Read(const Value* value, const Op& reader) {
    const MaybePlace place = places_[value];
    if (!place || !fault_.empty()) return;
    for (int64_t i = 0; i < place->bytes; ++i) {
      if (stamps_[place->offset + i] == place->stamp) continue;
      fault_ = absl::StrCat("%", value->name, " is overwritten when read by ", PrintOp(reader));
      return;
    }
  }

  // `offset` is the op's own place or, for what a loop yields, the other of its two buffers.
  Place Write(const Op& op, int64_t offset) {
    const Place place{offset, MaxByteSize(op.result_type(), *func_.module()), ++last_stamp_};
    std::fill_n(stamps_.begin() + offset, place.bytes, place.stamp);
    return place;
  }

  void RunBlock(const Block& block, const Op* yields = nullptr, int64_t yield_offset = 0) {
    for (const auto& op : block.ops()) {
      for (const ir::Operand& operand : op->operands()) Read(operand.value, *op);
      if (op->opcode() == Opcode::kFor) {
        RunLoop(*op);
      } else if (op->result() == nullptr) {
        continue;
      } else if (IsView(*op)) {
        places_[op->result()] = places_[op->operand(0).value];
      } else if (op->frame_offset) {
        places_[op->result()] = Write(*op, op.get() == yields ? yield_offset : *op->frame_offset);
      }
    }
  }

  void RunLoop(const Op& loop) {
    const Value* yielded = loop.body->terminator()->operand(0).value;
    MaybePlace current = places_[loop.operand(0).value];
    int64_t other = *yielded->def()->frame_offset;
    for (int iteration = 0; iteration < 4; ++iteration) {
      places_[loop.carried.get()] = current;
      RunBlock(*loop.body, yielded->def(), other);
      other = current->offset;
      current = places_[yielded];
    }
    places_[loop.result()] = current;
  }

  const Func& func_;
  std::vector<int> stamps_;
  std::map<const Value*, MaybePlace> places_;
  int last_stamp_ = 0;
  std::string fault_;
};

// Random functions of elementwise ops, views and loops over values of different sizes.
class RandomFunc {
 public:
  explicit RandomFunc(uint32_t seed) : random_(seed), module_("random") {
    module_.symbols = {{"T", 1, 1 + Pick(40)}};
    func_ = module_.AddFunc("f");
    std::vector<Value*> values;
    for (int i = 0; i < 3; ++i) {
      const Extent width = Extent::Constant(4 * (1 + Pick(12)));
      values.push_back(func_->AddParam(
          absl::StrCat("p", i),
          {ir::DType::kF32, {{"tok", Extent::Symbol("T")}, {absl::StrCat("d", i), width}}, {}}));
    }
    Builder builder(func_);
    Fill(&builder, &values, 0);
    Value* result = builder.Unary(Opcode::kExp, "result", values.back());
    builder.Return(result);
    func_->result_type = result->type;
    EXPECT_TRUE(builder.status().ok()) << builder.status();
  }

  ir::Module* module() { return &module_; }
  Func* func() { return func_; }

 private:
  int Pick(int count) { return static_cast<int>(random_() % count); }
  Value* Any(const std::vector<Value*>& values) { return values[Pick(values.size())]; }

  void Fill(Builder* builder, std::vector<Value*>* values, int depth) {
    const int count = 3 + Pick(10);
    for (int i = 0; i < count; ++i) {
      Value* x = Any(*values);
      const int kind = Pick(10);
      if (kind == 0 && depth < 2) {
        values->push_back(Loop(builder, *values, depth));
      } else if (kind <= 3 && x->type.axes.size() == 2 && x->type.axes[1].extent.value % 2 == 0) {
        const int64_t half = x->type.axes[1].extent.value / 2;
        values->push_back(builder->Slice("v", x, x->type.axes[1].name, half, 2 * half,
                                         {{x->type.axes[1].name, Extent::Constant(half)}}));
      } else if (kind <= 5) {
        values->push_back(builder->Binary(Opcode::kAdd, "s", x, x));
      } else {
        values->push_back(builder->Unary(Opcode::kExp, "u", x));
      }
    }
  }

  // One loop, or several of which each goes on with what the one before it has left.
  Value* Loop(Builder* builder, const std::vector<Value*>& outside, int depth) {
    Value* carried = builder->Unary(Opcode::kCos, "init", Any(outside));
    for (int count = 1 + Pick(3); count > 0; --count) {
      carried = Loop(builder, carried, outside, depth);
    }
    return carried;
  }

  Value* Loop(Builder* builder, Value* init, const std::vector<Value*>& outside, int depth) {
    Op* loop = builder->For("loop", "i", 0, 4, "carried", init);
    Builder body(loop->body.get());
    std::vector<Value*> values = outside;
    values.push_back(loop->carried.get());
    Fill(&body, &values, depth + 1);
    // The carried value stays readable up to the end: the yielded one may not take its bytes.
    body.Yield(body.Binary(Opcode::kAdd, "next", loop->carried.get(), loop->carried.get()));
    return loop->result();
  }

  std::mt19937 random_;
  ir::Module module_;
  Func* func_;
};

TEST(PlanMemoryTest, NoValueIsOverwrittenWhileItIsNeededInRandomFunctions) {
  int loops = 0;
  int shared = 0;
  for (uint32_t seed = 0; seed < 300; ++seed) {
    RandomFunc random(seed);
    ASSERT_TRUE(PlanMemory().Run(random.module()).ok());
    EXPECT_EQ(FrameSimulation(*random.func()).Run(), "") << PrintModule(*random.module());
    int64_t separate = 0;
    ForEachOp(random.func()->body, [&](const Op* op) {
      loops += op->opcode() == Opcode::kFor;
      if (!op->frame_offset) return;
      EXPECT_EQ(*op->frame_offset % ir::kFrameAlignment, 0);
      separate += MaxByteSize(op->result_type(), *random.module());
    });
    shared += FrameBytes(*random.func()) < separate;
  }
  EXPECT_GT(loops, 100);  // the functions do exercise loops, and sharing
  EXPECT_GT(shared, 200);
}

TEST(PlanMemoryTest, TheSimulationNoticesAPlaceThatIsTaken) {
  int noticed = 0;
  for (uint32_t seed = 0; seed < 50; ++seed) {
    RandomFunc random(seed);
    ASSERT_TRUE(PlanMemory().Run(random.module()).ok());
    ForEachOp(random.func()->body, [](Op* op) {
      if (op->frame_offset) op->frame_offset = 0;
    });
    noticed += !FrameSimulation(*random.func()).Run().empty();
  }
  EXPECT_GT(noticed, 25);  // some functions read every value right after computing it
}

constexpr char kLoop[] = R"(lluda 1
module @m {
  func @f(%x: f32 d[16]) -> f32 d[16] {
    %init = cos %x : f32 d[16]
    %out = for i in 0..4 carry %c = %init {
      %y = silu %c : f32 d[16]
      yield %y
    } : f32 d[16]
    %r = exp %out : f32 d[16]
    return %r
  }
}
)";

std::string PlanError(absl::string_view text) {
  const auto module = Parsed(text);
  const auto changed = PlanMemory().Run(module.get());
  EXPECT_EQ(changed.status().code(), absl::StatusCode::kUnimplemented);
  return std::string(changed.status().message());
}

TEST(PlanMemoryTest, ALoopThatStartsFromAParameterIsRefused) {
  EXPECT_EQ(PlanError(Edited(kLoop, "carry %c = %init", "carry %c = %x")),
            "@f: %out = for: its initial value is not a buffer of the enclosing block");
}

TEST(PlanMemoryTest, ALoopMayGoOnWithWhatAnotherOneHasLeft) {
  const std::string two = Edited(kLoop, "%r = exp %out", R"(%last = for i in 4..6 carry %d = %out {
      %z = sin %d : f32 d[16]
      yield %z
    } : f32 d[16]
    %r = exp %last)");
  const auto module = Parsed(two);
  const auto changed = PlanMemory().Run(module.get());
  ASSERT_TRUE(changed.ok()) << changed.status();
  EXPECT_EQ(FrameSimulation(*module->FindFunc("f")).Run(), "");
  EXPECT_EQ(FrameBytes(*module->FindFunc("f")), 3 * 64);
  EXPECT_EQ(PlanError(Edited(two, "%r = exp %last", "%r = add %out %last")),
            "@f: %last = for: its initial value %out is read elsewhere too, but overwritten here");
}

TEST(PlanMemoryTest, ALoopThatYieldsWhatItDoesNotComputeIsRefused) {
  EXPECT_EQ(PlanError(Edited(kLoop, "yield %y", "yield %c")),
            "@f: %out = for: what it yields is not computed into a buffer in its body");
}

// Three values of which the first two are alive together.
constexpr char kPlaces[] = R"(lluda 1
module @m {
  func @f(%x: f32 d[32]) -> f32 d[32] {
    %a = exp %x : f32 d[32] in 0
    %b = cos %a : f32 d[32] in 128
    %c = sin %b : f32 d[32] in 0
    %r = exp %c : f32 d[32]
    return %r
  }
}
)";

std::string PlacesError(const std::string& text) {
  const auto module = ir::ParseModule(text, "m.lluda");
  EXPECT_TRUE(module.ok()) << module.status();
  return std::string(CheckMemoryPlan(**module).message());
}

TEST(CheckMemoryPlanTest, WhatThePassPlansIsAPlan) {
  EXPECT_EQ(PlacesError(kPlaces), "");
  for (const char* text : {kPlaces, kLoop}) {
    const auto module = Parsed(text);
    ASSERT_TRUE(PlanMemory().Run(module.get()).ok());
    EXPECT_TRUE(CheckMemoryPlan(*module).ok()) << CheckMemoryPlan(*module);
  }
}

TEST(CheckMemoryPlanTest, ValuesThatAreAliveTogetherDoNotOverlap) {
  EXPECT_EQ(PlacesError(Edited(kPlaces, "in 128", "in 64")),
            "m.lluda:5: @f: %b: its place, 128 bytes from 64 on, overlaps %a's, 128 bytes from 0 "
            "on, which is still in use");
  EXPECT_EQ(PlacesError(
                Edited(kPlaces, "%c = sin %b : f32 d[32] in 0", "%c = sin %b : f32 d[32] in 192")),
            "m.lluda:6: @f: %c: its place, 128 bytes from 192 on, overlaps %b's, 128 bytes from "
            "128 on, which is still in use");
}

TEST(CheckMemoryPlanTest, APlaceIsThereAndAlignedAndNotFarOff) {
  EXPECT_EQ(PlacesError(Edited(kPlaces, " in 128", "")),
            "m.lluda:5: @f: %b: has no place in the frame; run plan-memory");
  for (const char* place : {"in 130", "in 9223372036854775744"}) {
    EXPECT_THAT(PlacesError(Edited(kPlaces, "in 128", place)),
                testing::StartsWith(absl::StrCat("m.lluda:5: @f: %b: ", place, " is no place")));
  }
}

TEST(PlanMemoryTest, PrintsOneLineABuffer) {
  const auto module = Parsed(kLoop);
  const auto text = PrintMemoryPlan(*module);
  ASSERT_TRUE(text.ok()) << text.status();
  EXPECT_EQ(*text,
            "@f: 128 bytes\n"
            "  %init at 0, 64 bytes, statements 0..4\n"
            "  %y at 64, 64 bytes, statements 1..4\n");
}

TEST(PlanMemoryTest, RefusesToCopyTheMatricesOfExpertsForEachToken) {
  const auto module = Parsed(R"(lluda 1
module @m {
  symbol T in 1..512
  weight @w : bf16 expert[8] ff[1024] hid[1024] from "w.{expert}"
  func @f(%x: f32 tok[T] hid[1024], %i: i32 tok[T] top[2]) -> f32 tok[T] top[2] ff[1024] {
    %m = gather @w over expert at %i : bf16 tok[T] top[2] ff[1024] hid[1024]
    %y = matmul %x %m over hid : f32 tok[T] top[2] ff[1024]
    return %y
  }
}
)");
  EXPECT_THAT(PlanMemory().Run(module.get()).status().message(),
              testing::HasSubstr("@f: %m: gathers 2147483648 bytes of @w, the most is 1073741824"));
}

TEST(PlanMemoryTest, RemovesAPlaceThatIsNoLongerDeserved) {
  const auto module = Parsed(R"(lluda 1
module @m {
  func @f(%x: f32 d[16]) -> f32 d[16] {
    %r = cos %x : f32 d[16] in 64
    return %r
  }
}
)");
  ASSERT_TRUE(PlanMemory().Run(module.get()).value());
  EXPECT_EQ(FrameBytes(*module->FindFunc("f")), 0);
}

}  // namespace
}  // namespace lluda::passes
