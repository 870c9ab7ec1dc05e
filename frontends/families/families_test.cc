#include "frontends/families/families.h"

#include <gtest/gtest.h>

#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "frontends/families/families_test_util.h"

namespace lluda::frontends::families {
namespace {

using decoder::Decoder;
using decoder::NormPlace;
using decoder::QkNorm;

// The window of each layer, 0 for none.
std::string Windows(const Decoder& decoder) {
  return absl::StrJoin(decoder.layers, " ", [&](std::string* out, const decoder::Layer& layer) {
    absl::StrAppend(out, decoder.attentions[layer.attention].window.value_or(0));
  });
}

TEST(Families, AnUnknownOneIsRefusedWithThoseThatAreKnown) {
  EXPECT_EQ(
      Parse("gpt2").status(),
      absl::UnimplementedError(
          "c: field 'model_type' asks for 'gpt2', which is not supported; the families are "
          "gemma2, gemma3, gemma3_text, granite, llama, mistral, mixtral, olmo2, phi3, qwen2, "
          "qwen2_moe, qwen3, qwen3_asr, qwen3_moe, smollm3"));
}

TEST(Families, AnotherFamilysArchitectureIsRefused) {
  EXPECT_TRUE(Parse("llama", R"("architectures": ["LlamaForCausalLM"])").ok());
  EXPECT_TRUE(Parse("llama", R"("architectures": ["LlamaModel"])").ok());
  EXPECT_EQ(Error("llama", R"("architectures": ["LlamaForSequenceClassification"])"),
            "c: field 'architectures' asks for 'LlamaForSequenceClassification', which is not "
            "supported");
}

TEST(Llama, HasTransformersDefaults) {
  const Decoder decoder = Read("llama");
  EXPECT_EQ(decoder.family, "llama");
  EXPECT_EQ(decoder.num_key_value_heads, 8);
  EXPECT_EQ(decoder.head_dim, 8);
  EXPECT_EQ(decoder.rms_norm_eps, 1e-6);
  EXPECT_EQ(decoder.layer_count(), 4);
  ASSERT_EQ(decoder.ropes.size(), 1u);
  EXPECT_EQ(decoder.ropes[0].theta, 10000);
  EXPECT_TRUE(decoder.ropes[0].frequencies.empty());
  EXPECT_FALSE(decoder.tie_word_embeddings || decoder.qkv_bias || decoder.output_bias ||
               decoder.mlp_bias);
  EXPECT_EQ(decoder.qk_norm, QkNorm::kNone);
  EXPECT_EQ(Read("llama", R"("head_dim": null, "num_key_value_heads": null)").head_dim, 8);
  EXPECT_EQ(Read("llama", R"("head_dim": 24, "num_key_value_heads": 2)").query_size(), 192);
}

TEST(Llama, HeadsHaveToShareTheModelsWidthWhereTheyHaveNoneOfTheirOwn) {
  EXPECT_EQ(Error("llama", R"("num_key_value_heads": 3)"),
            "c: field 'num_key_value_heads' must divide num_attention_heads, 8, is 3");
  const auto parse = [](const char* heads) {
    return std::string(ParseConfig("c", absl::StrCat(R"({"model_type": "llama", "vocab_size": 100,
            "hidden_size": 60, "intermediate_size": 96, "num_hidden_layers": 4,
            "max_position_embeddings": 512, "num_attention_heads": )",
                                                     heads, "}"))
                           .status()
                           .message());
  };
  EXPECT_EQ(parse("8"),
            "c: field 'hidden_size' must be a multiple of num_attention_heads, 8, is 60");
  EXPECT_EQ(parse("4"), "c: field 'head_dim' must be even for rotary embedding, is 15");
}

TEST(Llama, BiasesAreSwitches) {
  const Decoder attention = Read("llama", R"("attention_bias": true)");
  EXPECT_TRUE(attention.qkv_bias && attention.output_bias && !attention.mlp_bias);
  const Decoder mlp = Read("llama", R"("mlp_bias": true, "attention_bias": null)");
  EXPECT_TRUE(!mlp.qkv_bias && !mlp.output_bias && mlp.mlp_bias);
  EXPECT_EQ(Error("llama", R"("mlp_bias": "no")"),
            "c: field 'mlp_bias' must be true or false, is a string");
}

TEST(Llama, RopeTypesHaveTheirParametersAndNoOthers) {
  const Decoder linear = Read("llama", R"("rope_scaling": {"type": "linear", "factor": 4})");
  ASSERT_EQ(linear.ropes[0].frequencies.size(), 4u);
  EXPECT_EQ(linear.ropes[0].frequencies[0], 0.25f);
  const std::string parameters = R"("rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0,
      "high_freq_factor": 4.0, "original_max_position_embeddings": 64)";
  const Decoder old_form =
      Read("llama", absl::StrCat(R"("rope_theta": 500000.0, "rope_scaling": {)", parameters, "}"));
  const Decoder new_form = Read(
      "llama", absl::StrCat(R"("rope_parameters": {"rope_theta": 500000.0, )", parameters, "}"));
  ASSERT_EQ(old_form.ropes[0].frequencies.size(), 4u);
  EXPECT_EQ(old_form.ropes[0].frequencies[0], 1.0f);
  EXPECT_LT(old_form.ropes[0].frequencies[3], 1e-5f);
  EXPECT_EQ(old_form.ropes, new_form.ropes);

