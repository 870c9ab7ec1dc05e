#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/files/test_files.h"
#include "frontends/families/families.h"

namespace lluda::frontends::families {
namespace {

using decoder::Decoder;

// A config's fields as JSON text; tests replace some of them.
using Fields = std::map<std::string, std::string>;

Fields SoundFields() {
  return {
      {"model_type", "\"qwen3\""},  {"architectures", "[\"Qwen3ForCausalLM\"]"},
      {"vocab_size", "1000"},       {"hidden_size", "64"},
      {"intermediate_size", "96"},  {"num_hidden_layers", "2"},
      {"num_attention_heads", "4"}, {"num_key_value_heads", "2"},
      {"head_dim", "32"},           {"max_position_embeddings", "512"},
      {"rope_theta", "1000000"},
  };
}

std::string ToJson(const Fields& fields) {
  return absl::StrCat("{",
                      absl::StrJoin(fields, ", ",
                                    [](std::string* out, const auto& field) {
                                      absl::StrAppend(out, "\"", field.first, "\": ", field.second);
                                    }),
                      "}");
}

absl::StatusOr<Decoder> ParseWith(const std::string& key, const std::string& value) {
  Fields fields = SoundFields();
  fields[key] = value;
  return ParseConfig("config.json", ToJson(fields));
}

absl::StatusOr<Decoder> ParseWithout(const std::string& key) {
  Fields fields = SoundFields();
  fields.erase(key);
  return ParseConfig("config.json", ToJson(fields));
}

// As transformers 4.51 wrote it for Qwen3-0.6B.
constexpr char kOldForm[] = R"({
  "architectures": ["Qwen3ForCausalLM"], "attention_bias": false, "attention_dropout": 0.0,
  "bos_token_id": 151643, "eos_token_id": 151645, "head_dim": 128, "hidden_act": "silu",
  "hidden_size": 1024, "initializer_range": 0.02, "intermediate_size": 3072,
  "max_position_embeddings": 40960, "max_window_layers": 28, "model_type": "qwen3",
  "num_attention_heads": 16, "num_hidden_layers": 28, "num_key_value_heads": 8,
  "rms_norm_eps": 1e-06, "rope_scaling": null, "rope_theta": 1000000, "sliding_window": null,
  "tie_word_embeddings": true, "torch_dtype": "bfloat16", "transformers_version": "4.51.0",
  "use_cache": true, "use_sliding_window": false, "vocab_size": 151936})";

// As transformers 5 writes it.
constexpr char kNewForm[] = R"({
  "architectures": ["Qwen3ForCausalLM"], "attention_bias": false, "attention_dropout": 0.0,
  "bos_token_id": null, "dtype": "float16", "eos_token_id": [11, 12], "head_dim": 64,
  "hidden_act": "silu", "hidden_size": 256, "initializer_range": 0.02, "intermediate_size": 768,
  "layer_types": ["full_attention", "full_attention"], "max_position_embeddings": 2048,
  "max_window_layers": 28, "model_type": "qwen3", "num_attention_heads": 4,
  "num_hidden_layers": 2, "num_key_value_heads": 2, "pad_token_id": 4093, "rms_norm_eps": 1e-05,
  "rope_parameters": {"rope_theta": 20000.0, "rope_type": "default"}, "sliding_window": null,
  "tie_word_embeddings": false, "transformers_version": "5.17.0", "use_cache": true,
  "use_sliding_window": false, "vocab_size": 4096})";

TEST(Qwen3, ReadsTheOldForm) {
  const base::TemporaryFolder folder;
  folder.Write("config.json", kOldForm);
  absl::StatusOr<Decoder> config = LoadConfig(folder.path());
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->vocab_size, 151936);
  EXPECT_EQ(config->hidden_size, 1024);
  EXPECT_EQ(config->intermediate_size, 3072);
  EXPECT_EQ(config->layer_count(), 28);
  EXPECT_EQ(config->num_attention_heads, 16);
  EXPECT_EQ(config->num_key_value_heads, 8);
  EXPECT_EQ(config->head_dim, 128);
  EXPECT_EQ(config->query_size(), 2048);
  EXPECT_EQ(config->key_value_size(), 1024);
  EXPECT_EQ(config->max_position_embeddings, 40960);
  EXPECT_EQ(config->rms_norm_eps, 1e-6);
  EXPECT_EQ(config->ropes[0].theta, 1e6);
  EXPECT_TRUE(config->tie_word_embeddings);
  EXPECT_EQ(config->dtype, "bfloat16");
}

TEST(Qwen3, ReadsTheNewForm) {
  absl::StatusOr<Decoder> config = ParseConfig("config.json", kNewForm);
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->rms_norm_eps, 1e-5);
  EXPECT_EQ(config->ropes[0].theta, 20000.0);
  EXPECT_FALSE(config->tie_word_embeddings);
  EXPECT_EQ(config->dtype, "float16");
}

