#include "bundle/tokenizer_message.h"

#include <cstdint>
#include <string>
#include <vector>

#include "frontends/tokenizer/tokenizer.h"
#include "gtest/gtest.h"

namespace lluda::bundle {
namespace {

constexpr const char* kTexts[] = {"", " it's  a text\r\n\n with 123 \u65e5\u672c \U0001F44D",
                                  "<s>a<|end|>  \n b <tool>", "\u2581 e\u0301 <0x41>"};

class TokenizerMessageTest : public testing::TestWithParam<const char*> {};

TEST_P(TokenizerMessageTest, HoldsEveryStepOfATokenizer) {
  const auto original = tokenizer::Tokenizer::Load(
      std::string("frontends/tokenizer/testdata/kinds/") + GetParam() + ".json");
  ASSERT_TRUE(original.ok()) << original.status();
  Tokenizer message;
  SetOptions(original->Tables(), &message);
  Tokenizer read;
  ASSERT_TRUE(read.ParseFromString(message.SerializeAsString()));
  tokenizer::TokenizerTables tables = OptionsOf(read);
  tables.vocabulary = original->Tables().vocabulary;
  tables.merges = original->Tables().merges;
  const auto copy = tokenizer::Tokenizer::FromTables(tables);
  ASSERT_TRUE(copy.ok()) << copy.status();
  tokenizer::EncodeOptions options;
  options.add_special_tokens = true;
  for (const char* text : kTexts) {
    const std::vector<int32_t> ids = original->Encode(text, options);
    EXPECT_EQ(copy->Encode(text, options), ids) << text;
    EXPECT_EQ(copy->Decode(ids, false), original->Decode(ids, false)) << text;
    EXPECT_EQ(copy->Decode(ids, true), original->Decode(ids, true)) << text;
  }
}

INSTANTIATE_TEST_SUITE_P(Kinds, TokenizerMessageTest,
                         testing::Values("gpt2_prefix", "qwen", "llama3", "o200k", "llama2",
                                         "mistral", "metaspace", "unknown", "gemma"));

TEST(BadTokenizerMessageTest, AStepOfNoKindIsOneThatTheTokenizerRefuses) {
  const auto original = tokenizer::Tokenizer::Load("frontends/tokenizer/testdata/kinds/qwen.json");
  ASSERT_TRUE(original.ok()) << original.status();
  const auto refusal = [&](const Tokenizer& message) {
    tokenizer::TokenizerTables tables = OptionsOf(message);
    tables.vocabulary = original->Tables().vocabulary;
    tables.merges = original->Tables().merges;
    return std::string(tokenizer::Tokenizer::FromTables(tables).status().message());
  };
  Tokenizer normalizer, pretokenizer, decoder;
  normalizer.add_normalizer();
  pretokenizer.add_pretokenizer();
  decoder.add_decoder();
  EXPECT_EQ(refusal(normalizer), "the pattern is empty");
  EXPECT_EQ(refusal(pretokenizer), "the text to look for is empty");
  EXPECT_EQ(refusal(decoder), "the pattern is empty");
  Tokenizer behavior;
  SplitStep* split = behavior.add_pretokenizer()->mutable_split();
  split->set_pattern("a");
  split->set_behavior(-1);
  EXPECT_EQ(refusal(behavior), "the behavior is unknown");
}

}  // namespace
}  // namespace lluda::bundle
