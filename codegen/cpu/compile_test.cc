#include "codegen/compile.h"

#include <algorithm>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "codegen/cpu/cpu_compile.h"
#include "codegen/cpu/kernel_test_util.h"
#include "frontends/decoder/import.h"
#include "frontends/decoder/weights/expected_tensors.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "passes/default_pipeline.h"
#include "runtime/cpu_device.h"
#include "runtime/executable.h"

namespace lluda::codegen {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

// Qwen3-0.6B with this many layers.
frontends::decoder::Decoder DecoderOf06B(int64_t layers) {
  frontends::decoder::Decoder decoder;
  decoder.vocab_size = 151936;
  decoder.hidden_size = 1024;
  decoder.intermediate_size = 3072;
  decoder.layers.resize(layers);
  decoder.qk_norm = frontends::decoder::QkNorm::kHead;
  decoder.num_attention_heads = 16;
  decoder.num_key_value_heads = 8;
  decoder.head_dim = 128;
  decoder.max_position_embeddings = 40960;
  decoder.ropes[0].theta = 1e6;
  decoder.tie_word_embeddings = true;
  decoder.dtype = "bfloat16";
  return decoder;
}

// What the engine compiles of a model, without its weights.
CompiledModule CompiledDecoder(const frontends::decoder::Decoder& decoder) {
  frontends::decoder::ImportOptions options;
  options.find_tensor = frontends::decoder::TensorsOf(decoder);
  auto module = frontends::decoder::ImportDecoder(decoder, options);
  EXPECT_TRUE(module.ok()) << module.status();
  RunPasses(passes::DefaultPipeline(), module->get());
  auto compiled = Compile(**module, Target::Host(), {2, {"step"}});
  EXPECT_TRUE(compiled.ok()) << compiled.status();
  return *std::move(compiled);
}

CompiledModule Compiled06B(int64_t layers, const std::string& dtype = "bfloat16") {
  auto decoder = DecoderOf06B(layers);
  decoder.dtype = dtype;
  return CompiledDecoder(decoder);
}

// The same with a window in all layers but each third.
CompiledModule CompiledWithWindows(int64_t layers) {
  auto decoder = DecoderOf06B(layers);
  decoder.attentions.push_back({"attn_window", 0, 512});
  for (int64_t i = 0; i < layers; ++i) {
    decoder.layers[static_cast<size_t>(i)].attention = i % 3 == 2 ? 0 : 1;
  }
  return CompiledDecoder(decoder);
}

std::set<std::string> KernelNames(const runtime::Program& program) {
  std::set<std::string> names;
  for (const runtime::Kernel& kernel : program.kernels) names.insert(kernel.name);
  return names;
}

TEST(Compile, NeedsTheSameFewKernelsForAnyNumberOfLayers) {
  const CompiledModule small = Compiled06B(2), whole = Compiled06B(28);
  EXPECT_EQ(KernelNames(small.program), KernelNames(whole.program));
  EXPECT_EQ(KernelNames(whole.program).size(), whole.program.kernels.size());
  EXPECT_LE(whole.program.kernels.size(), 32);
  // The calls do grow, by the same number for each layer.
  const size_t per_layer =
      (whole.program.entries[0].calls.size() - small.program.entries[0].calls.size()) / 26;
  EXPECT_EQ(small.program.entries[0].calls.size() + 26 * per_layer,
            whole.program.entries[0].calls.size());
  EXPECT_GE(per_layer, 8);
}

TEST(Compile, KernelsGrowNeitherWithLayersNorWithTheirWindows) {
  const CompiledModule one_kind = Compiled06B(3);
  const CompiledModule small = CompiledWithWindows(3), large = CompiledWithWindows(9);
  EXPECT_EQ(KernelNames(small.program), KernelNames(large.program));
  // Calls bind how far the second kind's attention looks back, and the rings that keys and values are
  // appended to.
  EXPECT_EQ(small.program.kernels.size(), one_kind.program.kernels.size());
  EXPECT_EQ(small.program.loaded_bytes, one_kind.program.loaded_bytes);
}

TEST(Compile, NamesEachWeightOnceAndTwoStatesPerLayer) {
  const CompiledModule model = Compiled06B(3);
  std::set<std::string> tensors;
  for (const runtime::Weight& weight : model.program.weights) tensors.insert(weight.tensor);
  EXPECT_EQ(tensors.size(), model.program.weights.size());
  EXPECT_EQ(tensors.size(), 3 * 11 + 2);  // as many as such a checkpoint has
  EXPECT_EQ(model.program.states.size(), 3 * 2);
  EXPECT_TRUE(model.program.entry("step").HasInputs({"tokens", "pos", "slot", "rows"}));
  EXPECT_EQ(model.program.entry("step").result.Bytes(model.program.MaxDims()),
            int64_t{512} * 151936 * 4);
}

TEST(Compile, PositionsLieInARunForEachHeadAndKeysInPanels) {
  const CompiledModule model = Compiled06B(1);
  ASSERT_EQ(model.program.states.size(), 2);
  for (const runtime::Tensor& state : model.program.states) {
    EXPECT_EQ(state.positions.runs, 8) << state.name;
    EXPECT_EQ(state.positions.group, state.name == "k_cache[0]" ? 16 : 1) << state.name;
  }
}

TEST(Compile, WhatALayersWeightsAreCastToTakesMemoryForOneLayerOnly) {
  const CompiledModule two = Compiled06B(2, "float32"), three = Compiled06B(3, "float32");
  // A layer more is its panels more, in bf16: of q, k and v, o, gate and up, down.
  const int64_t rows = 2048 + 2 * 1024 + 2048 + 2 * 3072 + 3072;
  EXPECT_EQ(three.program.loaded_bytes - two.program.loaded_bytes, rows * 1024 * 2);
}

std::string CompileError(const ir::Module& module, const std::string& entry,
                         absl::StatusCode code) {
  const auto compiled = Compile(module, Target::Host(), {1, {entry}});
  EXPECT_EQ(compiled.status().code(), code) << compiled.status();
  return std::string(compiled.status().message());
}

constexpr char kTwoOps[] = R"(
  func @f(%x: f32 tok[T] a[8]) -> f32 tok[T] a[8] {
    %first = exp %x : f32 tok[T] a[8]
    %second = silu %first : f32 tok[T] a[8]
    return %second
  })";

