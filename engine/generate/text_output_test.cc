#include "engine/generate/text_output.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace lluda::engine {
namespace {

using testing::ElementsAre;

class TextOutputTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    auto tokenizer = tokenizer::Tokenizer::Load("reference_data/stories");
    ASSERT_TRUE(tokenizer.ok()) << tokenizer.status();
    tokenizer_ = new tokenizer::Tokenizer(*std::move(tokenizer));
  }
  static void TearDownTestSuite() { delete tokenizer_; }

  TextOutput Make(const std::vector<std::string>& stops) {
    return TextOutput(tokenizer_, *engine::StopStrings::Create(stops),
                      [this](absl::string_view piece) {
                        pieces_.emplace_back(piece);
                        return static_cast<int>(pieces_.size()) < most_;
                      });
  }

  static tokenizer::Tokenizer* tokenizer_;
  std::vector<std::string> pieces_;
  int most_ = 1000;
};

tokenizer::Tokenizer* TextOutputTest::tokenizer_ = nullptr;

TEST_F(TextOutputTest, GivesOutWhatTheTokensSpell) {
  TextOutput output = Make({});
  for (const int32_t token : tokenizer_->Encode("Once upon a time, 日")) output.Add(token);
  output.Finish();
  EXPECT_EQ(output.text(), "Once upon a time, 日");
  EXPECT_FALSE(output.stopped());
}

TEST_F(TextOutputTest, TheBeginningOfAStopStringIsHeldBackUntilItIsDecided) {
  TextOutput output = Make({"upon a hill"});
  for (const int32_t token : tokenizer_->Encode("Once upon a")) output.Add(token);
  EXPECT_EQ(output.text(), "Once ");
  output.Finish();
  EXPECT_EQ(output.text(), "Once upon a");
}

TEST_F(TextOutputTest, NoStopStringIsFoundInWhatStandsApart) {
  TextOutput output = Make({" a time", "upon a hill", "here"});
  for (const int32_t token : tokenizer_->Encode("Once upon a")) output.Add(token);
  for (const int32_t token : tokenizer_->Encode(" time a time he")) output.AddApart(token);
  EXPECT_EQ(output.text(), "Once upon a time a time he");
  for (const int32_t token : tokenizer_->Encode("re, there")) output.Add(token);
  output.Finish();
  EXPECT_TRUE(output.stopped());
  EXPECT_EQ(output.text(), "Once upon a time a time here, t");
}

TEST_F(TextOutputTest, NothingOfAStopStringIsGivenOut) {
  TextOutput output = Make({" a time"});
  for (const int32_t token : tokenizer_->Encode("Once upon a time there")) output.Add(token);
  output.Finish();
  EXPECT_TRUE(output.stopped());
  EXPECT_EQ(output.text(), "Once upon");
}

TEST_F(TextOutputTest, AStopTokenMayCompleteAStopStringAndIsNotGivenOut) {
  const auto ids = tokenizer_->Encode(" time");
  ASSERT_EQ(ids.size(), 1u);
  for (const auto& [stop, expected] :
       {std::pair<std::string, std::string>{"a time", "Once upon "}, {"a tide", "Once upon a"}}) {
    TextOutput output = Make({stop});
    for (const int32_t token : tokenizer_->Encode("Once upon a")) output.Add(token);
    output.AddStopToken(ids[0]);
    output.Finish();
    EXPECT_EQ(output.text(), expected) << stop;
  }
}

TEST_F(TextOutputTest, ASinkThatSaysNoGetsNothingMore) {
  most_ = 1;
  TextOutput output = Make({});
  for (const int32_t token : tokenizer_->Encode("Once upon a time")) output.Add(token);
  output.Finish();
  EXPECT_TRUE(output.refused());
  EXPECT_THAT(pieces_, ElementsAre("Once"));
  EXPECT_EQ(output.text(), "Once");
}

}  // namespace
}  // namespace lluda::engine
