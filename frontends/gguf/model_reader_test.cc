#include "frontends/gguf/model_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <limits>
#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/files/test_files.h"
#include "frontends/families/rope.h"
#include "frontends/gguf/architectures.h"
#include "frontends/gguf/file/gguf_writer.h"
#include "frontends/gguf/rotation.h"

namespace lluda::frontends::gguf {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr uint32_t kF32 = 0;
constexpr uint32_t kBF16 = 30;

// A model of one layer, as keys and tensors that a test may change before they are written.
struct Tiny {
  std::string architecture = "llama";
  std::map<std::string, int64_t> ints = {
      {"context_length", 64},     {"embedding_length", 8},     {"block_count", 1},
      {"feed_forward_length", 6}, {"attention.head_count", 2}, {"attention.head_count_kv", 1},
      {"rope.dimension_count", 4}};
  std::map<std::string, float> floats = {{"attention.layer_norm_rms_epsilon", 1e-5F}};
  struct Listed {
    uint32_t type;
    std::vector<int64_t> extents;  // innermost first
  };
  std::map<std::string, Listed> tensors = {
      {"token_embd.weight", {kBF16, {8, 5}}},        {"output_norm.weight", {kF32, {8}}},
      {"blk.0.attn_norm.weight", {kF32, {8}}},       {"blk.0.attn_q.weight", {kBF16, {8, 8}}},
      {"blk.0.attn_k.weight", {kBF16, {8, 4}}},      {"blk.0.attn_v.weight", {kBF16, {8, 4}}},
      {"blk.0.attn_output.weight", {kBF16, {8, 8}}}, {"blk.0.ffn_norm.weight", {kF32, {8}}},
      {"blk.0.ffn_gate.weight", {kBF16, {8, 6}}},    {"blk.0.ffn_up.weight", {kBF16, {8, 6}}},
      {"blk.0.ffn_down.weight", {kBF16, {6, 8}}},
  };
  // Further keys.
  std::function<void(GgufWriter*)> more = [](GgufWriter*) {};
  std::vector<float> divisors;
  std::map<std::string, std::vector<float>> factors{};

