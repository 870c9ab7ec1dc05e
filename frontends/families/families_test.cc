#include "frontends/families/families.h"

#include <gtest/gtest.h>

#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace lluda::frontends::families {
namespace {

using decoder::Decoder;
using decoder::NormPlace;
using decoder::QkNorm;

// A config of a family: what its row needs, and `more`.
absl::StatusOr<Decoder> Parse(const std::string& family, const std::string& more = "") {
  return ParseConfig(
      "c", absl::StrCat(R"({"model_type": ")", family, R"(", "vocab_size": 100, "hidden_size": 64,
          "intermediate_size": 96, "num_hidden_layers": 4, "num_attention_heads": 8,
          "max_position_embeddings": 512)",
                        more.empty() ? "" : ", ", more, "}"));
}

Decoder Read(const std::string& family, const std::string& more = "") {
  const absl::StatusOr<Decoder> decoder = Parse(family, more);
  EXPECT_TRUE(decoder.ok()) << decoder.status();
  return decoder.ok() ? *decoder : Decoder();
}

std::string Error(const std::string& family, const std::string& more) {
  return std::string(Parse(family, more).status().message());
}

TEST(Families, AnUnknownOneIsRefusedWithThoseThatAreKnown) {
  EXPECT_EQ(Parse("gpt2").status(),
            absl::UnimplementedError(
                "c: field 'model_type' asks for 'gpt2', which is not supported; the families are "
                "granite, llama, mistral, olmo2, qwen2, qwen3, smollm3"));
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
  EXPECT_EQ(Error("qwen2", R"("num_key_value_heads": 2, "use_sliding_window": true,
                              "sliding_window": 24, "max_window_layers": 2)"),
            "c: field 'use_sliding_window' asks for true (layers 2 to 3), which is not supported");
}

TEST(Mistral, AWindowIsRefusedWhereItIsShorterThanTheContext) {
  EXPECT_EQ(Read("mistral", R"("sliding_window": null)").num_key_value_heads, 8);
  EXPECT_TRUE(Parse("mistral").ok());  // 4096
  EXPECT_TRUE(Parse("mistral", R"("sliding_window": 512)").ok());
  EXPECT_EQ(Error("mistral", R"("sliding_window": 511)"),
            "c: field 'sliding_window' asks for 511, which is not supported");
  const std::string config = R"({"model_type": "mistral", "vocab_size": 100, "hidden_size": 64,
      "intermediate_size": 96, "num_hidden_layers": 4, "num_attention_heads": 8,
      "max_position_embeddings": 32768})";
  EXPECT_EQ(ParseConfig("c", config).status().message(),
            "c: field 'sliding_window' asks for 4096, as it is absent, which is not supported");
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
  EXPECT_EQ(Error("smollm3", heads + R"(, "use_sliding_window": true, "sliding_window": 24)"),
            "c: field 'use_sliding_window' asks for true, which is not supported");
}

}  // namespace
}  // namespace lluda::frontends::families