TEST(Qwen3, AbsentFieldsHaveTransformersDefaults) {
  absl::StatusOr<Decoder> config = ParseWithout("rope_theta");
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->ropes[0].theta, 10000.0);
  EXPECT_EQ(config->rms_norm_eps, 1e-6);
  EXPECT_FALSE(config->tie_word_embeddings);
  config = ParseWithout("head_dim");
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->head_dim, 128);  // and not hidden_size / num_attention_heads, which is 16
  config = ParseWith("num_key_value_heads", "null");
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->num_key_value_heads, 4);
}

TEST(Qwen3, AcceptsRopeThatAsksForNothingSpecial) {
  EXPECT_TRUE(ParseWith("rope_scaling", R"({"rope_type": "default"})").ok());
  EXPECT_TRUE(ParseWith("rope_scaling", R"({"type": "default"})").ok());
  EXPECT_TRUE(ParseWith("rope_scaling", "{}").ok());
  EXPECT_TRUE(ParseWith("rope_scaling", R"({"rope_type": null, "factor": null})").ok());
  EXPECT_TRUE(ParseWith("rope_parameters", R"({"rope_theta": 1000000})").ok());
  EXPECT_TRUE(ParseWith("rope_parameters", R"({"rope_type": "default"})").ok());
  EXPECT_TRUE(ParseWith("partial_rotary_factor", "1.0").ok());
}

TEST(Qwen3, RefusesByNameWhatIsNotSupported) {
  const struct {
    std::string key;
    std::string value;
    std::string asks_for;
  } cases[] = {
      {"architectures", R"(["Qwen3MoeForCausalLM"])",
       "'architectures' asks for 'Qwen3MoeForCausalLM'"},
      {"hidden_act", R"("gelu")", "'hidden_act' asks for 'gelu'"},
      {"rope_parameters", R"({"rope_type": "default", "rope_theta": 1000000, "factor": 4.0})",
       "'rope_parameters.factor' asks for 4.0"},
      {"rope_scaling", R"({"rope_type": "default", "short_factor": [1.0]})",
       "'rope_scaling.short_factor' asks for a list"},
      {"rope_parameters", R"({"sliding_attention": {"rope_type": "default"}})",
       "'rope_parameters.sliding_attention' asks for an object"},
      {"rope_interleaved", "true", "'rope_interleaved' asks for true"},
      {"quantization", R"({"group_size": 64, "bits": 4})",
       "'quantization' asks for quantised weights"},
      {"compression_config", "{}", "'compression_config' asks for quantised weights"},
      {"fp8_quant_recipe", R"("e4m3")", "'fp8_quant_recipe' asks for 'e4m3'"},
      {"per_layer_config", R"({"1": {"head_dim": 64}})",
       "'per_layer_config' asks for other sizes in some layers"},
      {"final_logit_softcapping", "30.0", "'final_logit_softcapping' asks for 30.0"},
      {"layer_types", R"(["full_attention", "chunked_attention"])",
       "'layer_types[1]' asks for 'chunked_attention'"},
      {"rope_scaling", R"({"rope_type": "dynamic", "factor": 4.0})",
       "'rope_scaling.rope_type' asks for 'dynamic'"},
      {"rope_scaling", R"({"type": "su", "factor": 2.0})", "'rope_scaling.type' asks for 'su'"},
      {"rope_parameters", R"({"rope_type": "proportional", "rope_theta": 1000000})",
       "'rope_parameters.rope_type' asks for 'proportional'"},
      {"rope_parameters", R"({"partial_rotary_factor": 0.5})",
       "'rope_parameters.partial_rotary_factor' asks for 0.5"},
      {"partial_rotary_factor", "0.25", "'partial_rotary_factor' asks for 0.25"},
      {"torch_dtype", R"("float64")", "'torch_dtype' asks for 'float64'"},
      {"dtype", R"("float8_e4m3fn")", "'dtype' asks for 'float8_e4m3fn'"},
  };
  for (const auto& [key, value, asks_for] : cases) {
    EXPECT_EQ(ParseWith(key, value).status(),
              absl::UnimplementedError(
                  absl::StrCat("config.json: field ", asks_for, ", which is not supported")));
  }
}