  std::string Bytes() const {
    GgufWriter writer;
    writer.String("general.architecture", architecture);
    for (const auto& [key, value] : ints) {
      writer.U32(absl::StrCat(architecture, ".", key), static_cast<uint32_t>(value));
    }
    for (const auto& [key, value] : floats) {
      writer.F32(absl::StrCat(architecture, ".", key), value);
    }
    more(&writer);
    for (const auto& [name, tensor] : tensors) {
      int64_t elements = 1;
      for (const int64_t extent : tensor.extents) elements *= extent;
      const auto bytes = static_cast<size_t>(BytesOf(*FindGgmlType(tensor.type), elements));
      writer.Tensor(name, tensor.type, tensor.extents, std::string(bytes, '\0'));
    }
    std::map<std::string, std::vector<float>> vectors = factors;
    if (!divisors.empty()) vectors["rope_freqs.weight"] = divisors;
    for (const auto& [name, numbers] : vectors) {
      std::string bytes;
      for (const float number : numbers) bytes += FloatBytes(number);
      writer.Tensor(name, kF32, {static_cast<int64_t>(numbers.size())}, bytes);
    }
    return writer.Bytes();
  }
};

absl::StatusOr<GgufModel> Read(const Tiny& tiny) {
  const base::TemporaryFolder folder;
  const auto file = GgufFile::Open(folder.Write("m.gguf", tiny.Bytes()));
  EXPECT_TRUE(file.ok()) << file.status();
  return ReadModel(*file);
}

std::string ErrorOf(const Tiny& tiny) {
  const auto model = Read(tiny);
  if (model.ok()) return "sound";
  const std::string message(model.status().message());
  return message.substr(message.find("m.gguf"));
}

TEST(ModelReaderTest, KeysDescribeTheDecoder) {
  const auto model = Read(Tiny());
  ASSERT_TRUE(model.ok()) << model.status();
  const decoder::Decoder& decoder = model->decoder;
  EXPECT_EQ(decoder.family, "llama");
  EXPECT_EQ(decoder.vocab_size, 5);
  EXPECT_EQ(decoder.hidden_size, 8);
  EXPECT_EQ(decoder.head_dim, 4);
  EXPECT_EQ(decoder.num_key_value_heads, 1);
  EXPECT_EQ(decoder.rms_norm_eps, 1e-5);
  EXPECT_EQ(decoder.ropes[0].theta, 10000);
  EXPECT_TRUE(decoder.tie_word_embeddings);
  EXPECT_TRUE(decoder.paired_rows);
  EXPECT_FALSE(decoder.qkv_bias);
}

TEST(ModelReaderTest, TensorsHaveTheNamesThatTheImporterLooksFor) {
  const auto model = Read(Tiny());
  ASSERT_TRUE(model.ok()) << model.status();
  const TensorView* query = model->checkpoint.Find("model.layers.0.self_attn.q_proj.weight");
  ASSERT_NE(query, nullptr);
  EXPECT_THAT(query->shape, ElementsAre(8, 8));
  EXPECT_EQ(query->dtype, ir::DType::kBF16);
  EXPECT_EQ(model->checkpoint.Find("blk.0.attn_q.weight"), nullptr);
}

// The tensors of an MLP become those of four experts of two.
void MakeExperts(Tiny* tiny) {
  for (const char* name : {"ffn_gate", "ffn_up", "ffn_down"}) {
    tiny->tensors.erase(absl::StrCat("blk.0.", name, ".weight"));
  }
  tiny->tensors["blk.0.ffn_gate_inp.weight"] = {kF32, {8, 4}};
  tiny->tensors["blk.0.ffn_gate_exps.weight"] = {kBF16, {8, 2, 4}};
  tiny->tensors["blk.0.ffn_up_exps.weight"] = {kBF16, {8, 2, 4}};
  tiny->tensors["blk.0.ffn_down_exps.weight"] = {kBF16, {2, 8, 4}};
  tiny->ints["expert_count"] = 4;
  tiny->ints["expert_used_count"] = 3;
}

TEST(ModelReaderTest, LlamaWithExpertsIsMixtral) {
  Tiny tiny;
  MakeExperts(&tiny);
  tiny.ints["feed_forward_length"] = 2;
  const auto model = Read(tiny);
  ASSERT_TRUE(model.ok()) << model.status();
  EXPECT_EQ(model->decoder.family, "mixtral");
  ASSERT_TRUE(model->decoder.experts.has_value());
  EXPECT_EQ(model->decoder.experts->count, 4);
  EXPECT_EQ(model->decoder.experts->top, 3);
  EXPECT_TRUE(model->decoder.experts->renormalise && model->decoder.experts->one_tensor);
  const TensorView* up =
      model->checkpoint.Find("model.layers.0.block_sparse_moe.experts.w3.weight");
  ASSERT_NE(up, nullptr);
  EXPECT_THAT(up->shape, ElementsAre(4, 2, 8));
}

TEST(ModelReaderTest, QwensExpertsAreNormalisedByNameUnlessAKeySaysOtherwise) {
  const auto decoder = [](const char* architecture, std::function<void(GgufWriter*)> more) {
    Tiny tiny;
    tiny.architecture = architecture;
    MakeExperts(&tiny);
    tiny.ints["expert_feed_forward_length"] = 2;
    tiny.more = std::move(more);
    if (std::string(architecture) == "qwen3moe") {
      tiny.tensors["blk.0.attn_q_norm.weight"] = {kF32, {4}};
      tiny.tensors["blk.0.attn_k_norm.weight"] = {kF32, {4}};
    } else {
      tiny.ints["expert_shared_feed_forward_length"] = 3;
      for (const char* name : {"attn_q", "attn_k", "attn_v"}) {
        tiny.tensors[absl::StrCat("blk.0.", name, ".bias")] = {
            kF32, {std::string(name) == "attn_q" ? 8 : 4}};
      }
      tiny.tensors["blk.0.ffn_gate_shexp.weight"] = {kBF16, {8, 3}};
      tiny.tensors["blk.0.ffn_up_shexp.weight"] = {kBF16, {8, 3}};
      tiny.tensors["blk.0.ffn_down_shexp.weight"] = {kBF16, {3, 8}};
      tiny.tensors["blk.0.ffn_gate_inp_shexp.weight"] = {kF32, {8}};
    }
    const auto model = Read(tiny);
    EXPECT_TRUE(model.ok()) << model.status();
    return model.ok() ? model->decoder : decoder::Decoder();
  };
  const auto none = [](GgufWriter*) {};
  EXPECT_TRUE(decoder("qwen3moe", none).experts->renormalise);
  EXPECT_FALSE(decoder("qwen2moe", none).experts->renormalise);
  EXPECT_EQ(decoder("qwen2moe", none).experts->shared_size, 3);
  const auto off = [](GgufWriter* writer) { writer->Bool("qwen3moe.expert_weights_norm", false); };
  EXPECT_FALSE(decoder("qwen3moe", off).experts->renormalise);
}

TEST(ModelReaderTest, ExpertsAreChosenBySoftmaxOrRefused) {
  Tiny tiny;
  MakeExperts(&tiny);
  tiny.ints["feed_forward_length"] = 2;
  tiny.ints["expert_gating_func"] = 1;
  EXPECT_TRUE(Read(tiny).ok());
  tiny.ints["expert_gating_func"] = 2;
  EXPECT_EQ(ErrorOf(tiny),
            "m.gguf: key 'llama.expert_gating_func': is 2, not 1, which is not supported");
}

TEST(ModelReaderTest, WhatKeysLeaveOutIsWhatReadersOfGgufTakeForIt) {
  Tiny tiny;
  tiny.ints.erase("attention.head_count_kv");
  tiny.ints.erase("rope.dimension_count");
  tiny.tensors["blk.0.attn_k.weight"].extents = {8, 8};
  tiny.tensors["blk.0.attn_v.weight"].extents = {8, 8};
  const auto model = Read(tiny);
  ASSERT_TRUE(model.ok()) << model.status();
  EXPECT_EQ(model->decoder.num_key_value_heads, 2);
}

TEST(ModelReaderTest, BiasesAndTheHeadAreWhereTheirTensorsAre) {
  Tiny tiny;
  for (const char* name : {"q", "k", "v"}) {
    const int64_t rows = name[0] == 'q' ? 8 : 4;
    tiny.tensors[absl::StrCat("blk.0.attn_", name, ".bias")] = {kF32, {rows}};
  }
  tiny.tensors["output.weight"] = {kBF16, {8, 5}};
  const auto model = Read(tiny);
  ASSERT_TRUE(model.ok()) << model.status();
  EXPECT_TRUE(model->decoder.qkv_bias);
  EXPECT_FALSE(model->decoder.output_bias);
  EXPECT_FALSE(model->decoder.tie_word_embeddings);
  EXPECT_NE(model->checkpoint.Find("lm_head.weight"), nullptr);
}

TEST(ModelReaderTest, ErrorsNameTheKey) {
  const auto with_int = [](const char* key, int64_t value) {
    Tiny tiny;
    tiny.ints[key] = value;
    return ErrorOf(tiny);
  };
  EXPECT_EQ(with_int("attention.head_count", 0),
            "m.gguf: key 'llama.attention.head_count': must be positive, is 0");
  EXPECT_EQ(
      with_int("attention.head_count", 3),
      "m.gguf: key 'llama.attention.head_count': must divide llama.embedding_length, 8, is 3");
  EXPECT_THAT(with_int("attention.head_count_kv", 3),
              HasSubstr("key 'llama.attention.head_count_kv': must divide "
                        "llama.attention.head_count, 2, is 3"));
  EXPECT_THAT(with_int("block_count", 0), HasSubstr("key 'llama.block_count': must be"));
  EXPECT_EQ(with_int("rope.dimension_count", 2),
            "m.gguf: key 'llama.rope.dimension_count': is 2, but heads have 4 elements, which is "
            "not supported");
  EXPECT_EQ(with_int("attention.value_length", 8),
            "m.gguf: key 'llama.attention.value_length': is 8, but heads have 4 elements, which is "
            "not supported");
  EXPECT_EQ(with_int("attention.sliding_window", 16),
            "m.gguf: key 'llama.attention.sliding_window': asks for a window of 16, which is not "
            "supported");
  EXPECT_EQ(with_int("attention.sliding_window", 64), "sound");
  Tiny dense;
  dense.ints["expert_count"] = 8;
  EXPECT_EQ(ErrorOf(dense), "m.gguf: key 'llama.expert_used_count' is missing");
  dense.ints["expert_used_count"] = 2;
  EXPECT_EQ(ErrorOf(dense),
            "m.gguf: tensor 'blk.0.ffn_down.weight' is no part of a model of 'llama' with these "
            "keys");
  EXPECT_EQ(with_int("expert_count", 0), "sound");
  EXPECT_EQ(
      with_int("attention.temperature_length", 8),
      "m.gguf: key 'llama.attention.temperature_length': is not known, and may change what is "
      "computed");
  Tiny tiny;
  tiny.floats["attention.layer_norm_rms_epsilon"] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_THAT(ErrorOf(tiny), HasSubstr("layer_norm_rms_epsilon': must be a finite number, is nan"));
  tiny = Tiny();
  tiny.ints.erase("block_count");
  EXPECT_EQ(ErrorOf(tiny), "m.gguf: key 'llama.block_count' is missing");
}

TEST(ModelReaderTest, OnlyModelsOfKnownArchitecturesAreRead) {
  Tiny tiny;
  tiny.architecture = "../bert";
  EXPECT_EQ(ErrorOf(tiny),
            "m.gguf: key 'general.architecture': is '../bert', which is not supported; supported "
            "are gemma2, gemma3, granite, llama, olmo2, phi3, qwen2, qwen2moe, qwen3, qwen3moe, "
            "smollm3");
  tiny = Tiny();
  tiny.more = [](GgufWriter* writer) { writer->String("general.type", "adapter"); };
  EXPECT_EQ(ErrorOf(tiny),
            "m.gguf: key 'general.type': is 'adapter', not 'model', which is not supported");
}

TEST(ModelReaderTest, LinearScalingIsReadInItsOldAndItsNewForm) {
  for (const bool old_form : {false, true}) {
    Tiny tiny;
    tiny.more = [old_form](GgufWriter* writer) {
      if (old_form) {
        writer->F32("llama.rope.scale_linear", 4);
      } else {
        writer->String("llama.rope.scaling.type", "linear").F32("llama.rope.scaling.factor", 4);
      }
    };
    const auto model = Read(tiny);
    ASSERT_TRUE(model.ok()) << model.status();
    EXPECT_EQ(model->decoder.ropes[0].frequencies, families::LinearFrequencies(10000, 4, 4));
  }
  Tiny tiny;
  tiny.more = [](GgufWriter* writer) { writer->String("llama.rope.scaling.type", "longrope"); };
  EXPECT_EQ(ErrorOf(tiny),
            "m.gguf: key 'llama.rope.scaling.type': asks for 'longrope', which is not supported");
}

TEST(ModelReaderTest, YarnsFactorOfScoresIsReadUnderItsKey) {
  const auto rope_of = [](std::optional<float> factor) {
    Tiny tiny;
    tiny.more = [factor](GgufWriter* writer) {
      writer->String("llama.rope.scaling.type", "yarn").F32("llama.rope.scaling.factor", 4);
      writer->U32("llama.rope.scaling.original_context_length", 16);
      if (factor) writer->F32("llama.rope.scaling.yarn_attn_factor", *factor);
    };
    const auto model = Read(tiny);
    EXPECT_TRUE(model.ok()) << model.status();
    return model.ok() ? model->decoder.ropes[0] : decoder::Rope();
  };
  EXPECT_EQ(rope_of(1.25F).multiplier, 1.25);
  EXPECT_NE(rope_of(std::nullopt).multiplier, 1.25);
  EXPECT_EQ(rope_of(1.25F).frequencies, rope_of(std::nullopt).frequencies);
}

TEST(ModelReaderTest, TensorsFitTheKeys) {
  Tiny tiny;
  tiny.tensors.erase("blk.0.attn_k.weight");
  EXPECT_EQ(
      ErrorOf(tiny),
      "m.gguf: tensor 'blk.0.attn_k.weight' is missing, the keys ask for one of shape [4, 8]");
  tiny = Tiny();
  tiny.tensors["blk.0.attn_k.weight"].extents = {8, 6};
  EXPECT_EQ(ErrorOf(tiny),
            "m.gguf: tensor 'blk.0.attn_k.weight' has shape [6, 8], the keys ask for [4, 8]");
  tiny = Tiny();
  tiny.tensors["blk.1.attn_k.weight"] = {kBF16, {8, 4}};
  EXPECT_EQ(
      ErrorOf(tiny),
      "m.gguf: tensor 'blk.1.attn_k.weight' is no part of a model of 'llama' with these keys");
  tiny = Tiny();
  tiny.tensors["blk.0.attn_q_norm.weight"] = {kF32, {4}};
  EXPECT_THAT(ErrorOf(tiny), HasSubstr("'blk.0.attn_q_norm.weight' is no part of a model"));
  tiny = Tiny();
  tiny.tensors["blk.0.ffn_norm.weight"].type = 24;
  EXPECT_EQ(ErrorOf(tiny),
            "m.gguf: tensor 'blk.0.ffn_norm.weight' is I8, supported are F32, F16, BF16");
  tiny = Tiny();
  tiny.tensors.erase("token_embd.weight");
  EXPECT_EQ(ErrorOf(tiny), "m.gguf: tensor 'token_embd.weight' is missing");
}

TEST(ModelReaderTest, DivisorsArePositiveAndOneForEachPair) {
  Tiny tiny;
  tiny.divisors = {1, 8};
  const auto model = Read(tiny);
  ASSERT_TRUE(model.ok()) << model.status();
  const std::vector<float> plain = families::LinearFrequencies(10000, 4, 1);
  EXPECT_THAT(model->decoder.ropes[0].frequencies, ElementsAre(plain[0], plain[1] / 8));
  tiny.divisors = {1, 8, 8};
  EXPECT_EQ(ErrorOf(tiny), "m.gguf: tensor 'rope_freqs.weight' must be F32 [2], is F32 [3]");
  tiny.divisors = {1, 0};
  EXPECT_EQ(ErrorOf(tiny),
            "m.gguf: tensor 'rope_freqs.weight' must hold positive numbers, number 1 is 0");
}

// The tensors of one layer with norms around attention and MLP.
Tiny Gemma(const char* architecture) {
  Tiny tiny;
  tiny.architecture = architecture;
  tiny.ints["attention.sliding_window"] = 16;
  tiny.tensors["blk.0.post_attention_norm.weight"] = {kF32, {8}};
  tiny.tensors["blk.0.post_ffw_norm.weight"] = {kF32, {8}};
  return tiny;
}

TEST(ModelReaderTest, GemmasNormsHaveTheirOneInThem) {
  const auto model = Read(Gemma("gemma2"));
  ASSERT_TRUE(model.ok()) << model.status();
  EXPECT_EQ(model->decoder.norm_offset, 0);
  EXPECT_EQ(model->decoder.norms, decoder::NormPlace::kAround);
  EXPECT_EQ(model->decoder.attentions[0].window, 16);
  // Where the file has no softcaps, those of the family.
  EXPECT_EQ(model->decoder.attention_softcap, 50);
}

TEST(ModelReaderTest, TheLargestGemmaDividesScoresByTheRootOfItsWidthByHeads) {
  Tiny tiny = Gemma("gemma2");
  tiny.ints["attention.key_length"] = 8;
  tiny.ints["rope.dimension_count"] = 8;
  for (int layer = 0; layer < 46; ++layer) {
    for (const char* name : {"attn_norm", "ffn_norm", "post_attention_norm", "post_ffw_norm"}) {
      tiny.tensors[absl::StrCat("blk.", layer, ".", name, ".weight")] = {kF32, {8}};
    }
    const std::pair<const char*, std::vector<int64_t>> matrices[] = {
        {"attn_q", {8, 16}},  {"attn_k", {8, 8}}, {"attn_v", {8, 8}},  {"attn_output", {16, 8}},
        {"ffn_gate", {8, 6}}, {"ffn_up", {8, 6}}, {"ffn_down", {6, 8}}};
    for (const auto& [name, extents] : matrices) {
      tiny.tensors[absl::StrCat("blk.", layer, ".", name, ".weight")] = {kBF16, extents};
    }
  }
  tiny.ints["block_count"] = 46;
  const auto model = Read(tiny);
  ASSERT_TRUE(model.ok()) << model.status();
  EXPECT_EQ(model->decoder.attention_scale, 1 / std::sqrt(4.0));
}

TEST(ModelReaderTest, PhisHeadsRotatePartlyByFactorsThatAreTensors) {
  Tiny tiny;
  tiny.architecture = "phi3";
  tiny.ints["embedding_length"] = 8;
  tiny.ints["attention.sliding_window"] = 0;
  tiny.ints["rope.dimension_count"] = 2;
  tiny.ints["rope.scaling.original_context_length"] = 32;
  for (const char* name : {"attn_q", "attn_k", "attn_v", "ffn_gate"}) {
    tiny.tensors.erase(absl::StrCat("blk.0.", name, ".weight"));
  }
  tiny.tensors["blk.0.attn_qkv.weight"] = {kBF16, {8, 16}};
  tiny.tensors["blk.0.ffn_up.weight"] = {kBF16, {8, 12}};
  EXPECT_EQ(ErrorOf(tiny),
            "m.gguf: key 'phi3.context_length': is 64, more than the 32 of "
            "rope.scaling.original_context_length, and the file lacks rope_factors_long.weight");
  tiny.factors["rope_factors_long.weight"] = {3};
  EXPECT_EQ(ErrorOf(tiny),
            "m.gguf: tensor 'rope_factors_short.weight' is missing, but "
            "'rope_factors_long.weight' is there");
  tiny.factors["rope_factors_short.weight"] = {1};
  const auto model = Read(tiny);
  ASSERT_TRUE(model.ok()) << model.status();
  EXPECT_TRUE(model->decoder.fused_projections);
  EXPECT_EQ(model->decoder.rotary_dim, 2);
  EXPECT_THAT(model->decoder.ropes[0].long_frequencies, ElementsAre(1.0f / 3));
  EXPECT_EQ(model->decoder.ropes[0].short_context, 32);
  tiny.factors["rope_factors_short.weight"] = {1, 1};
  EXPECT_THAT(ErrorOf(tiny), HasSubstr("must have an item for each of 1 pairs, has 2"));
  tiny.factors["rope_factors_short.weight"] = {0};
  EXPECT_EQ(ErrorOf(tiny),
            "m.gguf: tensor 'rope_factors_short.weight' must hold positive "
            "numbers, number 0 is 0");
  tiny.ints["rope.dimension_count"] = 3;
  tiny.factors["rope_factors_short.weight"] = {1};
  EXPECT_EQ(ErrorOf(tiny),
            "m.gguf: key 'phi3.rope.dimension_count': must be even, from 2 to the 4 "
            "elements of a head, is 3");
}

TEST(RotationTest, DivisorsOfLlama3sStretchGiveItsFrequenciesToTheBit) {
  const families::Llama3Stretch stretch = {32, 1, 4, 8192};
  const std::vector<float> wanted = families::Llama3Frequencies(500000, 64, stretch);
  // As converters compute them.
  std::vector<float> divisors;
  for (const float frequency : families::LinearFrequencies(500000, 64, 1)) {
    const float wave = static_cast<float>(2 * M_PI) / frequency;
    const float smooth = (8192 / wave - 1) / 3;
    divisors.push_back(wave < 2048 ? 1 : wave > 8192 ? 32 : 1 / ((1 - smooth) / 32 + smooth));
  }
  EXPECT_EQ(DividedFrequencies(500000, 64, divisors), wanted);
}

TEST(RotationTest, OtherDivisorsDivide) {
  const std::vector<float> plain = families::LinearFrequencies(10000, 8, 1);
  EXPECT_EQ(DividedFrequencies(10000, 8, {2, 3, 5, 7}),
            (std::vector<float>{plain[0] / 2, plain[1] / 3, plain[2] / 5, plain[3] / 7}));
}

TEST(ArchitecturesTest, NamesOfTensorsGoBothWays) {
  const Architecture& llama = *FindArchitecture("llama");
  const Architecture& olmo2 = *FindArchitecture("olmo2");
  EXPECT_EQ(CheckpointName(llama, "blk.12.ffn_down.weight"),
            "model.layers.12.mlp.down_proj.weight");
  EXPECT_EQ(CheckpointName(llama, "blk.01.ffn_down.weight"), std::nullopt);
  EXPECT_EQ(CheckpointName(llama, "blk.0.ffn_down.scales"), std::nullopt);
  EXPECT_EQ(CheckpointName(llama, "blk.ffn_down.weight"), std::nullopt);
  EXPECT_EQ(CheckpointName(llama, "ffn_down"), std::nullopt);
  EXPECT_EQ(CheckpointName(olmo2, "blk.0.post_ffw_norm.weight"),
            "model.layers.0.post_feedforward_layernorm.weight");
  EXPECT_EQ(CheckpointName(olmo2, "blk.0.attn_norm.weight"), std::nullopt);
  for (const char* name : {"token_embd.weight", "output.weight", "blk.7.attn_q.bias"}) {
    EXPECT_EQ(FileName(llama, *CheckpointName(llama, name)), name);
  }
  EXPECT_EQ(FileName(olmo2, "model.layers.0.post_attention_layernorm.weight"),
            "blk.0.post_attention_norm.weight");
}

}  // namespace
}  // namespace lluda::frontends::gguf
