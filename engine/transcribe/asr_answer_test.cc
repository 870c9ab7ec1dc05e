#include "engine/transcribe/asr_answer.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace lluda::engine {
namespace {

// What comes out of an answer, whole and character by character; both have to be the same.
struct Read {
  std::string text, language;
};

Read ReadAnswer(const std::string& answer, const std::string& language = "") {
  AsrAnswer whole(language), parts(language);
  std::string streamed = whole.Add(answer);
  streamed += whole.Finish();
  EXPECT_EQ(streamed, whole.text());
  streamed.clear();
  for (const char c : answer) streamed += parts.Add(std::string(1, c));
  streamed += parts.Finish();
  EXPECT_EQ(streamed, parts.text());
  EXPECT_EQ(parts.text(), whole.text());
  EXPECT_EQ(parts.language(), whole.language());
  return {whole.text(), whole.language()};
}

TEST(AsrAnswer, HasALanguageAndAText) {
  const Read read = ReadAnswer("language English<asr_text>Hello there.");
  EXPECT_EQ(read.text, "Hello there.");
  EXPECT_EQ(read.language, "English");
}

TEST(AsrAnswer, SpaceAroundTheTextIsNoPartOfIt) {
  EXPECT_EQ(ReadAnswer("language English<asr_text>\n  a  b \n").text, "a  b");
  EXPECT_EQ(ReadAnswer("  a b ", "English").text, "a b");
}

TEST(AsrAnswer, NobodySpeaks) {
  const Read read = ReadAnswer("language None<asr_text>");
  EXPECT_EQ(read.text, "");
  EXPECT_EQ(read.language, "");
}

TEST(AsrAnswer, AfterAGivenLanguageAllOfItIsText) {
  const Read read = ReadAnswer("language English is spoken.", "English");
  EXPECT_EQ(read.text, "language English is spoken.");
  EXPECT_EQ(read.language, "English");
}

TEST(AsrAnswer, WithoutAHeadAllOfItIsText) {
  EXPECT_EQ(ReadAnswer("Hello there.").text, "Hello there.");
  EXPECT_EQ(ReadAnswer("lang").text, "lang");
  EXPECT_EQ(ReadAnswer("").text, "");
}

TEST(AsrAnswer, AHeadThatIsCutOffIsNoText) {
  const Read read = ReadAnswer("language Engl");
  EXPECT_EQ(read.text, "");
  EXPECT_EQ(read.language, "");
}

TEST(AsrAnswer, AHeadThatNeverEndsIsText) {
  const std::string answer = "language " + std::string(100, 'x');
  EXPECT_EQ(ReadAnswer(answer).text, answer);
}

TEST(AsrAnswer, ASecondTagIsText) {
  EXPECT_EQ(ReadAnswer("language English<asr_text>a<asr_text>b").text, "a<asr_text>b");
}

}  // namespace
}  // namespace lluda::engine