TEST(Qwen3, RefusesFieldsOfTheWrongTypeOrOutOfRange) {
  const struct {
    std::string key;
    std::string value;
    std::string reason;
  } cases[] = {
      {"hidden_size", "\"64\"", "must be a positive integer, is a string"},
      {"hidden_size", "0", "must be a positive integer, is 0"},
      {"hidden_size", "-64", "must be a positive integer, is -64"},
      {"hidden_size", "1000000000000000000",
       "must be a positive integer of at most 262144, is 1000000000000000000"},
      {"num_hidden_layers", "1000000000",
       "must be a positive integer of at most 4096, is 1000000000"},
      {"vocab_size", "1e5", "must be a positive integer, is 100000.0"},
      {"head_dim", "null", "must be a positive integer, is null"},
      {"head_dim", "33", "must be even for rotary embedding, is 33"},
      {"num_key_value_heads", "3", "must divide num_attention_heads, 4, is 3"},
      {"num_key_value_heads", "8", "must divide num_attention_heads, 4, is 8"},
      {"num_key_value_heads", "0", "must be a positive integer, is 0"},
      {"max_position_embeddings", "2147483648",
       "must be a positive integer of at most 1073741824, is 2147483648"},
      {"rms_norm_eps", "0.0", "must be a number above 0 and at most 1, is 0.0"},
      {"rms_norm_eps", "\"1e-6\"", "must be a number above 0 and at most 1, is a string"},
      {"rope_theta", "0", "must be a number above 0 and at most 1e+12, is 0"},
      {"tie_word_embeddings", "1", "must be true or false, is 1"},
      {"model_type", "3", "must be a string, is 3"},
      {"architectures", "\"Qwen3ForCausalLM\"", "must be a list of strings, is a string"},
      {"layer_types", "[\"full_attention\"]",
       "must have an item for each of num_hidden_layers, 2, has 1"},
      {"rope_scaling", "\"yarn\"", "must be an object, is a string"},
      {"torch_dtype", "16", "must be a string, is 16"},
  };
  for (const auto& [key, value, reason] : cases) {
    EXPECT_EQ(ParseWith(key, value).status(),
              absl::InvalidArgumentError(absl::StrCat("config.json: field '", key, "' ", reason)));
  }
}

// What rope_theta, rope_parameters and rope_scaling hold, "" for absent, and what comes of it.
struct RopeCase {
  std::string theta;
  std::string parameters;
  std::string scaling;
  double expected = 0;
  std::string reason{};  // instead, how the error ends
};

void ExpectRope(const RopeCase& rope) {
  Fields fields = SoundFields();
  fields.erase("rope_theta");
  if (!rope.theta.empty()) fields["rope_theta"] = rope.theta;
  if (!rope.parameters.empty()) fields["rope_parameters"] = rope.parameters;
  if (!rope.scaling.empty()) fields["rope_scaling"] = rope.scaling;
  const std::string text = ToJson(fields);
  const absl::StatusOr<Decoder> config = ParseConfig("c", text);
  if (rope.reason.empty()) {
    ASSERT_TRUE(config.ok()) << config.status() << " " << text;
    EXPECT_EQ(config->ropes[0].theta, rope.expected) << text;
  } else {
    EXPECT_EQ(config.status().message(), absl::StrCat("c: field ", rope.reason)) << text;
  }
}

TEST(Qwen3, ThetaIsReadWhereverItIsWritten) {
  const std::string own = R"({"rope_type": "default", "rope_theta": 500000})";
  for (const RopeCase& rope : {
           RopeCase{"", "", "", 10000},
           RopeCase{"null", "", "", 10000},
           RopeCase{"500000", "", "", 500000},
           RopeCase{"500000", "null", "null", 500000},
           RopeCase{"", own, "", 500000},
           RopeCase{"null", own, "null", 500000},
           RopeCase{"500000", own, "", 500000},
           RopeCase{"", "", own, 500000},
           RopeCase{"", own, own, 500000},
           RopeCase{"", own, "{}", 500000},
           RopeCase{"500000", "{}", R"({"type": "default"})", 500000},
           RopeCase{"500000", R"({"rope_theta": null})", "", 500000},
       }) {
    ExpectRope(rope);
  }
}

TEST(Qwen3, PlacesOfThetaThatContradictEachOtherAreRefused) {
  const std::string own = R"({"rope_theta": 500})";
  for (const RopeCase& rope : {
           RopeCase{"20000", own, "", 0,
                    "'rope_parameters.rope_theta' is 500, but elsewhere rope_theta is 20000"},
           RopeCase{"20000", "", own, 0,
                    "'rope_scaling.rope_theta' is 500, but elsewhere rope_theta is 20000"},
           RopeCase{"", R"({"rope_theta": 600})", own, 0,
                    "'rope_parameters.rope_theta' is 600, but elsewhere rope_theta is 500"},
           RopeCase{"", own, R"({"type": "default"})", 0,
                    "'rope_parameters.rope_theta' is passed over, for rope_scaling has none"},
       }) {
    ExpectRope(rope);
  }
}