  const auto rope = [](const std::string& fields) {
    return Error("llama", absl::StrCat(R"("rope_scaling": {)", fields, "}"));
  };
  EXPECT_EQ(rope(R"("rope_type": "dynamic", "factor": 2)"),
            "c: field 'rope_scaling.rope_type' asks for 'dynamic', which is not supported");
  EXPECT_EQ(rope(R"("short_factor": [1, 2], "long_factor": [1, 2])"),
            "c: field 'rope_scaling.short_factor' asks for a list, which is not supported where "
            "rope_type is missing");
  EXPECT_EQ(rope(R"("rope_type": "linear")"), "c: field 'rope_scaling.factor' is missing");
  EXPECT_EQ(rope(R"("rope_type": "linear", "factor": 0)"),
            "c: field 'rope_scaling.factor' must be a number above 0 and at most 1e+09, is 0");
  EXPECT_EQ(rope(R"("rope_type": "linear", "factor": 2, "low_freq_factor": 1)"),
            "c: field 'rope_scaling.low_freq_factor' asks for 1, which is not supported");
  EXPECT_EQ(rope(R"("rope_type": "llama3", "type": "linear", "factor": 2)"),
            "c: field 'rope_scaling.type' is 'linear', but rope_type is 'llama3'");
  EXPECT_EQ(rope(R"("rope_type": "llama3", "factor": 8, "low_freq_factor": 4,
                    "high_freq_factor": 4, "original_max_position_embeddings": 64)"),
            "c: field 'rope_scaling.high_freq_factor' must be more than low_freq_factor, 4, is 4");
}

TEST(Llama, TwoPlacesHaveToSayTheSameRotation) {
  const std::string linear = R"({"rope_type": "linear", "factor": 4})";
  EXPECT_TRUE(Parse("llama",
                    absl::StrCat(R"("rope_scaling": )", linear, R"(, "rope_parameters": )", linear))
                  .ok());
  EXPECT_EQ(Error("llama", absl::StrCat(R"("rope_scaling": )", linear,
                                        R"(, "rope_parameters": {"rope_type": "default"})")),
            "c: field 'rope_parameters.rope_type' and what belongs to it contradict rope_scaling");
}

TEST(Llama, WindowsAndOtherFamiliesSwitchesAreRefusedByName) {
  for (const std::string field :
       {R"("sliding_window": 64)", R"("use_sliding_window": true)", R"("use_qk_norm": false)",
        R"("embedding_multiplier": 2)", R"("num_experts": 8)", R"("q_lora_rank_compress": 8)"}) {
    const std::string key = field.substr(0, field.find(':'));
    EXPECT_EQ(Error("llama", field)
                  .find(absl::StrCat("c: field '", key.substr(1, key.size() - 2), "' asks for ")),
              0u)
        << field;
  }
}