TEST(Compile, RefusesAModuleWithoutTheEntry) {
  const auto module = PlannedTestModule(kTwoOps);
  EXPECT_EQ(CompileError(*module, "step", absl::StatusCode::kNotFound),
            "module @test has no func @step");
}

TEST(Compile, RefusesAValueWithoutAPlaceInItsFrame) {
  const auto module = ParseTestModule(kTwoOps);
  EXPECT_THAT(CompileError(*module, "f", absl::StatusCode::kFailedPrecondition),
              AllOf(HasSubstr("@f"), HasSubstr("%first: the result has no place"),
                    HasSubstr("plan-memory")));
}

TEST(Compile, RefusesAFunctionThatReturnsWhatItDoesNotOwn) {
  const auto parameter = PlannedTestModule(R"(
  func @f(%x: f32 tok[T] a[8]) -> f32 tok[T] a[8] {
    return %x
  })");
  EXPECT_THAT(CompileError(*parameter, "f", absl::StatusCode::kUnimplemented),
              AllOf(HasSubstr("@f"), HasSubstr("returns a value that owns no buffer")));
  const auto view = PlannedTestModule(R"(
  func @f(%x: f32 tok[T] a[8]) -> f32 tok[T] b[2] c[4] {
    %e = exp %x : f32 tok[T] a[8]
    %s = split %e a -> b[2] c[4] : f32 tok[T] b[2] c[4]
    return %s
  })");
  EXPECT_THAT(CompileError(*view, "f", absl::StatusCode::kUnimplemented),
              HasSubstr("returns a value that owns no buffer"));
}

TEST(Compile, RefusesAStridedArgumentOfACall) {
  const auto module = PlannedTestModule(R"(
  func @g(%y: f32 tok[T] a[4]) -> f32 tok[T] a[4] {
    %e = exp %y : f32 tok[T] a[4]
    return %e
  }
  func @f(%x: f32 tok[T] ab[8]) -> f32 tok[T] a[4] {
    %half = slice %x ab 4..8 as a[4] : f32 tok[T] a[4]
    %r = call @g %half : f32 tok[T] a[4]
    %s = exp %r : f32 tok[T] a[4]
    return %s
  })");
  EXPECT_THAT(CompileError(*module, "f", absl::StatusCode::kUnimplemented),
              AllOf(HasSubstr("call @g"), HasSubstr("operand 0 is a strided view")));
}

