#include "frontends/quantised/scheme.h"

#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "base/json/json.h"
#include "gtest/gtest.h"

namespace lluda::frontends::quantised {
namespace {

absl::StatusOr<std::optional<Scheme>> Read(const std::string& config) {
  const auto document = base::JsonDocument::Parse("c", config);
  EXPECT_TRUE(document.ok()) << document.status();
  return ReadScheme(document->root());
}

// Of a quantization_config with these fields.
Scheme SchemeOf(const std::string& fields) {
  const auto scheme = Read(absl::StrCat(R"({"quantization_config": {)", fields, "}}"));
  EXPECT_TRUE(scheme.ok()) << scheme.status();
  return scheme.ok() && scheme->has_value() ? **scheme : Scheme{};
}
std::string ErrorOf(const std::string& fields) {
  const auto scheme = Read(absl::StrCat(R"({"quantization_config": {)", fields, "}}"));
  EXPECT_FALSE(scheme.ok());
  return std::string(scheme.status().message());
}

// One of compressed-tensors with these weights, and these fields beside.
std::string Compressed(const std::string& weights, const std::string& beside = "",
                       const std::string& format = "pack-quantized",
                       const std::string& group = "") {
  return absl::StrCat(R"("quant_method": "compressed-tensors", "format": ")", format,
                      R"(", "config_groups": {"g": {"targets": ["Linear"])", group,
                      R"(, "weights": {)", weights, "}}}", beside);
}
constexpr char kInt4[] = R"("num_bits": 4, "strategy": "group", "group_size": 128)";

TEST(SchemeTest, AFolderThatIsNotQuantisedHasNone) {
  for (const char* config : {"{}", R"({"quantization_config": null})",
                             R"({"text_config": {"quantization_config": null}})"}) {
    const auto scheme = Read(config);
    ASSERT_TRUE(scheme.ok()) << scheme.status();
    EXPECT_FALSE(scheme->has_value()) << config;
  }
}

TEST(SchemeTest, Gptq) {
  const Scheme scheme = SchemeOf(
      R"("quant_method": "gptq", "bits": 8, "group_size": 64, "sym": false, "desc_act": true,
         "checkpoint_format": "gptq_v2", "meta": {"quantizer": ["x"]}, "damp_percent": 0.01)");
  EXPECT_EQ(scheme.layout, Layout::kGptq);
  EXPECT_EQ(scheme.name, "gptq");
  EXPECT_EQ(scheme.bits, 8);
  EXPECT_EQ(scheme.group, 64);
  EXPECT_FALSE(scheme.symmetric);
  EXPECT_TRUE(scheme.has_order);
  EXPECT_FALSE(scheme.zero_less_one);
  const Scheme older = SchemeOf(R"("quant_method": "gptq", "bits": 4, "group_size": -1)");
  EXPECT_TRUE(older.zero_less_one && older.symmetric && !older.has_order);
  EXPECT_EQ(older.group, 0);
}

TEST(SchemeTest, Awq) {
  const Scheme scheme = SchemeOf(
      R"("quant_method": "awq", "bits": 4, "group_size": 128, "zero_point": true,
         "version": "GEMM", "modules_to_not_convert": null)");
  EXPECT_EQ(scheme.layout, Layout::kAwq);
  EXPECT_EQ(scheme.group, 128);
  EXPECT_FALSE(scheme.symmetric);
}

TEST(SchemeTest, Fp8) {
  const Scheme scheme = SchemeOf(
      R"("quant_method": "fp8", "fmt": "e4m3", "activation_scheme": "dynamic",
         "weight_block_size": [64, 128], "modules_to_not_convert": ["lm_head"])");
  EXPECT_EQ(scheme.layout, Layout::kFp8);
  EXPECT_EQ(scheme.group_rows, 64);
  EXPECT_EQ(scheme.group, 128);
  EXPECT_EQ(SchemeOf(R"("quant_method": "fp8")").group_rows, 128);
}

TEST(SchemeTest, CompressedTensorsOfEachFormatAndStrategy) {
  EXPECT_EQ(SchemeOf(Compressed(kInt4)).group, 128);
  EXPECT_EQ(SchemeOf(Compressed(kInt4)).name, "pack-quantized");
  const Scheme channel = SchemeOf(Compressed(
      R"("num_bits": 8, "strategy": "channel", "symmetric": false)", "", "int-quantized"));
  EXPECT_EQ(channel.layout, Layout::kIntQuantized);
  EXPECT_EQ(channel.group, 0);
  EXPECT_EQ(channel.group_rows, 1);
  EXPECT_FALSE(channel.symmetric);
  const Scheme tensor = SchemeOf(
      Compressed(R"("num_bits": 8, "type": "float", "strategy": "tensor")", "", "float-quantized"));
  EXPECT_EQ(tensor.layout, Layout::kFloatQuantized);
  EXPECT_EQ(tensor.group_rows, 0);
  const Scheme block = SchemeOf(Compressed(
      R"("num_bits": 8, "type": "float", "strategy": "block", "block_structure": [128, 64])", "",
      "float-quantized"));
  EXPECT_EQ(block.group_rows, 128);
  EXPECT_EQ(block.group, 64);
  for (const char* order : {"\"group\"", "\"dynamic\"", "true"}) {
    EXPECT_TRUE(SchemeOf(Compressed(absl::StrCat(kInt4, ", \"actorder\": ", order))).has_order);
  }
  for (const char* order : {"\"weight\"", "\"static\"", "false", "null"}) {
    EXPECT_FALSE(SchemeOf(Compressed(absl::StrCat(kInt4, ", \"actorder\": ", order))).has_order);
  }
}

TEST(SchemeTest, OfAModelThatAlsoSeesImagesItMayStandInTheTextPart) {
  const auto scheme = Read(R"({"text_config": {"quantization_config": {"quant_method": "fp8"}}})");
  ASSERT_TRUE(scheme.ok() && scheme->has_value()) << scheme.status();
  EXPECT_EQ((*scheme)->layout, Layout::kFp8);
}

TEST(SchemeTest, OtherMethodsAreRefusedByName) {
  for (const char* method : {"bitsandbytes", "mxfp4", "hqq", "eetq", "torchao"}) {
    EXPECT_EQ(ErrorOf(absl::StrCat(R"("quant_method": ")", method, "\"")),
              absl::StrCat("c: field 'quantization_config.quant_method' asks for '", method,
                           "', which is not supported"));
  }
  EXPECT_EQ(ErrorOf(R"("bits": 4)"), "c: field 'quantization_config.quant_method' is missing");
}

TEST(SchemeTest, WhatIsNotSupportedIsRefusedByFieldAndValue) {
  const std::string gptq = R"("quant_method": "gptq", "bits": 4, "group_size": 128)";
  const std::string fp8 = R"("quant_method": "fp8")";
  const std::pair<std::string, std::string> cases[] = {
      {R"("quant_method": "gptq", "bits": 3, "group_size": 128)", "bits' asks for 3"},
      {gptq + R"(, "checkpoint_format": "marlin")", "checkpoint_format' asks for 'marlin'"},
      {gptq + R"(, "dynamic": {"-:.*down.*": {}})", "dynamic' asks for rules of its own"},
      {gptq + R"(, "pack_dtype": "int16")", "pack_dtype' asks for 'int16'"},
      {gptq + R"(, "invented": 3)", "invented' asks for 3"},
      {R"("quant_method": "awq", "bits": 4, "group_size": 128, "version": "gemv")",
       "version' asks for 'gemv'"},
      {R"("quant_method": "awq", "bits": 4, "group_size": 128, "zero_point": false)",
       "zero_point' asks for false"},
      {fp8 + R"(, "fmt": "e5m2")", "fmt' asks for 'e5m2'"},
      {fp8 + R"(, "activation_scheme": "static")", "activation_scheme' asks for 'static'"},
      {Compressed(kInt4, "", "nvfp4-pack-quantized"), "format' asks for 'nvfp4-pack-quantized'"},
      {Compressed(kInt4, R"(, "quantization_status": "frozen")"),
       "quantization_status' asks for 'frozen'"},
      {Compressed(kInt4, R"(, "kv_cache_scheme": {"num_bits": 8})"),
       "kv_cache_scheme' asks for a quantised KV cache"},
      {Compressed(kInt4, R"(, "transform_config": {"r": 1})"),
       "transform_config' asks for transformed weights"},
      {Compressed(R"("num_bits": 3, "strategy": "channel")"), "weights.num_bits' asks for 3"},
      {Compressed(R"("num_bits": 4, "strategy": "tensor_group")"),
       "weights.strategy' asks for 'tensor_group'"},
      {Compressed(R"("num_bits": 4, "type": "float", "strategy": "channel")"),
       "weights.type' asks for 'float'"},
      {Compressed(kInt4, "", "pack-quantized",
                  R"(, "input_activations": {"dynamic": false, "num_bits": 8})"),
       "input_activations.dynamic' asks for false"},
      {Compressed(kInt4, "", "pack-quantized", R"(, "output_activations": {"num_bits": 8})"),
       "output_activations' asks for quantised outputs"},
  };
  for (const auto& [fields, expected] : cases) {
    const std::string error = ErrorOf(fields);
    EXPECT_NE(error.find(expected), std::string::npos) << error << "\n" << expected;
    EXPECT_NE(error.find(", which is not supported"), std::string::npos) << error;
  }
  EXPECT_EQ(
      ErrorOf(R"("quant_method": "compressed-tensors", "format": "int-quantized",
                       "config_groups": {"a": {}, "b": {}})"),
      "c: field 'quantization_config.config_groups' asks for 2 ways to quantise, which is not "
      "supported");
}

TEST(SchemeTest, WhatIsMalformedIsRefusedByField) {
  EXPECT_EQ(ErrorOf(R"("quant_method": "gptq", "bits": 4)"),
            "c: field 'quantization_config.group_size' is missing");
  EXPECT_EQ(ErrorOf(R"("quant_method": "gptq", "bits": 4, "group_size": 0)"),
            "c: field 'quantization_config.group_size' must be -1 or positive, is 0");
  EXPECT_EQ(ErrorOf(R"("quant_method": "fp8", "weight_block_size": [128])"),
            "c: field 'quantization_config.weight_block_size' must be two sizes, has 1");
  EXPECT_EQ(ErrorOf(Compressed(R"("num_bits": 4, "strategy": "group")")),
            "c: field 'quantization_config.config_groups.g.weights.group_size' is missing");
}

TEST(SchemeTest, KeptModulesAreNamedWholeOrByTheirEnd) {
  Scheme scheme;
  scheme.kept = {"lm_head", "model.layers.3", "re:.*up_proj"};
  EXPECT_TRUE(IsKept(scheme, "lm_head"));
  EXPECT_TRUE(IsKept(scheme, "model.lm_head"));
  EXPECT_TRUE(IsKept(scheme, "model.layers.3.mlp.down_proj"));
  EXPECT_FALSE(IsKept(scheme, "model.layers.30.mlp.down_proj"));
  EXPECT_TRUE(IsKept(scheme, "model.layers.1.mlp.up_proj"));
  EXPECT_FALSE(IsKept(scheme, "model.layers.1.mlp.gate_proj"));
}

TEST(SchemeTest, ExpressionsNameTheModulesThatBeginSo) {
  const auto names = [](const char* expression, const char* module) {
    Scheme scheme;
    scheme.kept = {expression};
    return IsKept(scheme, module);
  };
  EXPECT_TRUE(names("re:.*lm_head", "lm_head"));
  EXPECT_TRUE(names("re:.*mlp.*", "model.layers.3.mlp.up_proj"));
  EXPECT_TRUE(names(R"(re:^model\.layers\.3\..*)", "model.layers.3.mlp.up_proj"));
  EXPECT_FALSE(names(R"(re:^model\.layers\.3\..*)", "model.layers.30.mlp.up_proj"));
  EXPECT_FALSE(names("re:up_proj", "model.layers.3.mlp.up_proj"));  // it is not the beginning
  EXPECT_TRUE(names("re:.*up_proj$", "model.layers.3.mlp.up_proj"));
  EXPECT_FALSE(names("re:.*up$", "model.layers.3.mlp.up_proj"));
  EXPECT_TRUE(names("re:.*.*.*.*.*.*.*.*.*.*.*.*.*.*proj$", "model.layers.3.mlp.up_proj"));
  EXPECT_FALSE(names("re:.*(up|gate)_proj", "model.layers.3.mlp.up_proj"));  // of another kind
  EXPECT_FALSE(names("re:.*\\", "model.layers.3.mlp.up_proj"));
}

}  // namespace
}  // namespace lluda::frontends::quantised