TEST(Qwen2, HasBiasesOfQueriesKeysAndValues) {
  const Decoder decoder = Read("qwen2", R"("num_key_value_heads": 2)");
  EXPECT_TRUE(decoder.qkv_bias && !decoder.output_bias && !decoder.mlp_bias);
  EXPECT_EQ(Error("qwen2", ""), "c: field 'num_key_value_heads' is missing");
  const Decoder windows = Read("qwen2", R"("num_key_value_heads": 2, "use_sliding_window": true,
                              "sliding_window": 24, "max_window_layers": 2)");
  EXPECT_EQ(Windows(windows), "0 0 24 24");
  EXPECT_EQ(windows.attentions[1].name, "attn_window");
}

TEST(Mistral, AllLayersHaveTheWindow) {
  const Decoder none = Read("mistral", R"("sliding_window": null)");
  EXPECT_EQ(none.num_key_value_heads, 8);
  EXPECT_EQ(Windows(none), "0 0 0 0");
  EXPECT_EQ(none.attentions[0].name, "attn");
  const Decoder narrow = Read("mistral", R"("sliding_window": 24)");
  EXPECT_EQ(Windows(narrow), "24 24 24 24");
  ASSERT_EQ(narrow.attentions.size(), 1u);
  EXPECT_EQ(narrow.attentions[0].name, "attn_window");
  EXPECT_EQ(Error("mistral", R"("sliding_window": 0)"),
            "c: field 'sliding_window' must be a positive integer, is 0");
}

TEST(Mistral, AWindowThatIsAbsentHasTransformersWidth) {
  EXPECT_EQ(Windows(Read("mistral")), "0 0 0 0");  // no context of the model exceeds it
  const std::string config = R"({"model_type": "mistral", "vocab_size": 100, "hidden_size": 64,
      "intermediate_size": 96, "num_hidden_layers": 4, "num_attention_heads": 8,
      "max_position_embeddings": 32768})";
  const absl::StatusOr<Decoder> decoder = ParseConfig("c", config);
  ASSERT_TRUE(decoder.ok()) << decoder.status();
  EXPECT_EQ(Windows(*decoder), "4096 4096 4096 4096");
}

TEST(Gemma2, HasItsNormsScalesAndCaps) {
  const Decoder decoder = Read("gemma2", R"("query_pre_attn_scalar": 64, "sliding_window": 24)");
  EXPECT_EQ(decoder.norms, NormPlace::kAround);
  EXPECT_EQ(decoder.norm_offset, 1);
  EXPECT_EQ(decoder.activation, decoder::Activation::kGeluTanh);
  EXPECT_EQ(decoder.embedding_multiplier, 8);
  EXPECT_EQ(decoder.attention_scale, 0.125);
  EXPECT_EQ(decoder.attention_softcap, 50.0);
  EXPECT_EQ(decoder.logits_softcap, 30.0);
  EXPECT_EQ(decoder.head_dim, 256);
  EXPECT_EQ(decoder.num_key_value_heads, 4);
  EXPECT_TRUE(decoder.tie_word_embeddings);
  EXPECT_EQ(Windows(decoder), "24 0 24 0");
  const Decoder uncapped = Read("gemma2", R"("attn_logit_softcapping": null,
      "final_logit_softcapping": null, "layer_types": ["full_attention", "sliding_attention",
      "sliding_attention", "full_attention"], "sliding_window": 7)");
  EXPECT_EQ(uncapped.attention_softcap, std::nullopt);
  EXPECT_EQ(uncapped.logits_softcap, std::nullopt);
  EXPECT_EQ(Windows(uncapped), "0 7 7 0");
  EXPECT_EQ(Error("gemma2", R"("hidden_activation": "gelu")"),
            "c: field 'hidden_activation' asks for 'gelu', which is not supported");
  EXPECT_EQ(Error("gemma2", R"("use_bidirectional_attention": true)"),
            "c: field 'use_bidirectional_attention' asks for true, which is not supported");
  EXPECT_EQ(Error("gemma2", R"("attn_logit_softcapping": 0)"),
            "c: field 'attn_logit_softcapping' must be a number above 0 and at most 1e+09, is 0");
}

