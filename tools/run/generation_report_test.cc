#include "tools/run/generation_report.h"

#include <string>

#include "base/json/json.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace lluda::tools {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

GenerationReport Report() {
  GenerationReport report;
  report.load.compile_seconds = 0.25;
  report.load.kernels = 31;
  report.generation.text = "a \"b\"\n";
  report.generation.tokens = {5, 6, 7};
  report.generation.prompt_tokens = 12;
  report.generation.reused_tokens = 2;
  report.generation.first_token_seconds = 0.5;
  report.generation.decode_seconds = 4;
  report.generation.decode_steps = 2;
  report.generation.guessed_tokens = 7;
  report.generation.accepted_tokens = 4;
  report.generation.head_rows = 96;
  return report;
}

TEST(GenerationReportTest, SpeedsCountWhatWasComputedOnly) {
  const auto json = base::JsonDocument::Parse("json", GenerationJson(Report(), 9));
  ASSERT_TRUE(json.ok()) << json.status();
  const base::JsonObject root = json->root();
  EXPECT_EQ(*root.Number("prompt_tokens_per_second", {0, 1e9}), 20);
  // A guess that came true is a token without a step of its own.
  EXPECT_EQ(*root.Number("tokens_per_second", {0, 1e9}), 1.5);
  EXPECT_EQ(*root.Int("guessed_tokens", {0, 100}), 7);
  EXPECT_EQ(*root.Int("accepted_tokens", {0, 100}), 4);
  EXPECT_EQ(*root.Int("head_rows_per_step", {0, 100}), 48);
  EXPECT_EQ(*root.Int("new_tokens", {0, 100}), 3);
  EXPECT_EQ(*root.Int("seed", {0, 100}), 9);
  EXPECT_EQ(*root.String("text"), "a \"b\"\n");
  EXPECT_EQ(*root.String("finish_reason"), "length");
  EXPECT_TRUE(root.Has("stop_token"));
  EXPECT_FALSE(root.HasValue("stop_token"));
}

TEST(GenerationReportTest, WhatWasNotTimedHasNoSpeed) {
  GenerationReport report = Report();
  report.generation.decode_seconds = 0;
  EXPECT_THAT(GenerationJson(report, 0), HasSubstr("\"tokens_per_second\": 0,"));
}

TEST(GenerationReportTest, TextHasARowForEachNumberAndSaysWhatEndedIt) {
  GenerationReport report = Report();
  std::string text = GenerationStatsText(report);
  EXPECT_THAT(text, HasSubstr("\ncompile_seconds            0.2500\n"));
  EXPECT_THAT(text, HasSubstr("\nkernels                    31\n"));
  EXPECT_THAT(text, HasSubstr("\nfinish_reason              length\n"));
  EXPECT_THAT(text, Not(HasSubstr("stopped_by")));
  report.generation.finish = engine::FinishReason::kStop;
  EXPECT_THAT(GenerationStatsText(report), HasSubstr("stopped_by                 stop string\n"));
  report.generation.stop_token = 2;
  EXPECT_THAT(GenerationStatsText(report), HasSubstr("stopped_by                 end token 2\n"));
}

TEST(GenerationReportTest, AnAnswerIsAGenerationBelowItsMessagesNumber) {
  const auto json = base::JsonDocument::Parse("json", ChatAnswerJson(Report(), 9, 3));
  ASSERT_TRUE(json.ok()) << json.status();
  EXPECT_EQ(*json->root().Int("message", {1, 100}), 3);
  EXPECT_EQ(*json->root().Object("answer")->Int("kernels", {0, 100}), 31);
}

}  // namespace
}  // namespace lluda::tools
