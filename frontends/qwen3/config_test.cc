#include "frontends/qwen3/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "frontends/test_files.h"

namespace lluda::frontends::qwen3 {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

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

absl::StatusOr<Config> ParseWith(const std::string& key, const std::string& value) {
  Fields fields = SoundFields();
  fields[key] = value;
  return ParseConfig("config.json", ToJson(fields));
}

absl::StatusOr<Config> ParseWithout(const std::string& key) {
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

TEST(Qwen3Config, ReadsTheOldForm) {
  const TemporaryFolder folder;
  folder.Write("config.json", kOldForm);
  absl::StatusOr<Config> config = LoadConfig(folder.path());
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->vocab_size, 151936);
  EXPECT_EQ(config->hidden_size, 1024);
  EXPECT_EQ(config->intermediate_size, 3072);
  EXPECT_EQ(config->num_hidden_layers, 28);
  EXPECT_EQ(config->num_attention_heads, 16);
  EXPECT_EQ(config->num_key_value_heads, 8);
  EXPECT_EQ(config->head_dim, 128);
  EXPECT_EQ(config->query_size(), 2048);
  EXPECT_EQ(config->key_value_size(), 1024);
  EXPECT_EQ(config->max_position_embeddings, 40960);
  EXPECT_EQ(config->rms_norm_eps, 1e-6);
  EXPECT_EQ(config->rope_theta, 1e6);
  EXPECT_TRUE(config->tie_word_embeddings);
  EXPECT_EQ(config->dtype, "bfloat16");
  EXPECT_THAT(config->eos_token_ids, ElementsAre(151645));
  EXPECT_EQ(config->bos_token_id, 151643);
}

TEST(Qwen3Config, ReadsTheNewForm) {
  absl::StatusOr<Config> config = ParseConfig("config.json", kNewForm);
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->rms_norm_eps, 1e-5);
  EXPECT_EQ(config->rope_theta, 20000.0);
  EXPECT_FALSE(config->tie_word_embeddings);
  EXPECT_EQ(config->dtype, "float16");
  EXPECT_THAT(config->eos_token_ids, ElementsAre(11, 12));
  EXPECT_FALSE(config->bos_token_id.has_value());
}

TEST(Qwen3Config, AbsentFieldsHaveTransformersDefaults) {
  absl::StatusOr<Config> config = ParseWithout("rope_theta");
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->rope_theta, 10000.0);
  EXPECT_EQ(config->rms_norm_eps, 1e-6);
  EXPECT_FALSE(config->tie_word_embeddings);
  EXPECT_THAT(config->eos_token_ids, IsEmpty());
  config = ParseWithout("head_dim");
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->head_dim, 128);  // and not hidden_size / num_attention_heads, which is 16
  config = ParseWith("num_key_value_heads", "null");
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->num_key_value_heads, 4);
}

TEST(Qwen3Config, AcceptsRopeThatAsksForNothingSpecial) {
  EXPECT_TRUE(ParseWith("rope_scaling", R"({"rope_type": "default"})").ok());
  EXPECT_TRUE(ParseWith("rope_scaling", R"({"type": "default"})").ok());
  EXPECT_TRUE(ParseWith("rope_parameters", R"({"rope_theta": 1000000})").ok());
  EXPECT_TRUE(ParseWith("rope_parameters", R"({"rope_type": "default"})").ok());
  EXPECT_TRUE(ParseWith("partial_rotary_factor", "1.0").ok());
  EXPECT_TRUE(ParseWith("sliding_window", "4096").ok());  // use_sliding_window is false
}

TEST(Qwen3Config, RefusesByNameWhatIsNotSupported) {
  const struct {
    std::string key;
    std::string value;
    std::string asks_for;
  } cases[] = {
      {"model_type", R"("llama")", "'model_type' asks for 'llama'"},
      {"architectures", R"(["Qwen3MoeForCausalLM"])",
       "'architectures' asks for 'Qwen3MoeForCausalLM'"},
      {"hidden_act", R"("gelu")", "'hidden_act' asks for 'gelu'"},
      {"attention_bias", "true", "'attention_bias' asks for true"},
      {"use_sliding_window", "true", "'use_sliding_window' asks for true"},
      {"layer_types", R"(["full_attention", "sliding_attention"])",
       "'layer_types[1]' asks for 'sliding_attention'"},
      {"quantization_config", R"({"bits": 4})", "'quantization_config' asks for quantised weights"},
      {"rope_scaling", R"({"rope_type": "yarn", "factor": 4.0})",
       "'rope_scaling.rope_type' asks for 'yarn'"},
      {"rope_scaling", R"({"type": "linear", "factor": 2.0})",
       "'rope_scaling.type' asks for 'linear'"},
      {"rope_parameters", R"({"rope_type": "llama3", "rope_theta": 1000000})",
       "'rope_parameters.rope_type' asks for 'llama3'"},
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

TEST(Qwen3Config, RefusesFieldsOfTheWrongTypeOrOutOfRange) {
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
      {"rope_theta", "null", "must be a number above 0 and at most 1e+12, is null"},
      {"tie_word_embeddings", "1", "must be true or false, is 1"},
      {"attention_bias", "\"no\"", "must be true or false, is a string"},
      {"model_type", "3", "must be a string, is 3"},
      {"architectures", "\"Qwen3ForCausalLM\"", "must be a list of strings, is a string"},
      {"layer_types", "[\"full_attention\"]",
       "must have an item for each of num_hidden_layers, 2, has 1"},
      {"rope_scaling", "\"yarn\"", "must be an object, is a string"},
      {"eos_token_id", "1000", "must be a non-negative integer of at most 999, is 1000"},
      {"bos_token_id", "-1", "must be a non-negative integer, is -1"},
      {"torch_dtype", "16", "must be a string, is 16"},
  };
  for (const auto& [key, value, reason] : cases) {
    EXPECT_EQ(ParseWith(key, value).status(),
              absl::InvalidArgumentError(absl::StrCat("config.json: field '", key, "' ", reason)));
  }
}

TEST(Qwen3Config, RefusesRopeThatIsIncompleteOrContradictsItself) {
  EXPECT_EQ(ParseWith("rope_scaling", R"({"factor": 2.0})").status().message(),
            "config.json: field 'rope_scaling.rope_type' is missing");
  EXPECT_EQ(ParseWith("rope_parameters", R"({"rope_theta": 500})").status().message(),
            "config.json: field 'rope_parameters.rope_theta' is 500, but field 'rope_theta' is "
            "1e+06");
}

TEST(Qwen3Config, NamesTheFieldThatIsMissing) {
  for (const std::string key :
       {"model_type", "vocab_size", "hidden_size", "intermediate_size", "num_hidden_layers",
        "num_attention_heads", "num_key_value_heads", "max_position_embeddings"}) {
    EXPECT_EQ(ParseWithout(key).status(), absl::InvalidArgumentError(absl::StrCat(
                                              "config.json: field '", key, "' is missing")));
  }
}

TEST(Qwen3Config, AFolderWithoutConfigJsonIsNotFound) {
  const TemporaryFolder folder;
  const absl::Status status = LoadConfig(folder.path()).status();
  EXPECT_TRUE(absl::IsNotFound(status));
  EXPECT_EQ(status.message(), absl::StrCat(folder.path(),
                                           "/config.json: cannot be opened: No such file or "
                                           "directory"));
}

}  // namespace
}  // namespace lluda::frontends::qwen3