TEST(Gemma3, ScoresAreNotCappedAndAFileThatAsksForItIsRefused) {
  EXPECT_EQ(Error("gemma3_text", R"("attn_logit_softcapping": 50.0)"),
            "c: field 'attn_logit_softcapping' asks for 50.0, which is not supported");
  const Decoder decoder = Read("gemma3_text", R"("attn_logit_softcapping": null,
      "final_logit_softcapping": 30.0)");
  EXPECT_EQ(decoder.attention_softcap, std::nullopt);
  EXPECT_EQ(decoder.logits_softcap, 30.0);
}

TEST(Gemma3, LayersWithAWindowRotateByABaseOfTheirOwn) {
  const Decoder decoder = Read("gemma3_text", R"("sliding_window": 24,
      "sliding_window_pattern": 3, "rope_scaling": {"rope_type": "linear", "factor": 8.0})");
  EXPECT_EQ(Windows(decoder), "24 24 0 24");
  EXPECT_EQ(decoder.qk_norm, QkNorm::kHead);
  ASSERT_EQ(decoder.ropes.size(), 2u);
  EXPECT_EQ(decoder.ropes[0].theta, 1e6);
  EXPECT_FALSE(decoder.ropes[0].frequencies.empty());
  EXPECT_EQ(decoder.ropes[1].theta, 1e4);
  EXPECT_TRUE(decoder.ropes[1].frequencies.empty());
  ASSERT_EQ(decoder.attentions.size(), 2u);
  EXPECT_EQ(decoder.attentions[0].rope, 0u);
  EXPECT_EQ(decoder.attentions[1].rope, 1u);
  // The default is every sixth; windows that see all still have their base.
  EXPECT_EQ(Windows(Read("gemma3_text")), "4096 4096 4096 4096");
}

TEST(Gemma3, RopeParametersByLayerTypeMeanTheSame) {
  const Decoder older = Read("gemma3_text", R"("rope_theta": 5e5, "rope_local_base_freq": 5e3,
      "rope_scaling": {"rope_type": "linear", "factor": 8.0})");
  const std::string by_type = R"("rope_parameters": {
      "full_attention": {"rope_type": "linear", "factor": 8.0, "rope_theta": 5e5},
      "sliding_attention": {"rope_type": "default", "rope_theta": 5e3}})";
  EXPECT_EQ(Read("gemma3_text", by_type).ropes, older.ropes);
  EXPECT_EQ(Error("gemma3_text", by_type + R"(, "rope_local_base_freq": 1e4)"),
            "c: field 'rope_parameters.sliding_attention.rope_theta' is 5000, but elsewhere "
            "rope_theta is 10000");
}

TEST(Gemma3, WhatHasNoMeaningInRopeParametersByLayerTypeIsRefused) {
  const auto error = [](const std::string& rope) {
    return Error("gemma3_text", absl::StrCat(R"("rope_parameters": )", rope));
  };
  const std::string end = ", which is not supported";
  EXPECT_EQ(error(R"({"full_attention": {"rope_type": "dynamic", "factor": 4.0}})"),
            "c: field 'rope_parameters.full_attention.rope_type' asks for 'dynamic'" + end);
  EXPECT_EQ(error(R"({"full_attention": {"rope_theta": 5, "factor": 2}})"),
            "c: field 'rope_parameters.full_attention.factor' asks for 2" + end +
                " where rope_type is missing");
  EXPECT_EQ(error(R"({"full_attention": {"rope_theta": 5}, "rope_theta": 6})"),
            "c: field 'rope_parameters.rope_theta' asks for 6" + end);
  EXPECT_EQ(error(R"({"full_attention": {"full_attention": {"rope_theta": 5}}})"),
            "c: field 'rope_parameters.full_attention.full_attention' asks for an object" + end);
}