// All its layers rotate alike, so transformers looks for the base in the object itself, too.
TEST(Qwen3, NestedRopeParametersAreRefusedByName) {
  const std::string end = " asks for an object, which is not supported";
  for (const RopeCase& rope : {
           RopeCase{"", R"({"full_attention": {"rope_theta": 500000}})", "", 0,
                    "'rope_parameters.full_attention'" + end},
           RopeCase{"500000", R"({"full_attention": {"rope_type": "yarn", "factor": 4}})", "", 0,
                    "'rope_parameters.full_attention'" + end},
           RopeCase{"", R"({"rope_theta": 5, "sliding_attention": {"rope_theta": 5}})", "", 0,
                    "'rope_parameters.sliding_attention'" + end},
           RopeCase{"", "", R"({"full_attention": {"rope_type": "dynamic"}})", 0,
                    "'rope_scaling.full_attention'" + end},
       }) {
    ExpectRope(rope);
  }
}

TEST(Qwen3, YarnHasItsParametersAndDefaults) {
  const auto rope = [](const std::string& more) {
    return absl::StrCat(R"({"rope_type": "yarn", "factor": 4.0)", more, "}");
  };
  const absl::StatusOr<Decoder> usual = ParseWith("rope_scaling", rope(""));
  ASSERT_TRUE(usual.ok()) << usual.status();
  EXPECT_NEAR(usual->ropes[0].multiplier, 1.1386294, 1e-7);  // 0.1 ln(4) + 1
  EXPECT_EQ(ParseWith("rope_scaling", rope(R"(, "attention_factor": 1.25)"))->ropes[0].multiplier,
            1.25);
  EXPECT_EQ(ParseWith("rope_scaling", rope(R"(, "mscale": 2.0, "mscale_all_dim": 2.0)"))
                ->ropes[0]
                .multiplier,
            1);
  EXPECT_EQ(
      ParseWith("rope_scaling", rope(R"(, "beta_fast": 1, "beta_slow": 2)")).status().message(),
      "config.json: field 'rope_scaling.beta_fast' must be at least beta_slow, 2, is 1");
  EXPECT_EQ(ParseWith("rope_scaling", rope(R"(, "short_factor": [1])")).status().message(),
            "config.json: field 'rope_scaling.short_factor' asks for a list, which is not "
            "supported");
}

TEST(Qwen3, WindowsCountOnlyWhereTransformersUsesThem) {
  Fields fields = SoundFields();
  fields["use_sliding_window"] = "true";
  const auto windows = [&] {
    const absl::StatusOr<Decoder> decoder = ParseConfig("c", ToJson(fields));
    EXPECT_TRUE(decoder.ok()) << decoder.status();
    std::vector<int64_t> widths;
    if (!decoder.ok()) return std::string();
    for (const decoder::Layer& layer : decoder->layers) {
      widths.push_back(decoder->attentions[layer.attention].window.value_or(0));
    }
    return absl::StrJoin(widths, " ");
  };
  EXPECT_EQ(windows(), "0 0");  // the first 28 layers have none
  fields["max_window_layers"] = "1";
  fields["sliding_window"] = "null";
  EXPECT_EQ(windows(), "0 0");
  fields["sliding_window"] = "24";
  EXPECT_EQ(windows(), "0 24");
  fields["layer_types"] = R"(["full_attention", "attention"])";
  EXPECT_EQ(windows(), "0 0");
  fields["layer_types"] = R"(["sliding_attention", "full_attention"])";
  EXPECT_EQ(windows(), "24 0");
  fields.erase("layer_types");
  fields["use_sliding_window"] = "false";
  fields["max_window_layers"] = "\"any\"";
  EXPECT_EQ(windows(), "0 0");
}

TEST(Qwen3, OtherNamesOfTheSameThingAreTaken) {
  EXPECT_TRUE(ParseWith("hidden_act", "\"swish\"").ok());
  EXPECT_TRUE(ParseWith("architectures", "[\"Qwen3Model\"]").ok());
  EXPECT_EQ(ParseWith("torch_dtype", "\"half\"")->dtype, "float16");
  EXPECT_EQ(ParseWith("dtype", "\"float\"")->dtype, "float32");
}

TEST(Qwen3, NamesTheFieldThatIsMissing) {
  for (const std::string key :
       {"model_type", "vocab_size", "hidden_size", "intermediate_size", "num_hidden_layers",
        "num_attention_heads", "num_key_value_heads", "max_position_embeddings"}) {
    EXPECT_EQ(ParseWithout(key).status(), absl::InvalidArgumentError(absl::StrCat(
                                              "config.json: field '", key, "' is missing")));
  }
}

TEST(Qwen3, AFolderWithoutConfigJsonIsNotFound) {
  const base::TemporaryFolder folder;
  const absl::Status status = LoadConfig(folder.path()).status();
  EXPECT_TRUE(absl::IsNotFound(status));
  EXPECT_EQ(status.message(), absl::StrCat(folder.path(),
                                           "/config.json: cannot be opened: No such file or "
                                           "directory"));
}

}  // namespace
}  // namespace lluda::frontends::families
