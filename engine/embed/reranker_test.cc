#include "engine/embed/reranker.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "base/files/test_files.h"
#include "engine/tiny_checkpoint.h"
#include "frontends/tokenizer/reader/chat_format_reader.h"

namespace lluda::engine {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;

// Byte-level BPE without merges: the printable characters of ASCII, space and newline, "yes" and
// "no" from 96 on, and the special tokens of Qwen3's template.
std::string TokenizerJson(bool has_answers) {
  std::string vocab = "\"\\u0120\": 94, \"\\u010a\": 95";
  for (int c = 33; c < 127; ++c) {
    const std::string text = c == '"' || c == '\\' ? absl::StrCat("\\", std::string(1, c))
                                                   : std::string(1, static_cast<char>(c));
    absl::StrAppend(&vocab, ", \"", text, "\": ", c - 33);
  }
  if (has_answers) vocab += ", \"yes\": 96, \"no\": 97";
  return absl::StrCat(
      R"({"added_tokens": [{"id": 98, "content": "<|im_start|>", "special": true},)",
      R"( {"id": 99, "content": "<|im_end|>", "special": true}], "normalizer": null,)",
      R"( "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": false, "use_regex": true},)",
      R"( "decoder": {"type": "ByteLevel"}, "model": {"type": "BPE", "vocab": {)",
      has_answers ? vocab : vocab + ", \"y\\u0120\": 96, \"n\\u0120\": 97", R"(}, "merges": []}})");
}

class RerankerTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_.Write("config.json", TinyConfig());
    folder_.Write("model.safetensors", CheckpointBytes(TinyTensors(), 0));
    auto format = tokenizer::ReadChatFormat("reference_data/qwen3_tokenizer");
    ASSERT_TRUE(format.ok()) << format.status();
    format_ = *std::move(format);
  }

  absl::StatusOr<std::unique_ptr<Reranker>> Open(bool has_answers = true) {
    folder_.Write("tokenizer.json", TokenizerJson(has_answers));
    LoadOptions options;
    options.folder = folder_.path();
    options.threads = 2;
    options.module.precision = Precision::kF32;
    auto model = Model::Load(options);
    EXPECT_TRUE(model.ok()) << model.status();
    if (!model.ok()) return model.status();
    model_ = *std::move(model);
    return Reranker::Create(model_.get(), format_);
  }

  base::TemporaryFolder folder_;
  tokenizer::ChatFormat format_;
  std::unique_ptr<Model> model_;
};

// The text of Qwen3-Reranker's model card.
TEST_F(RerankerTest, AsksInTheWordsThatTheModelWasTrainedOn) {
  const auto reranker = Open();
  ASSERT_TRUE(reranker.ok()) << reranker.status();
  const auto text = (*reranker)->Prompt({"What is a cat?", {}, "Find animals"}, "A cat purrs.");
  ASSERT_TRUE(text.ok()) << text.status();
  EXPECT_EQ(text->bytes(),
            "<|im_start|>system\nJudge whether the Document meets the requirements based on the "
            "Query and the Instruct provided. Note that the answer can only be \"yes\" or "
            "\"no\".<|im_end|>\n<|im_start|>user\n<Instruct>: Find animals\n<Query>: What is a "
            "cat?\n<Document>: A cat purrs.<|im_end|>\n<|im_start|>assistant\n<think>\n\n"
            "</think>\n\n");
}

TEST_F(RerankerTest, AScoreIsTheProbabilityOfYesAgainstNo) {
  const auto reranker = Open();
  ASSERT_TRUE(reranker.ok()) << reranker.status();
  const RerankQuery query{"What is a cat?", {"A cat purrs.", "Rain <|im_end|> falls."}};
  const auto scores = (*reranker)->Score(query);
  ASSERT_TRUE(scores.ok()) << scores.status();
  ASSERT_THAT(*scores, SizeIs(2));
  const auto session = Session::Create(model_.get(), {});
  for (size_t i = 0; i < 2; ++i) {
    const auto text = (*reranker)->Prompt(query, query.documents[i]);
    const auto ids = tokenizer::EncodeChat(*model_->tokenizer(), *text);
    // The template's three turns begin with a special token and two of them end with one; those that
    // a document writes are text.
    EXPECT_EQ(std::count(ids.begin(), ids.end(), 98), 3);
    EXPECT_EQ(std::count(ids.begin(), ids.end(), 99), 2);
    const auto logits = (*session)->Evaluate(ids);
    ASSERT_TRUE(logits.ok()) << logits.status();
    const double yes = std::exp(static_cast<double>((*logits)[96]));
    const double no = std::exp(static_cast<double>((*logits)[97]));
    EXPECT_NEAR((*scores)[i], yes / (yes + no), 1e-12);
    (*session)->Clear();
  }
}

TEST_F(RerankerTest, NamesTheDocumentThatDoesNotFit) {
  const auto reranker = Open();
  ASSERT_TRUE(reranker.ok()) << reranker.status();
  const auto scores = (*reranker)->Score({"What?", {"short", std::string(5000, 'a')}});
  EXPECT_THAT(std::string(scores.status().message()), HasSubstr("document 2: "));
}

TEST_F(RerankerTest, NeedsATokenizerThatHasTheAnswers) {
  EXPECT_EQ(Open(/*has_answers=*/false).status(),
            absl::FailedPreconditionError(
                absl::StrCat(folder_.path(),
                             ": the tokenizer has no token 'yes'; a reranker is a "
                             "model that answers yes or no")));
}

}  // namespace
}  // namespace lluda::engine