TEST(Gemma3, WithImagesItsTextPartIsRead) {
  const auto parse = [](const std::string& text, const std::string& more) {
    return ParseConfig("c", absl::StrCat(R"({"model_type": "gemma3", "vision_config": {"a": 1},
        "architectures": ["Gemma3ForConditionalGeneration"], "dtype": "bfloat16", "text_config": {)",
                                         text, "}", more, "}"));
  };
  const absl::StatusOr<Decoder> decoder = parse(
      R"("model_type": "gemma3_text", "hidden_size": 2560, "intermediate_size": 10240,
         "num_hidden_layers": 34, "sliding_window": 1024)",
      "");
  ASSERT_TRUE(decoder.ok()) << decoder.status();
  EXPECT_EQ(decoder->vocab_size, 262208);
  EXPECT_EQ(decoder->num_attention_heads, 8);
  EXPECT_EQ(decoder->num_key_value_heads, 4);
  EXPECT_EQ(decoder->max_position_embeddings, 131072);
  EXPECT_EQ(decoder->dtype, "bfloat16");
  EXPECT_EQ(decoder->layers[4].attention, 1u);
  EXPECT_EQ(decoder->layers[5].attention, 0u);
  EXPECT_EQ(parse(R"("model_type": "llama")", "").status().message(),
            "c: field 'text_config.model_type' asks for 'llama', which is not supported");
  EXPECT_EQ(parse(R"("hidden_activation": "relu")", "").status().message(),
            "c: field 'text_config.hidden_activation' asks for 'relu', which is not supported");
  EXPECT_EQ(parse("", R"(, "compression_config": {"bits": 4})").status().message(),
            "c: field 'compression_config' asks for quantised weights, which is not supported");
}

TEST(Phi3, ProjectionsAreFusedAndHeadsRotateInPart) {
  const Decoder whole = Read("phi3", R"("sliding_window": 24)");
  EXPECT_TRUE(whole.fused_projections);
  EXPECT_EQ(whole.rotated_dim(), 8);
  EXPECT_EQ(whole.rms_norm_eps, 1e-5);
  EXPECT_EQ(Windows(whole), "24 24 24 24");
  EXPECT_EQ(Windows(Read("phi3")), "0 0 0 0");
  EXPECT_EQ(Read("phi3", R"("partial_rotary_factor": 0.75)").rotated_dim(), 6);
  EXPECT_EQ(Read("phi3", R"("rope_parameters": {"partial_rotary_factor": 0.5})").rotated_dim(), 4);
  EXPECT_EQ(Error("phi3", R"("partial_rotary_factor": 0.4)"),
            "c: field 'partial_rotary_factor' of a head of 8 gives 3 elements, which are no pairs");
  EXPECT_EQ(Error("phi3", R"("partial_rotary_factor": 0.75,
                             "rope_parameters": {"partial_rotary_factor": 0.5})"),
            "c: field 'rope_parameters.partial_rotary_factor' is 0.5, but elsewhere it is 0.75");
}

TEST(Phi3, LongRopeHasTwoSetsOfFactors) {
  const auto config = [](const std::string& type, const std::string& more) {
    return absl::StrCat(R"("original_max_position_embeddings": 128, "rope_scaling": {"type": ")",
                        type, R"(", "short_factor": [1, 1.5, 2, 2.5], "long_factor": )", more, "}");
  };
  const Decoder decoder = Read("phi3", config("longrope", "[1, 2, 3, 4]"));
  const decoder::Rope& rope = decoder.ropes[0];
  ASSERT_EQ(rope.frequencies.size(), 4u);
  EXPECT_EQ(rope.frequencies[0], 1.0f);
  EXPECT_NEAR(rope.frequencies[2], 0.01 / 2, 1e-9);
  EXPECT_NEAR(rope.long_frequencies[2], 0.01 / 3, 1e-9);
  EXPECT_EQ(rope.short_context, 128);
  EXPECT_NEAR(rope.multiplier, 1.1338934, 1e-6);  // sqrt(1 + ln(4) / ln(128))
  EXPECT_FALSE(UsesLongFrequencies(rope, 128));
  EXPECT_TRUE(UsesLongFrequencies(rope, 129));
  // Older files call it otherwise.
  for (const char* name : {"su", "yarn"}) {
    EXPECT_EQ(Read("phi3", config(name, "[1, 2, 3, 4]")).ropes, decoder.ropes) << name;
  }
  EXPECT_EQ(Error("phi3", config("longrope", "[1, 2, 3]")),
            "c: field 'rope_scaling.long_factor' must have an item for each of 4 pairs, has 3");
  EXPECT_EQ(Error("phi3", config("longrope", "[1, 2, 3, 0]")),
            "c: field 'rope_scaling.long_factor' must hold numbers above 0 and at most 1e+09, "
            "holds 0");
  EXPECT_EQ(Error("phi3", R"("rope_scaling": {"type": "linear", "factor": 2})"),
            "c: field 'rope_scaling.type' asks for 'linear', which is not supported");
}

