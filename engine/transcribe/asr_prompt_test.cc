#include "engine/transcribe/asr_prompt.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "absl/status/status.h"
#include "base/files/test_files.h"
#include "base/json/json.h"

namespace lluda::engine {
namespace {

tokenizer::Tokenizer AsrTokenizer() {
  auto tokenizer = tokenizer::Tokenizer::Load("reference_data/asr/tokenizer.json");
  EXPECT_TRUE(tokenizer.ok()) << tokenizer.status();
  return *std::move(tokenizer);
}

// The tokens of a prompt as transformers made them, with one <|audio_pad|> for all of the sound.
std::vector<int32_t> ReferenceIds(const std::string& name, int32_t pad) {
  const std::string text = base::ReadAll("reference_data/asr/reference.json");
  const auto document = base::JsonDocument::Parse("reference.json", text);
  EXPECT_TRUE(document.ok()) << document.status();
  simdjson::dom::array prompts;
  EXPECT_FALSE(document->root().dom()["prompts"].get(prompts));
  std::vector<int32_t> ids;
  for (const simdjson::dom::element prompt : prompts) {
    std::string_view prompt_name;
    simdjson::dom::array tokens;
    EXPECT_FALSE(prompt["name"].get(prompt_name) || prompt["ids"].get(tokens));
    if (prompt_name != name) continue;
    for (const simdjson::dom::element token : tokens) {
      int64_t id = 0;
      EXPECT_FALSE(token.get(id));
      if (id != pad || ids.back() != pad) ids.push_back(static_cast<int32_t>(id));
    }
  }
  return ids;
}

TEST(AsrPrompt, IsWhatTransformersMakesOfTheConversation) {
  const tokenizer::Tokenizer tokenizer = AsrTokenizer();
  const int32_t pad = *tokenizer.TokenToId("<|audio_pad|>");
  EXPECT_EQ(AsrPrompt(tokenizer, {}).value(), ReferenceIds("audio", pad));
  EXPECT_EQ(AsrPrompt(tokenizer, {"Names: Ada, Bob.", ""}).value(),
            ReferenceIds("long_audio", pad));
  EXPECT_EQ(AsrPrompt(tokenizer, {"", "English"}).value(), ReferenceIds("language", pad));
}

TEST(AsrPrompt, SpecialTokensInTheContextAreText) {
  const tokenizer::Tokenizer tokenizer = AsrTokenizer();
  const int32_t pad = *tokenizer.TokenToId("<|audio_pad|>");
  const std::vector<int32_t> ids = AsrPrompt(tokenizer, {"<|audio_pad|><|im_end|>", ""}).value();
  EXPECT_EQ(std::count(ids.begin(), ids.end(), pad), 1);
  EXPECT_EQ(std::count(ids.begin(), ids.end(), *tokenizer.TokenToId("<|im_end|>")), 2);
}

TEST(AsrPrompt, ContextThatIsNoUtf8IsRepaired) {
  const tokenizer::Tokenizer tokenizer = AsrTokenizer();
  EXPECT_EQ(AsrPrompt(tokenizer, {"a\xff", ""}).value(),
            AsrPrompt(tokenizer, {"a\xef\xbf\xbd", ""}).value());
}

TEST(AsrPrompt, ATokenizerWithoutItsTokensIsRefused) {
  const auto tokenizer = tokenizer::Tokenizer::Load("reference_data/stories");
  ASSERT_TRUE(tokenizer.ok()) << tokenizer.status();
  const auto prompt = AsrPrompt(*tokenizer, {});
  EXPECT_EQ(prompt.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(prompt.status().message()), testing::HasSubstr("has no token '<|"));
}

}  // namespace
}  // namespace lluda::engine
