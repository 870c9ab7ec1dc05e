// What configs say of experts.
#include <gtest/gtest.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "frontends/families/families_test_util.h"

namespace lluda::frontends::families {
namespace {

using decoder::Decoder;

// "s" for a layer with experts, "d" for a dense one.
std::string Kinds(const Decoder& decoder) {
  return absl::StrJoin(decoder.layers, "", [](std::string* out, const decoder::Layer& layer) {
    absl::StrAppend(out, layer.experts ? "s" : "d");
  });
}

TEST(Qwen3Moe, HasTransformersDefaults) {
  const Decoder decoder = Read("qwen3_moe");
  EXPECT_EQ(Kinds(decoder), "ssss");
  ASSERT_TRUE(decoder.experts.has_value());
  EXPECT_EQ(decoder.experts->count, 128);
  EXPECT_EQ(decoder.experts->top, 8);
  EXPECT_EQ(decoder.experts->intermediate_size, 768);
  EXPECT_EQ(decoder.experts->shared_size, 0);
  EXPECT_FALSE(decoder.experts->renormalise);
  EXPECT_EQ(decoder.qk_norm, decoder::QkNorm::kHead);
  EXPECT_FALSE(decoder.qkv_bias || decoder.output_bias);
}

TEST(Qwen3Moe, SaysWhichLayersAreDense) {
  EXPECT_EQ(Kinds(Read("qwen3_moe", R"("decoder_sparse_step": 2)")), "dsds");
  EXPECT_EQ(Kinds(Read("qwen3_moe", R"("decoder_sparse_step": 3, "mlp_only_layers": [0, 1])")),
            "ddsd");
  EXPECT_EQ(Kinds(Read("qwen3_moe", R"("mlp_only_layers": [3, 0, 9])")), "dssd");
  EXPECT_EQ(Kinds(Read("qwen3_moe", R"("mlp_only_layers": [])")), "ssss");
  const Decoder dense = Read("qwen3_moe", R"("mlp_only_layers": [0, 1, 2, 3])");
  EXPECT_EQ(Kinds(dense), "dddd");
  EXPECT_FALSE(dense.experts.has_value());
}

TEST(Qwen3Moe, ReadsTheNamesOfBothVersions) {
  const std::string sizes = R"("num_experts_per_tok": 3, "moe_intermediate_size": 40,
      "norm_topk_prob": true)";
  for (const char* count : {"num_experts", "num_local_experts"}) {
    const Decoder decoder = Read("qwen3_moe", absl::StrCat("\"", count, "\": 6, ", sizes));
    EXPECT_EQ(decoder.experts->count, 6);
    EXPECT_EQ(decoder.experts->top, 3);
    EXPECT_EQ(decoder.experts->intermediate_size, 40);
    EXPECT_TRUE(decoder.experts->renormalise);
  }
  EXPECT_EQ(Error("qwen3_moe", R"("num_experts": 16, "num_local_experts": 17)"),
            "c: field 'num_local_experts' is 17, num_experts is 16");
}

TEST(Qwen3Moe, RefusesWhatCannotBeChosen) {
  EXPECT_EQ(Error("qwen3_moe", R"("num_experts": 4, "num_experts_per_tok": 5)"),
            "c: field 'num_experts_per_tok' is 5, there are 4 experts");
  EXPECT_EQ(Error("qwen3_moe", R"("num_experts": 0)"),
            "c: field 'num_experts' must be a positive integer, is 0");
  EXPECT_EQ(Error("qwen3_moe", R"("decoder_sparse_step": 0)"),
            "c: field 'decoder_sparse_step' must be a positive integer, is 0");
}

TEST(Qwen2Moe, HasBiasesAndASharedExpert) {
  const std::string heads = R"("num_key_value_heads": 4)";
  const Decoder decoder = Read("qwen2_moe", heads);
  EXPECT_TRUE(decoder.qkv_bias && !decoder.output_bias);
  EXPECT_EQ(decoder.experts->count, 60);
  EXPECT_EQ(decoder.experts->top, 4);
  EXPECT_EQ(decoder.experts->intermediate_size, 1408);
  EXPECT_EQ(decoder.experts->shared_size, 5632);
  EXPECT_FALSE(Read("qwen2_moe", heads + R"(, "qkv_bias": false)").qkv_bias);
  EXPECT_EQ(
      Read("qwen2_moe", heads + R"(, "shared_expert_intermediate_size": 24)").experts->shared_size,
      24);
}

TEST(Mixtral, HasExpertsAsLargeAsItsMlp) {
  const Decoder decoder = Read("mixtral");
  EXPECT_EQ(Kinds(decoder), "ssss");
  EXPECT_EQ(decoder.experts->count, 8);
  EXPECT_EQ(decoder.experts->top, 2);
  EXPECT_EQ(decoder.experts->intermediate_size, 96);
  EXPECT_TRUE(decoder.experts->renormalise);
  EXPECT_EQ(decoder.experts->names, decoder::ExpertNames::kNumbered);
  EXPECT_EQ(decoder.ropes[0].theta, 1e6);
  EXPECT_EQ(decoder.rms_norm_eps, 1e-5);
  EXPECT_FALSE(decoder.attentions[0].window.has_value());
  EXPECT_EQ(Read("mixtral", R"("sliding_window": 33)").attentions[0].window, 33);
}

TEST(OtherFamilies, RefuseExperts) {
  EXPECT_EQ(Error("qwen3", R"("head_dim": 8, "num_experts": 4)"),
            "c: field 'num_experts' asks for 4, which is not supported");
}

}  // namespace
}  // namespace lluda::frontends::families
