#include "frontends/embedding_format.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "base/files/test_files.h"

namespace lluda::frontends {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;

class EmbeddingFormatTest : public testing::Test {
 protected:
  // What reading the folder is refused with, without the folder's name.
  std::string Error() const {
    const std::string message(ReadEmbeddingFormat(folder_.path()).status().message());
    return message.substr(std::min(message.size(), folder_.path().size() + 1));
  }

  base::TemporaryFolder folder_;
};

TEST_F(EmbeddingFormatTest, OfAFolderThatSaysNothingHasNoPrompts) {
  const auto format = ReadEmbeddingFormat(folder_.path());
  ASSERT_TRUE(format.ok()) << format.status();
  EXPECT_THAT(format->prompts, IsEmpty());
  EXPECT_EQ(*PromptOf(*format, ""), "");
}

TEST_F(EmbeddingFormatTest, ReadsThePromptsAndTheDefaultOne) {
  folder_.Write("config_sentence_transformers.json",
                R"({"prompts": {"query": "Q: ", "document": ""}, "default_prompt_name": "query"})");
  const auto format = ReadEmbeddingFormat(folder_.path());
  ASSERT_TRUE(format.ok()) << format.status();
  EXPECT_THAT(format->prompts, ElementsAre(Pair("query", "Q: "), Pair("document", "")));
  EXPECT_EQ(*PromptOf(*format, ""), "Q: ");
  EXPECT_EQ(*PromptOf(*format, "document"), "");
  EXPECT_EQ(PromptOf(*format, "passage").status(),
            absl::NotFoundError("there is no prompt 'passage'; the model has query, document"));
}

TEST_F(EmbeddingFormatTest, RefusesADefaultPromptThatIsNotThere) {
  folder_.Write("config_sentence_transformers.json", R"({"default_prompt_name": "query"})");
  EXPECT_EQ(Error(),
            "config_sentence_transformers.json: field 'default_prompt_name' there is no "
            "prompt 'query'; the model has none");
}

TEST_F(EmbeddingFormatTest, TakesTheLastTokenHoweverAFileSaysIt) {
  for (const char* pooling :
       {R"({"pooling_mode_mean_tokens": false, "pooling_mode_lasttoken": true})",
        R"({"pooling_mode": "lasttoken", "embedding_dimension": 64})"}) {
    folder_.Write("1_Pooling/config.json", pooling);
    EXPECT_EQ(Error(), "");
  }
}

TEST_F(EmbeddingFormatTest, RefusesOtherTokensByTheNameOfTheirSwitch) {
  constexpr char kRest[] = " is not supported; an embedding is the last token's hidden state";
  folder_.Write("1_Pooling/config.json",
                R"({"pooling_mode_cls_token": true, "pooling_mode_lasttoken": true})");
  EXPECT_EQ(Error(), absl::StrCat("1_Pooling/config.json: pooling_mode_cls_token", kRest));
  folder_.Write("1_Pooling/config.json", R"({"pooling_mode": "mean"})");
  EXPECT_EQ(Error(), absl::StrCat("1_Pooling/config.json: pooling_mode 'mean'", kRest));
  folder_.Write("1_Pooling/config.json", R"({"word_embedding_dimension": 64})");
  EXPECT_EQ(Error(), absl::StrCat("1_Pooling/config.json: pooling by the mean", kRest));
}

TEST_F(EmbeddingFormatTest, FindsThePoolingWhereTheModulesSayItIs) {
  folder_.Write("modules.json",
                R"([{"type": "sentence_transformers.models.Transformer", "path": ""},
    {"type": "sentence_transformers.models.Pooling", "path": "pool"}])");
  folder_.Write("pool/config.json", R"({"pooling_mode": "max"})");
  EXPECT_EQ(Error(),
            "pool/config.json: pooling_mode 'max' is not supported; an embedding is the "
            "last token's hidden state");
}

TEST_F(EmbeddingFormatTest, RefusesAModuleThatComputesMore) {
  folder_.Write("modules.json", R"([{"type": "sentence_transformers.models.Dense", "path": "2"}])");
  EXPECT_EQ(Error(),
            "modules.json: module 'sentence_transformers.models.Dense' is not supported; "
            "an embedding is the last token's hidden state");
  folder_.Write("modules.json", R"({"type": "Dense"})");
  EXPECT_EQ(Error(), "modules.json: must be a list of modules");
}

}  // namespace
}  // namespace lluda::frontends
