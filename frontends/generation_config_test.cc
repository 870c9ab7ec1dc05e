#include "frontends/generation_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "frontends/test_files.h"

namespace lluda::frontends {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(GenerationConfig, ReadsEveryField) {
  const TemporaryFolder folder;
  folder.Write("generation_config.json",
               R"({"do_sample": true, "temperature": 0.6, "top_k": 20, "top_p": 0.95,
                   "min_p": 0.05, "repetition_penalty": 1.1, "eos_token_id": [151645, 151643],
                   "bos_token_id": 151642, "pad_token_id": 151641,
                   "transformers_version": "4.51.0"})");
  absl::StatusOr<GenerationConfig> config = LoadGenerationConfig(folder.path());
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_TRUE(config->do_sample);
  EXPECT_EQ(config->temperature, 0.6);
  EXPECT_EQ(config->top_k, 20);
  EXPECT_EQ(config->top_p, 0.95);
  EXPECT_EQ(config->min_p, 0.05);
  EXPECT_EQ(config->repetition_penalty, 1.1);
  EXPECT_THAT(config->eos_token_ids, ElementsAre(151645, 151643));
  EXPECT_EQ(config->bos_token_id, 151642);
  EXPECT_EQ(config->pad_token_id, 151641);
}

TEST(GenerationConfig, WithoutFilesOrValuesHuggingFacesDefaultsHold) {
  const TemporaryFolder folder;
  for (const char* text : {"", "{}", R"({"temperature": null, "top_k": null, "min_p": null,
                                         "do_sample": null, "eos_token_id": null})"}) {
    if (*text != '\0') folder.Write("generation_config.json", text);
    absl::StatusOr<GenerationConfig> config = LoadGenerationConfig(folder.path());
    ASSERT_TRUE(config.ok()) << config.status();
    EXPECT_FALSE(config->do_sample);
    EXPECT_EQ(config->temperature, 1.0);
    EXPECT_EQ(config->top_k, 50);
    EXPECT_EQ(config->top_p, 1.0);
    EXPECT_EQ(config->min_p, 0.0);
    EXPECT_EQ(config->repetition_penalty, 1.0);
    EXPECT_THAT(config->eos_token_ids, IsEmpty());
    EXPECT_FALSE(config->bos_token_id.has_value());
  }
}

TEST(GenerationConfig, TokenIdsThatItLacksComeFromConfigJson) {
  const TemporaryFolder folder;
  folder.Write("config.json", R"({"eos_token_id": 7, "bos_token_id": 8, "pad_token_id": 9})");
  absl::StatusOr<GenerationConfig> config = LoadGenerationConfig(folder.path());
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_THAT(config->eos_token_ids, ElementsAre(7));

  folder.Write("generation_config.json", R"({"pad_token_id": 3, "eos_token_id": [1, 2]})");
  config = LoadGenerationConfig(folder.path());
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_THAT(config->eos_token_ids, ElementsAre(1, 2));
  EXPECT_EQ(config->bos_token_id, 8);
  EXPECT_EQ(config->pad_token_id, 3);
}

TEST(GenerationConfig, RefusesFieldsOfTheWrongTypeOrOutOfRange) {
  const TemporaryFolder folder;
  const struct {
    std::string field;
    std::string reason;
  } cases[] = {
      {R"("do_sample": 1)", "'do_sample' must be true or false, is 1"},
      {R"("temperature": -1)",
       "'temperature' must be a number of at least 0 and at most 1e+06, is -1"},
      {R"("temperature": 1e30)",
       "'temperature' must be a number of at least 0 and at most 1e+06, is 1e+30"},
      {R"("temperature": "hot")",
       "'temperature' must be a number of at least 0 and at most 1e+06, is a string"},
      {R"("top_k": -1)", "'top_k' must be a non-negative integer, is -1"},
      {R"("top_k": 20.5)", "'top_k' must be a non-negative integer, is 20.5"},
      {R"("top_p": 0)", "'top_p' must be a number above 0 and at most 1, is 0"},
      {R"("top_p": 1.5)", "'top_p' must be a number above 0 and at most 1, is 1.5"},
      {R"("min_p": 2)", "'min_p' must be a number of at least 0 and at most 1, is 2"},
      {R"("repetition_penalty": 0.0)",
       "'repetition_penalty' must be a number above 0 and at most 1e+06, is 0.0"},
      {R"("eos_token_id": -2)", "'eos_token_id' must be a non-negative integer, is -2"},
      {R"("eos_token_id": [1, "2"])",
       "'eos_token_id[1]' must be a non-negative integer, is a string"},
      {R"("eos_token_id": 2147483648)",
       "'eos_token_id' must be a non-negative integer of at most 2147483647, is 2147483648"},
      {R"("pad_token_id": {})", "'pad_token_id' must be a non-negative integer, is an object"},
  };
  for (const auto& [field, reason] : cases) {
    const std::string path = folder.Write("generation_config.json", absl::StrCat("{", field, "}"));
    EXPECT_EQ(LoadGenerationConfig(folder.path()).status(),
              absl::InvalidArgumentError(absl::StrCat(path, ": field ", reason)));
  }
}

TEST(GenerationConfig, AFileThatIsNotJsonIsNotTakenForAbsent) {
  const TemporaryFolder folder;
  folder.Write("generation_config.json", "");
  EXPECT_EQ(LoadGenerationConfig(folder.path()).status().message(),
            absl::StrCat(folder.path(), "/generation_config.json: is empty, not JSON"));
}

}  // namespace
}  // namespace lluda::frontends