TEST(Compile, RefusesAnOpWithoutAKernelAndSaysWhere) {
  const auto module = PlannedTestModule(R"(
  func @f(%x: f32 tok[T] a[8]) -> i32 tok[T] a[8] {
    %c = cast %x {out = i32} : i32 tok[T] a[8]
    return %c
  })");
  ASSERT_NE(module, nullptr);
  EXPECT_THAT(CompileError(*module, "f", absl::StatusCode::kUnimplemented),
              AllOf(StartsWith("test:8: @f: %c: no kernel for cast"), HasSubstr("integer")));
}

TEST(Compile, ARefusedKernelIsNamedOnceHoweverDeepItIsCalled) {
  const auto module = PlannedTestModule(R"(
  func @g[layer < 2](%y: f32 tok[T] a[8]) -> f32 tok[T] a[8] {
    %i = cast %y {out = i32} : i32 tok[T] a[8]
    %z = cast %i {out = f32} : f32 tok[T] a[8]
    return %z
  }
  func @f(%x: f32 tok[T] a[8]) -> f32 tok[T] a[8] {
    %x0 = exp %x : f32 tok[T] a[8]
    %r = for layer in 0..2 carry %c = %x0 {
      %n = call @g[layer] %c : f32 tok[T] a[8]
      yield %n
    } : f32 tok[T] a[8]
    %s = exp %r : f32 tok[T] a[8]
    return %s
  })");
  ASSERT_NE(module, nullptr);
  EXPECT_THAT(CompileError(*module, "f", absl::StatusCode::kUnimplemented),
              StartsWith("test:8: @g: %i: no kernel for cast"));
}

TEST(Compile, SharesTheFrameBetweenCallsAndUnrollsLoopsOverTwoBuffers) {
  const auto module = PlannedTestModule(R"(
  weight @bias[layer < 5] : f32 a[8] from "bias.{layer}"
  func @g[layer < 5](%y: f32 tok[T] a[8]) -> f32 tok[T] a[8] {
    %e = add %y @bias[layer] : f32 tok[T] a[8]
    return %e
  }
  func @f(%x: f32 tok[T] a[8]) -> f32 tok[T] a[8] {
    %first = exp %x : f32 tok[T] a[8]
    %looped = for layer in 0..5 carry %c = %first {
      %n = call @g[layer] %c : f32 tok[T] a[8]
      yield %n
    } : f32 tok[T] a[8]
    %last = silu %looped : f32 tok[T] a[8]
    return %last
  })");
  ASSERT_NE(module, nullptr);
  const auto compiled = Compile(*module, Target::Host(), {1, {"f"}});
  ASSERT_TRUE(compiled.ok()) << compiled.status();
  const runtime::Program& program = compiled->program;
  const std::vector<runtime::Call>& calls = program.entry("f").calls;
  EXPECT_EQ(program.kernels.size(), 3);
  ASSERT_EQ(calls.size(), 7);
  for (uint32_t layer = 0; layer < 5; ++layer) {
    const runtime::Call& call = calls[1 + layer];
    EXPECT_EQ(call.buffers[0], calls[layer].buffers.back());
    EXPECT_EQ(program.weights[call.buffers[1].index].tensor, "bias." + std::to_string(layer));
    EXPECT_EQ(call.site, (runtime::CallSite{"g", layer, "e"}));
    EXPECT_FALSE(call.buffers[0] == call.buffers[2]);
    if (layer > 1) {
      EXPECT_EQ(call.buffers[2], calls[layer - 1].buffers.back());
    }
  }
  EXPECT_EQ(calls[6].buffers[0], calls[5].buffers.back());
  EXPECT_EQ(calls[6].buffers[1].space, runtime::Space::kOutput);
}

constexpr char kTwoEntries[] = R"(
  weight @factor : f32 a[8] from "factor"
  func @step(%x: f32 tok[T] a[8]) -> f32 tok[T] a[8] {
    %first = mul %x @factor : f32 tok[T] a[8]
    %second = mul %first @factor : f32 tok[T] a[8]
    return %second
  }
  func @vision(%patches: f32 patch[S] a[8], %shift: f32 a[8]) -> f32 patch[S] {
    %moved = add %patches %shift : f32 patch[S] a[8]
    %scaled = mul %moved @factor : f32 patch[S] a[8]
    %sum = reduce_sum %scaled over a : f32 patch[S]
    return %sum
  })";