TEST(Granite, MultipliersAreRead) {
  const Decoder plain = Read("granite");
  EXPECT_EQ(plain.attention_scale, 1.0);
  EXPECT_EQ(plain.embedding_multiplier, 1);
  const Decoder decoder =
      Read("granite", R"("attention_multiplier": 0.5, "embedding_multiplier": 12.0,
                         "residual_multiplier": 0.22, "logits_scaling": 8.0)");
  EXPECT_EQ(decoder.attention_scale, 0.5);
  EXPECT_EQ(decoder.embedding_multiplier, 12);
  EXPECT_EQ(decoder.residual_multiplier, 0.22);
  EXPECT_EQ(decoder.logits_divisor, 8);
}

TEST(Olmo2, NormsStandBehindAndAlongRows) {
  const Decoder decoder = Read("olmo2");
  EXPECT_EQ(decoder.norms, NormPlace::kBehind);
  EXPECT_EQ(decoder.qk_norm, QkNorm::kRow);
  EXPECT_EQ(decoder.rms_norm_eps, 1e-5);
}

TEST(SmolLm3, SomeLayersDoNotRotate) {
  const auto rotates = [](const Decoder& decoder) {
    std::string text;
    for (const decoder::Layer& layer : decoder.layers) {
      text += decoder.attentions[layer.attention].rope ? '1' : '0';
    }
    return text;
  };
  const std::string heads = R"("num_key_value_heads": 2)";
  const Decoder usual = Read("smollm3", heads);
  EXPECT_EQ(rotates(usual), "1110");
  EXPECT_EQ(usual.ropes[0].theta, 2e6);
  EXPECT_TRUE(usual.tie_word_embeddings);
  EXPECT_EQ(rotates(Read("smollm3", heads + R"(, "no_rope_layer_interval": 2)")), "1010");
  EXPECT_EQ(rotates(Read("smollm3", heads + R"(, "no_rope_layers": [0, 1, 1, 0])")), "0110");
  const Decoder all = Read("smollm3", heads + R"(, "no_rope_layers": [1, 1, 1, 1])");
  EXPECT_EQ(all.attentions.size(), 1u);
  EXPECT_EQ(Error("smollm3", heads + R"(, "no_rope_layers": [1, 1])"),
            "c: field 'no_rope_layers' must have an item for each of num_hidden_layers, 4, has 2");
  const Decoder windows =
      Read("smollm3", heads + R"(, "use_sliding_window": true, "sliding_window": 24)");
  EXPECT_EQ(Windows(windows), "0 0 0 24");
  EXPECT_EQ(rotates(windows), "1110");
  EXPECT_EQ(windows.attentions[1].name, "attn_without_rope_window");
  EXPECT_EQ(Error("smollm3", heads + R"(, "layer_types": ["full_attention", "full_attention",
                                         "full_attention", "sliding_attention"])"),
            "c: field 'layer_types[3]' is 'sliding_attention', but the config gives windows no "
            "width");
}

