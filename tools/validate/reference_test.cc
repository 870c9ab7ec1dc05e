#include "tools/validate/reference.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/files/test_files.h"

namespace lluda::tools {
namespace {

using base::SafetensorsBytes;
using base::TemporaryFolder;
using testing::ElementsAre;

TEST(ReferenceTest, ReadsWhatTheScriptWrote) {
  const auto prompts = LoadReference("reference_data/stories/reference.json");
  ASSERT_TRUE(prompts.ok()) << prompts.status();
  ASSERT_EQ(prompts->size(), 5u);
  const ReferencePrompt& first = prompts->front();
  EXPECT_EQ(first.text, "Once upon a time");
  EXPECT_EQ(first.ids.size(), 4u);
  EXPECT_EQ(first.next, 11);
  EXPECT_EQ(first.top10.size(), 10u);
  EXPECT_EQ(first.greedy.size(), 96u);
  EXPECT_EQ(first.greedy_margin.size(), 96u);
  EXPECT_EQ(first.logits.size(), 4096u);
  EXPECT_GT(first.hf_bf16_mse, 0);
}

TEST(ReferenceTest, MostMayBeMissing) {
  const auto prompts = LoadReference("reference_data/qwen3_0_6b/reference.json");
  ASSERT_TRUE(prompts.ok()) << prompts.status();
  EXPECT_THAT(prompts->at(1).ids, ElementsAre(785, 6722, 315, 9625, 374));
  EXPECT_EQ(prompts->at(1).next, 12095);
  EXPECT_EQ(prompts->at(1).next_logit, 17.38);
  EXPECT_TRUE(prompts->at(1).logits.empty());
  EXPECT_TRUE(prompts->at(1).greedy.empty());
  EXPECT_FALSE(prompts->at(1).mean_nll.has_value());
}

struct BadReference {
  const char* text;
  const char* error;  // after the file's name
};

class BadReferenceTest : public testing::TestWithParam<BadReference> {};

TEST_P(BadReferenceTest, IsRefusedByFileAndField) {
  const TemporaryFolder folder;
  const std::string path = folder.Write("r.json", GetParam().text);
  EXPECT_EQ(LoadReference(path).status(),
            absl::InvalidArgumentError(absl::StrCat(path, ": ", GetParam().error)));
}

INSTANTIATE_TEST_SUITE_P(
    All, BadReferenceTest,
    testing::Values(
        BadReference{R"({})", "field 'prompts' must be a list of at least one prompt"},
        BadReference{R"({"prompts": []})", "field 'prompts' must be a list of at least one prompt"},
        BadReference{R"({"prompts": [1]})", "prompts[0] must be an object, is 1"},
        BadReference{R"({"prompts": [{"ids": [1]}, {}]})", "prompts[1].ids is missing or empty"},
        BadReference{R"({"prompts": [{"ids": [1, -1]}]})",
                     "prompts[0].ids must be a list of tokens, is -1"},
        BadReference{R"({"prompts": [{"ids": [1], "next": "x"}]})",
                     "prompts[0].next must be an integer, is a string"},
        BadReference{
            R"({"prompts": [{"ids": [1], "greedy": [1], "greedy_router_margin": [1, 2]}]})",
            "prompts[0].greedy_router_margin has 2 items, greedy has 1"},
        BadReference{R"({"prompts": [{"ids": [1], "greedy": [1], "greedy_margin": [1, 2]}]})",
                     "prompts[0].greedy_margin has 2 items, greedy has 1"},
        BadReference{R"({"prompts": [{"ids": [1], "hf_bf16_vs_f32": {"mse": "x"}}]})",
                     "prompts[0].hf_bf16_vs_f32.mse must be a number, is a string"},
        BadReference{
            R"({"prompts": [{"ids": [1], "hf_bf16_vs_f32": {"activation_nmse": [1]}}]})",
            "prompts[0].hf_bf16_vs_f32.activation_nmse must be an object of numbers, is a list"},
        BadReference{
            R"({"prompts": [{"ids": [1], "hf_bf16_vs_f32": {"activation_nmse": {"embed": ""}}}]})",
            "prompts[0].hf_bf16_vs_f32.activation_nmse.embed must be a number, is a string"},
        BadReference{R"({"prompts": [{"ids": [1], "hf_bf16_vs_f32": 3}]})",
                     "prompts[0].hf_bf16_vs_f32 must be an object, is 3"}));

TEST(ReferenceTest, NamesActivationsAsTheEngineDoes) {
  const auto prompts = LoadReference("reference_data/tiny/reference.json");
  ASSERT_TRUE(prompts.ok()) << prompts.status();
  std::vector<std::string> names;
  for (const ReferencePrompt& prompt : *prompts) {
    for (const ReferenceActivation& activation : prompt.activations) {
      names.push_back(activation.name);
      EXPECT_EQ(activation.values.size() % prompt.ids.size(), 0u) << activation.name;
    }
  }
  EXPECT_THAT(names, testing::IsSupersetOf({"embed", "q_proj[0]", "k_norm[1]", "mlp[1]", "out[0]",
                                            "post_attention_layernorm[1]"}));
  EXPECT_THAT(names, testing::Not(testing::Contains("")));
}

TEST(ReferenceTest, TellsTransformersOwnErrorInEveryActivation) {
  for (const char* path :
       {"reference_data/tiny/reference.json", "reference_data/stories/reference.json",
        "reference_data/qwen3_0_6b/seeded_reference.json"}) {
    SCOPED_TRACE(path);
    const auto prompts = LoadReference(path);
    ASSERT_TRUE(prompts.ok()) << prompts.status();
    int64_t activations = 0;
    for (const ReferencePrompt& prompt : *prompts) {
      for (const ReferenceActivation& activation : prompt.activations) {
        ++activations;
        EXPECT_EQ(prompt.hf_bf16_activation_nmse.count(activation.module), 1u) << activation.module;
      }
    }
    EXPECT_GT(activations, 0);
  }
}

TEST(ReferenceTest, ContradictsItselfIfAClearFirstChoiceIsNotTheNextToken) {
  ReferencePrompt prompt;
  prompt.next = 25;
  EXPECT_FALSE(ContradictsItself(prompt));
  prompt.greedy = {25, 220};
  EXPECT_FALSE(ContradictsItself(prompt));
  prompt.greedy = {220, 16};
  EXPECT_TRUE(ContradictsItself(prompt));
  prompt.greedy_margin = {0.3, 0.2};
  EXPECT_TRUE(ContradictsItself(prompt));
  prompt.greedy_margin = {0.01, 0.2};  // rounding may have decided
  EXPECT_FALSE(ContradictsItself(prompt));
}

TEST(ReferenceTest, LogitsMustBeF32) {
  const TemporaryFolder folder;
  const std::string path = folder.Write("r.json", R"({"prompts": [{"ids": [1]}]})");
  std::string header =
      R"({"p0.logits_last": {"dtype": "I32", "shape": [1], "data_offsets": [0, 4]}})";
  header.resize((header.size() + 7) / 8 * 8, ' ');  // so that the data is aligned
  const std::string tensors =
      folder.Write("r.safetensors", SafetensorsBytes(header, std::string(4, '\0')));
  EXPECT_EQ(
      LoadReference(path).status(),
      absl::InvalidArgumentError(absl::StrCat(
          tensors, ": tensor 'p0.logits_last' must be F32 with 1 or more dimensions, is I32 [1]")));
}

TEST(ReferenceTest, AMissingFileIsNotFound) {
  EXPECT_EQ(LoadReference("reference_data/none.json").status().code(), absl::StatusCode::kNotFound);
}

}  // namespace
}  // namespace lluda::tools