TEST(Compile, EntriesHaveInputsAndAResultOfTheirOwnAndShareTheRest) {
  const auto module = PlannedTestModule(kTwoEntries);
  ASSERT_NE(module, nullptr);
  const auto compiled = Compile(*module, Target::Host(), {1, {"step", "vision"}});
  ASSERT_TRUE(compiled.ok()) << compiled.status();
  const runtime::Program& program = compiled->program;
  const std::vector<int64_t> sizes = {7, 3, 64};  // T, S, C
  EXPECT_TRUE(program.entry("step").HasInputs({"x"}));
  EXPECT_TRUE(program.entry("vision").HasInputs({"patches", "shift"}));
  EXPECT_FALSE(program.entry("vision").HasInputs({"shift", "patches"}));
  EXPECT_EQ(program.entry("vision").inputs[0].Bytes(sizes), 3 * 8 * 4);
  EXPECT_EQ(program.entry("vision").inputs[1].Bytes(sizes), 8 * 4);
  EXPECT_EQ(program.entry("step").result.Bytes(sizes), 7 * 8 * 4);
  EXPECT_EQ(program.entry("vision").result.Bytes(sizes), 3 * 4);
  EXPECT_EQ(program.weights.size(), 1u);
  EXPECT_EQ(program.entry("vision").calls[1].site, (runtime::CallSite{"vision", -1, "scaled"}));
  // One frame for both, as they never run at once.
  const auto step = Compile(*module, Target::Host(), {1, {"step"}});
  const auto vision = Compile(*module, Target::Host(), {1, {"vision"}});
  ASSERT_TRUE(step.ok() && vision.ok());
  EXPECT_EQ(step->program.FindEntry("vision"), nullptr);
  EXPECT_EQ(program.frame_bytes, std::max(step->program.frame_bytes, vision->program.frame_bytes));
}

// The one weight of kTwoEntries: 0.5, 1, 1.5, ...
class Factors : public runtime::WeightSource {
 public:
  absl::StatusOr<const void*> Data(const std::string&, int64_t) override { return factors_; }
  void Release(const std::string&, int64_t, int64_t) override {}

 private:
  const float factors_[8] = {0.5f, 1.0f, 1.5f, 2.0f, 2.5f, 3.0f, 3.5f, 4.0f};
};

TEST(Compile, EntriesRunInAnyOrder) {
  const auto module = PlannedTestModule(kTwoEntries);
  ASSERT_NE(module, nullptr);
  const auto compiled = Compile(*module, Target::Host(), {1, {"step", "vision"}});
  ASSERT_TRUE(compiled.ok()) << compiled.status();
  runtime::ThreadPool pool(2);
  auto executable =
      runtime::Executable::Create(compiled->program, std::make_unique<runtime::CpuDevice>(&pool));
  ASSERT_TRUE(executable.ok()) << executable.status();
  Factors factors;
  ASSERT_EQ((*executable)->Load(&factors, nullptr), absl::OkStatus());
  const std::vector<int64_t> dims = {1, 2, 64};  // T, S, C
  const auto states = (*executable)->CreateStates(dims);
  ASSERT_TRUE(states.ok()) << states.status();
  const runtime::Program& program = (*executable)->program();
  const std::vector<float> ones(16, 1.0f), shift = {-1, -1, -1, -1, -1, -1, 0, 1};
  for (int i = 0; i < 2; ++i) {
    std::vector<float> sums(2), squares(8);
    ASSERT_EQ((*executable)
                  ->Run(program.entry("vision"), **states, dims, {ones.data(), shift.data()},
                        sums.data()),
              absl::OkStatus());
    EXPECT_THAT(sums, ElementsAre(3.5f + 2 * 4.0f, 3.5f + 2 * 4.0f));
    ASSERT_EQ(
        (*executable)->Run(program.entry("step"), **states, dims, {ones.data()}, squares.data()),
        absl::OkStatus());
    EXPECT_THAT(squares, ElementsAre(0.25f, 1.0f, 2.25f, 4.0f, 6.25f, 9.0f, 12.25f, 16.0f));
  }
}

}  // namespace
}  // namespace lluda::codegen
