#include "frontends/generation_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/files/test_files.h"
#include "frontends/field_table.h"

namespace lluda::frontends {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(GenerationConfig, ReadsEveryField) {
  const base::TemporaryFolder folder;
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
  EXPECT_THAT(config->notes, IsEmpty());
}

TEST(GenerationConfig, WithoutFilesOrValuesHuggingFacesDefaultsHold) {
  const base::TemporaryFolder folder;
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
    EXPECT_THAT(config->notes, IsEmpty());
  }
}

TEST(GenerationConfig, EndTokensThatItLacksComeFromConfigJson) {
  const base::TemporaryFolder folder;
  folder.Write("config.json", R"({"eos_token_id": 7, "bos_token_id": 8, "pad_token_id": 9})");
  absl::StatusOr<GenerationConfig> config = LoadGenerationConfig(folder.path());
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_THAT(config->eos_token_ids, ElementsAre(7));

  folder.Write("generation_config.json", R"({"pad_token_id": 3, "eos_token_id": [1, 2]})");
  config = LoadGenerationConfig(folder.path());
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_THAT(config->eos_token_ids, ElementsAre(1, 2));
}

TEST(GenerationConfig, AnEndTokenThatNoVocabularyHasEndsNothing) {
  const base::TemporaryFolder folder;
  folder.Write("config.json", R"({"eos_token_id": 7})");
  folder.Write("generation_config.json", R"({"eos_token_id": [5, -1, 3000000000]})");
  absl::StatusOr<GenerationConfig> config = LoadGenerationConfig(folder.path());
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_THAT(config->eos_token_ids, ElementsAre(5));
  // It is said all the same that the text has no end: config.json's does not count.
  folder.Write("generation_config.json", R"({"eos_token_id": -1})");
  config = LoadGenerationConfig(folder.path());
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_THAT(config->eos_token_ids, IsEmpty());
}

TEST(GenerationConfig, FieldsThatAreNotUsedMayHoldAnything) {
  const base::TemporaryFolder folder;
  folder.Write("config.json", R"({"pad_token_id": -1, "bos_token_id": "none"})");
  for (const FieldRow& row : GenerationFields()) {
    if (row.use != FieldUse::kIgnored) continue;
    for (const char* value : {"-1", "1e300", "\"text\"", "[1, {}]", "{\"a\": [null]}", "true"}) {
      folder.Write("generation_config.json", absl::StrCat("{\"", row.key, "\": ", value, "}"));
      absl::StatusOr<GenerationConfig> config = LoadGenerationConfig(folder.path());
      ASSERT_TRUE(config.ok()) << row.key << ": " << config.status();
      EXPECT_THAT(config->notes, IsEmpty()) << row.key;
    }
  }
}

TEST(GenerationConfig, WhatWouldChangeTheTextAndIsNotThereGetsANote) {
  const base::TemporaryFolder folder;
  const std::string path =
      folder.Write("generation_config.json",
                   R"({"typical_p": 0.9, "eta_cutoff": 0.0, "bad_words_ids": [[5]], "num_beams": 4,
          "suppress_tokens": [], "forced_eos_token_id": null, "min_new_tokens": 0})");
  absl::StatusOr<GenerationConfig> config = LoadGenerationConfig(folder.path());
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_THAT(config->notes,
              ElementsAre(absl::StrCat(path, ": field 'typical_p' asks for 0.9, which is ignored"),
                          absl::StrCat(path, ": field 'bad_words_ids' asks for tokens that are ",
                                       "never chosen, which is ignored"),
                          absl::StrCat(path, ": field 'num_beams' asks for 4, which is ignored")));
}

TEST(GenerationConfig, TheEdgesOfTopKAndTopPAreThoseOfOtherEngines) {
  const base::TemporaryFolder folder;
  folder.Write("generation_config.json", R"({"top_k": -1, "top_p": 0})");
  absl::StatusOr<GenerationConfig> config = LoadGenerationConfig(folder.path());
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->top_k, 0);    // all tokens
  EXPECT_GT(config->top_p, 0.0);  // the likeliest token alone
  EXPECT_LT(config->top_p, 1e-30);
}

TEST(GenerationConfig, RefusesFieldsOfTheWrongTypeOrOutOfRange) {
  const base::TemporaryFolder folder;
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
      {R"("top_k": -2)", "'top_k' must be an integer of at least -1, is -2"},
      {R"("top_k": 20.5)", "'top_k' must be an integer of at least -1, is 20.5"},
      {R"("top_p": -0.1)", "'top_p' must be a number of at least 0 and at most 1, is -0.1"},
      {R"("top_p": 1.5)", "'top_p' must be a number of at least 0 and at most 1, is 1.5"},
      {R"("min_p": 2)", "'min_p' must be a number of at least 0 and at most 1, is 2"},
      {R"("repetition_penalty": 0.0)",
       "'repetition_penalty' must be a number above 0 and at most 1e+06, is 0.0"},
      {R"("eos_token_id": {})", "'eos_token_id' must be an integer, is an object"},
      {R"("eos_token_id": [1, "2"])", "'eos_token_id[1]' must be an integer, is a string"},
  };
  for (const auto& [field, reason] : cases) {
    const std::string path = folder.Write("generation_config.json", absl::StrCat("{", field, "}"));
    EXPECT_EQ(LoadGenerationConfig(folder.path()).status(),
              absl::InvalidArgumentError(absl::StrCat(path, ": field ", reason)));
  }
}

TEST(GenerationConfig, AFileThatIsNotJsonIsNotTakenForAbsent) {
  const base::TemporaryFolder folder;
  folder.Write("generation_config.json", "");
  EXPECT_EQ(LoadGenerationConfig(folder.path()).status().message(),
            absl::StrCat(folder.path(), "/generation_config.json: is empty, not JSON"));
}

}  // namespace
}  // namespace lluda::frontends
