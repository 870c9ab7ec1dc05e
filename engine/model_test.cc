#include "engine/model.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "base/files/test_files.h"

namespace lluda::engine {
namespace {

using base::TemporaryFolder;
using testing::HasSubstr;

LoadOptions Stories() {
  LoadOptions options;
  options.folder = "reference_data/stories";
  options.threads = 1;
  return options;
}

std::string ErrorOf(const LoadOptions& options) {
  return std::string(Model::Load(options).status().message());
}

TEST(ModelTest, LoadsTheStoriesModel) {
  LoadOptions options = Stories();
  int64_t last = 0, whole = 0;
  options.progress = [&](int64_t done, int64_t total) {
    EXPECT_GE(done, last);
    last = done;
    whole = total;
  };
  const auto model = Model::Load(options);
  ASSERT_TRUE(model.ok()) << model.status();
  EXPECT_EQ((*model)->context(), 2048);  // its max_position_embeddings
  EXPECT_EQ((*model)->max_step(), 512);
  EXPECT_EQ((*model)->threads(), 1);
  EXPECT_FLOAT_EQ((*model)->DefaultSampler().temperature, 0.7f);
  EXPECT_EQ((*model)->DefaultSampler().top_k, 40);
  EXPECT_THAT((*model)->StopTokens(), testing::ElementsAre(4093));
  EXPECT_GT(whole, 0);
  EXPECT_EQ(last, whole);
  const LoadStats& stats = (*model)->stats();
  EXPECT_EQ(stats.weight_bytes, whole);
  EXPECT_GT(stats.packed_bytes, stats.weight_bytes / 2);
  EXPECT_LT(stats.packed_bytes, stats.weight_bytes * 11 / 10);
  EXPECT_GT(stats.total_seconds, stats.compile_seconds);
}

TEST(ModelTest, KernelsDoNotGrowWithTheLayers) {
  // stories has six layers, tiny two, of other sizes but the same structure.
  const auto six = Model::Load(Stories());
  LoadOptions options = Stories();
  options.folder = "reference_data/tiny";
  options.need_tokenizer = false;
  const auto two = Model::Load(options);
  ASSERT_TRUE(six.ok() && two.ok()) << six.status() << two.status();
  EXPECT_NEAR(static_cast<double>((*six)->stats().kernels),
              static_cast<double>((*two)->stats().kernels), 4);
}

TEST(ModelTest, GenerationIsGreedyWhereTheMakersSayNothing) {
  LoadOptions options = Stories();
  options.folder = "reference_data/tiny";
  options.need_tokenizer = false;
  const auto model = Model::Load(options);
  ASSERT_TRUE(model.ok()) << model.status();
  EXPECT_EQ((*model)->DefaultSampler().temperature, 0);
}

TEST(ModelTest, OptionsThatDoNotFitAreRefused) {
  LoadOptions options = Stories();
  options.module.context = 2049;
  EXPECT_EQ(ErrorOf(options),
            "a context of 2049 tokens was asked for, the model allows 1 to 2048 "
            "(max_position_embeddings in config.json)");
  options = Stories();
  options.isa = "z80";
  EXPECT_THAT(ErrorOf(options), HasSubstr("unknown isa 'z80'"));
  options = Stories();
  options.threads = -1;
  EXPECT_EQ(ErrorOf(options), "threads must be 0 to 1024, is -1");
  options = Stories();
  options.module.max_step = 0;
  EXPECT_EQ(ErrorOf(options), "max_step must be at least 1, is 0");
}

TEST(ModelTest, AFolderThatLacksAFileIsRefusedByTheFilesName) {
  LoadOptions options = Stories();
  options.folder = "reference_data/nowhere";
  EXPECT_THAT(ErrorOf(options), HasSubstr("reference_data/nowhere/config.json"));
  options.folder = "reference_data/tiny";
  EXPECT_THAT(ErrorOf(options), HasSubstr("reference_data/tiny/tokenizer.json"));
}

TEST(ModelTest, ATensorOfTheWrongShapeIsRefusedByName) {
  const TemporaryFolder folder;
  folder.Write("config.json", R"({"model_type": "qwen3", "vocab_size": 8, "hidden_size": 4,
      "intermediate_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2,
      "num_key_value_heads": 1, "head_dim": 2, "max_position_embeddings": 64,
      "tie_word_embeddings": true})");
  folder.Write("model.safetensors",
               base::SafetensorsBytes(R"({"model.embed_tokens.weight": {"dtype": "BF16",
      "shape": [8, 2], "data_offsets": [0, 32]}})",
                                      std::string(32, '\0')));
  LoadOptions options = Stories();
  options.folder = folder.path();
  options.need_tokenizer = false;
  EXPECT_EQ(ErrorOf(options), folder.path() +
                                  ": tensor 'model.embed_tokens.weight' has shape [8, 2], "
                                  "config.json asks for [8, 4]");
}

}  // namespace
}  // namespace lluda::engine
