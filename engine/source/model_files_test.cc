#include "engine/source/model_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/files/test_files.h"
#include "ir/text/printer.h"

namespace lluda::engine {
namespace {

using base::TemporaryFolder;
using testing::HasSubstr;

TEST(ModelFilesTest, TheConfigAloneGivesTheModuleOfTheCheckpoint) {
  const TemporaryFolder folder;
  std::filesystem::copy_file("reference_data/stories/config.json", folder.PathOf("config.json"));
  const auto bare = OpenModelFiles(folder.path(), Weights::kOptional);
  ASSERT_TRUE(bare.ok()) << bare.status();
  EXPECT_FALSE(bare->checkpoint.has_value());
  const auto whole = OpenModelFiles("reference_data/stories", Weights::kOptional);
  ASSERT_TRUE(whole.ok()) << whole.status();
  EXPECT_TRUE(whole->checkpoint.has_value());
  const auto from_config = ImportModule(*bare, {});
  const auto from_tensors = ImportModule(*whole, {});
  ASSERT_TRUE(from_config.ok() && from_tensors.ok()) << from_config.status();
  EXPECT_EQ(ir::PrintModule(**from_config), ir::PrintModule(**from_tensors));
}

TEST(ModelFilesTest, RequiredWeightsThatAreMissingAreAnError) {
  const TemporaryFolder folder;
  std::filesystem::copy_file("reference_data/stories/config.json", folder.PathOf("config.json"));
  const auto files = OpenModelFiles(folder.path(), Weights::kRequired);
  EXPECT_EQ(files.status().code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(files.status().message()), HasSubstr("model.safetensors"));
}

TEST(ModelFilesTest, WeightsThatAreThereMustBeSoundEvenIfOptional) {
  const TemporaryFolder folder;
  std::filesystem::copy_file("reference_data/stories/config.json", folder.PathOf("config.json"));
  folder.Write("model.safetensors", "no tensors");
  const auto files = OpenModelFiles(folder.path(), Weights::kOptional);
  EXPECT_EQ(files.status().code(), absl::StatusCode::kInvalidArgument);
}

TEST(ModelFilesTest, StepsAreNoLongerThanTheContext) {
  const auto files = OpenModelFiles("reference_data/stories", Weights::kRequired);
  ASSERT_TRUE(files.ok()) << files.status();
  ModuleOptions options;
  options.context = 100;
  const auto module = ImportModule(*files, options);
  ASSERT_TRUE(module.ok()) << module.status();
  EXPECT_EQ((*module)->FindSymbol("T")->max, 100);
  EXPECT_EQ((*module)->FindSymbol("C")->max, 128);  // whole blocks of 64
}

TEST(ModelFilesTest, TheContextDecidesBetweenLongRopesFactors) {
  const TemporaryFolder folder;
  folder.Write("config.json", R"({"model_type": "phi3", "vocab_size": 32, "hidden_size": 16,
      "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 4,
      "max_position_embeddings": 512, "original_max_position_embeddings": 128, "rope_scaling":
      {"type": "longrope", "short_factor": [1, 2], "long_factor": [3, 4]}})");
  const auto files = OpenModelFiles(folder.path(), Weights::kOptional);
  ASSERT_TRUE(files.ok()) << files.status();
  ModuleOptions options;
  for (const auto& [context, name] : {std::pair{128, "short"}, std::pair{129, "long"}}) {
    options.context = context;
    const auto module = ImportModule(*files, options);
    ASSERT_TRUE(module.ok()) << module.status();
    EXPECT_THAT(ir::PrintModule(**module), HasSubstr(absl::StrCat("%", name, "_frequency = ")));
  }
  EXPECT_THAT(NotesOf(*files, 128),
              testing::ElementsAre(
                  absl::StrCat(folder.path(),
                               ": a context of 128 takes the short factors of longrope; one of "
                               "more than 128 takes the long ones")));
  EXPECT_THAT(NotesOf(*files, 200),
              testing::ElementsAre(
                  absl::StrCat(folder.path(),
                               ": a context of 200 takes the long factors of longrope; one of at "
                               "most 128 takes the short ones")));
}

TEST(ModelFilesTest, KvCachesHaveNames) {
  for (const Precision precision : {Precision::kBF16, Precision::kF32}) {
    for (const KvCache cache : {KvCache::kPrecision, KvCache::kInt8}) {
      EXPECT_EQ(*ParseKvCache(KvCacheName(cache, precision), precision), cache);
    }
    EXPECT_EQ(*ParseKvCache("", precision), KvCache::kPrecision);
  }
  EXPECT_EQ(ParseKvCache("f32", Precision::kBF16).status(),
            absl::InvalidArgumentError(
                "with precision bf16 the KV cache must be bf16 or int8, is 'f32'"));
}

TEST(ModelFilesTest, PrecisionsHaveNames) {
  EXPECT_EQ(*ParsePrecision("f32"), Precision::kF32);
  EXPECT_EQ(*ParsePrecision("bf16"), Precision::kBF16);
  EXPECT_EQ(ParsePrecision("fp8").status(),
            absl::InvalidArgumentError("precision must be bf16 or f32, is 'fp8'"));
}

}  // namespace
}  // namespace lluda::engine