// A config as transformers nests it, with `audio` in place of the encoder's own fields.
absl::StatusOr<Decoder> ParseAsr(const std::string& audio, const std::string& thinker = "") {
  return ParseConfig("c", absl::StrCat(R"({"model_type": "qwen3_asr", "thinker_config": {
      "model_type": "qwen3_asr_thinker", "dtype": "bfloat16", "text_config": {"model_type": "qwen3",
          "vocab_size": 100, "hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 4,
          "num_attention_heads": 8, "num_key_value_heads": 2, "max_position_embeddings": 512,
          "tie_word_embeddings": true, "rope_theta": 1000000, "rope_scaling": {
              "mrope_section": [6, 5, 5], "mrope_interleaved": true, "rope_type": "default"}})",
                                       thinker, R"(, "audio_config": {)", audio, "}}}"));
}

std::string Ears(const std::string& changed = "", const std::string& to = "") {
  std::string fields = R"("num_mel_bins": 128, "d_model": 32, "encoder_layers": 2,
      "encoder_attention_heads": 4, "encoder_ffn_dim": 48, "downsample_hidden_size": 16,
      "n_window": 50, "n_window_infer": 800, "output_dim": 64, "activation_function": "gelu",
      "scale_embedding": false)";
  if (changed.empty()) return fields;
  const size_t at = fields.find(changed);
  EXPECT_NE(at, std::string::npos) << changed;
  return fields.replace(at, changed.size(), to);
}

TEST(Qwen3Asr, DescribesEarsInFrontOfQwen3) {
  const absl::StatusOr<Decoder> decoder = ParseAsr(Ears());
  ASSERT_TRUE(decoder.ok()) << decoder.status();
  EXPECT_EQ(decoder->family, "qwen3_asr");
  EXPECT_EQ(decoder->dtype, "bfloat16");
  EXPECT_EQ(decoder->qk_norm, QkNorm::kHead);
  EXPECT_TRUE(decoder->tie_word_embeddings);
  ASSERT_TRUE(decoder->audio.has_value());
  EXPECT_EQ(decoder->audio->hidden_size, 32);
  EXPECT_EQ(decoder->audio->head_dim(), 8);
  EXPECT_EQ(decoder->audio->conv_channels, 16);
  EXPECT_EQ(decoder->audio->window_chunks, 8);
}

TEST(Qwen3Asr, AloneMaySayHowPairsAreSharedOutAmongPositionsInSpaceAndTime) {
  EXPECT_EQ(Error("qwen3", R"("num_key_value_heads": 2, "rope_scaling": {"mrope_section": [6]})"),
            "c: field 'rope_scaling.mrope_section' asks for a list, which is not supported");
  EXPECT_EQ(Error("llama", R"("rope_parameters": {"mrope_interleaved": true})"),
            "c: field 'rope_parameters.mrope_interleaved' asks for true, which is not supported");
}

TEST(Qwen3Asr, RefusesByNameWhatIsNotBuilt) {
  const auto error = [](const std::string& changed, const std::string& to) {
    return std::string(ParseAsr(Ears(changed, to)).status().message());
  };
  const std::string at = "c: field 'thinker_config.audio_config.";
  EXPECT_EQ(error("\"scale_embedding\": false", "\"scale_embedding\": true"),
            at + "scale_embedding' asks for true, which is not supported");
  EXPECT_EQ(error("\"activation_function\": \"gelu\"", "\"activation_function\": \"relu\""),
            at + "activation_function' asks for 'relu', which is not supported");
  EXPECT_EQ(error("\"n_window\": 50", "\"n_window\": 100"),
            at + "n_window' asks for 100, which is not supported");
  EXPECT_EQ(error("\"n_window_infer\": 800", "\"n_window_infer\": 850"),
            at + "n_window_infer' must be a multiple of 100, is 850");
  EXPECT_EQ(error("\"output_dim\": 64", "\"output_dim\": 32"),
            at + "output_dim' must be the text part's hidden_size, 64, is 32");
  EXPECT_EQ(error("\"d_model\": 32", "\"d_model\": 30"),
            at + "d_model' must be even and a multiple of encoder_attention_heads, 4, is 30");
  EXPECT_EQ(ParseAsr(Ears(), R"(, "vision_config": {"depth": 3})").status().message(),
            "c: field 'thinker_config.vision_config' asks for images, which is not supported");
}

}  // namespace
}  // namespace lluda::frontends::families
