#include "tools/run/embedding_report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace lluda::tools {
namespace {

using ::testing::ElementsAre;
using ::testing::SizeIs;

TEST(EmbeddingReportTest, ReadsTextsWithAndWithoutAnId) {
  const auto texts =
      ReadTexts("a.jsonl", "{\"id\": \"x\", \"text\": \"one\"}\n\n{\"text\": \"\", \"more\": 1}\n");
  ASSERT_TRUE(texts.ok()) << texts.status();
  ASSERT_THAT(*texts, SizeIs(2));
  EXPECT_EQ((*texts)[0].id, "x");
  EXPECT_EQ((*texts)[0].text, "one");
  EXPECT_EQ((*texts)[1].id, std::nullopt);
}

TEST(EmbeddingReportTest, NamesTheLineThatHasNoText) {
  EXPECT_EQ(ReadTexts("a.jsonl", "{\"text\": \"one\"}\n{\"texts\": []}\n").status(),
            absl::InvalidArgumentError("a.jsonl:2: field 'text' is missing"));
}

TEST(EmbeddingReportTest, ALineMayLackTheQueryThatAllShare) {
  const char kLines[] = "{\"documents\": [\"a\"]}\n{\"query\": \"own\", \"documents\": []}\n";
  const auto queries = ReadQueries("a.jsonl", kLines, "shared");
  ASSERT_TRUE(queries.ok()) << queries.status();
  ASSERT_THAT(*queries, SizeIs(2));
  EXPECT_EQ((*queries)[0].query, "shared");
  EXPECT_EQ((*queries)[1].place, "a.jsonl:2");
  EXPECT_THAT((*queries)[0].documents, ElementsAre("a"));
  EXPECT_EQ((*queries)[1].query, "own");
  EXPECT_EQ(ReadQueries("a.jsonl", kLines, std::nullopt).status(),
            absl::InvalidArgumentError("a.jsonl:1: field 'query' is missing"));
}

TEST(EmbeddingReportTest, WritesALineAndADocumentOfTheSameFields) {
  const EmbeddingRow row{"x", 3, 2, {0.6f, 0.8f}};
  EXPECT_EQ(EmbeddingLine(row),
            "{\"index\": 3, \"id\": \"x\", \"tokens\": 2, \"embedding\": [0.6, 0.8]}\n");
  EXPECT_EQ(EmbeddingsJson({row}),
            "{\"schema\": \"lluda.embed/1\", \"embeddings\": [{\"index\": 3, \"id\": \"x\", "
            "\"tokens\": 2, \"embedding\": [0.6, 0.8]}]}\n");
}

TEST(EmbeddingReportTest, WritesTheBestDocumentFirstAndOfEqualOnesTheFirst) {
  EXPECT_EQ(
      RerankLine({std::nullopt, 0, {0.25, 0.5, 0.25}}),
      "{\"index\": 0, \"results\": [{\"index\": 1, \"relevance_score\": 0.5}, "
      "{\"index\": 0, \"relevance_score\": 0.25}, {\"index\": 2, \"relevance_score\": 0.25}]}\n");
}

}  // namespace
}  // namespace lluda::tools
