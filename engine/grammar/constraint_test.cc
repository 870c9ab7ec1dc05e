#include "engine/grammar/constraint.h"

#include <gtest/gtest.h>

#include <string>

namespace lluda::grammar {
namespace {

// A token for a, the markers of thoughts, and <s>, which is special.
tokenizer::Tokenizer MakeTokenizer(const std::string& begin) {
  const std::string json = R"({"added_tokens":[{"id":1,"content":")" + begin +
                           R"(","special":false,"normalized":false},
      {"id":2,"content":"</think>","special":false,"normalized":false},
      {"id":3,"content":"<s>","special":true}],
      "pre_tokenizer":{"type":"ByteLevel","add_prefix_space":false,"use_regex":false},
      "decoder":{"type":"ByteLevel"},"model":{"type":"BPE","vocab":{"a":0},"merges":[]}})";
  absl::StatusOr<tokenizer::Tokenizer> made = tokenizer::Tokenizer::FromJson(json, "test");
  EXPECT_TRUE(made.ok()) << made.status();
  return *std::move(made);
}

TEST(BehindThoughtTest, WhatThePromptEndsWithSaysWhetherAThoughtMayCome) {
  const tokenizer::Tokenizer tokenizer = MakeTokenizer("<think>");
  const auto behind = [&](const std::string& prompt) {
    return BehindThought(tokenizer, tokenizer.Encode(prompt));
  };
  for (const char* const may_think : {"", "a", "<s>a", "<think>a</think><s>a", "<think><s>a"}) {
    EXPECT_TRUE(behind(may_think).thought_begin.has_value()) << may_think;
    EXPECT_FALSE(behind(may_think).in_thought) << may_think;
  }
  EXPECT_TRUE(behind("<s>a<think>a").in_thought);
  EXPECT_TRUE(behind("</think><s><think>").in_thought);
  EXPECT_FALSE(behind("<s>a<think></think>a").thought_begin.has_value());
  EXPECT_FALSE(behind("<s>a<think></think>a").in_thought);
}

TEST(BehindThoughtTest, WithoutTheirTokensThereAreNoThoughts) {
  const tokenizer::Tokenizer tokenizer = MakeTokenizer("<hm>");
  EXPECT_FALSE(BehindThought(tokenizer, {0}).thought_begin.has_value());
  EXPECT_FALSE(BehindThought(tokenizer, {0}).thought_end.has_value());
}

}  // namespace
}  // namespace lluda::grammar
