#include "frontends/tokenizer/decoder.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace lluda::tokenizer {
namespace {

const ReplaceStep kBlank{"\u2581", " "};

std::string Decode(const DecoderSteps& steps, const std::vector<std::string>& tokens) {
  const absl::StatusOr<Decoder> decoder = Decoder::Create(steps);
  EXPECT_TRUE(decoder.ok()) << decoder.status();
  DecoderRun run(&*decoder);
  std::string text;
  for (const std::string& token : tokens) run.Add(decoder->TokenText(token), &text);
  run.Finish(&text);
  return text;
}

std::string Refusal(const DecoderSteps& steps) {
  const absl::StatusOr<Decoder> decoder = Decoder::Create(steps);
  return decoder.ok() ? "accepted" : std::string(decoder.status().message());
}

TEST(DecoderTest, StripsABlankAtTheStartOfTheFusedTextOnly) {
  const DecoderSteps steps = {kBlank, ByteFallbackDecoding{}, FuseStep{}, StripStep{" ", 1}};
  EXPECT_EQ(Decode(steps, {"\u2581a", "\u2581b", "\u2581"}), "a b ");
  EXPECT_EQ(Decode(steps, {"\u2581", "\u2581", "a"}), " a");
  EXPECT_EQ(Decode(steps, {"a", "\u2581b"}), "a b");
  EXPECT_EQ(Decode({kBlank, FuseStep{}, StripStep{" ", 2}}, {"\u2581", "\u2581\u2581a"}), " a");
}

TEST(DecoderTest, StripsEveryTokenWhereNothingIsFused) {
  EXPECT_EQ(Decode({kBlank, StripStep{" ", 1}}, {"\u2581a", "\u2581\u2581b"}), "a b");
}

TEST(DecoderTest, OfATextThatGoesOnKeepsTheStart) {
  const DecoderSteps kinds[] = {{kBlank, FuseStep{}, StripStep{" ", 1}},
                                {MetaspaceDecoding{"\u2581", /*strips_first=*/true}}};
  for (const DecoderSteps& steps : kinds) {
    const absl::StatusOr<Decoder> decoder = Decoder::Create(steps);
    ASSERT_TRUE(decoder.ok()) << decoder.status();
    DecoderRun run(&*decoder);
    std::string text;
    run.Continue();
    for (const char* token : {"\u2581a", "\u2581b"}) run.Add(decoder->TokenText(token), &text);
    run.Finish(&text);
    EXPECT_EQ(text, " a b");
    text.clear();
    run.Add(decoder->TokenText("\u2581a"), &text);
    run.Finish(&text);
    EXPECT_EQ(text, "a") << "a run that has ended is as new";
  }
}

TEST(DecoderTest, MakesCharactersOfRunsOfBytes) {
  const DecoderSteps steps = {ByteFallbackDecoding{}, FuseStep{}};
  EXPECT_EQ(Decode(steps, {"<0xE6>", "<0x97>", "<0xA5>", "a", "<0x41>"}), "日aA");
  EXPECT_EQ(Decode(steps, {"<0x41>", "<0xE6>", "<0x97>", "a"}), "\uFFFD\uFFFD\uFFFDa")
      << "one bad byte spoils the run";
  EXPECT_EQ(Decode(steps, {"<0xe6>", "<0x97>", "<0xa5>"}), "日");
  EXPECT_EQ(Decode(steps, {"<0xG0>", "<0x1>", "<0x411>"}), "<0xG0><0x1><0x411>");
}

TEST(DecoderTest, GivesARunOfBytesOutWhenItEnds) {
  const absl::StatusOr<Decoder> decoder = Decoder::Create({ByteFallbackDecoding{}, FuseStep{}});
  ASSERT_TRUE(decoder.ok());
  DecoderRun run(&*decoder);
  std::string text;
  for (const char* token : {"<0xE6>", "<0x97>", "<0xA5>"}) run.Add(token, &text);
  EXPECT_EQ(text, "");
  run.Add("!", &text);
  EXPECT_EQ(text, "日!");
}

TEST(DecoderTest, DropsTheReplacementOfTheFirstTokenForMetaspace) {
  const std::vector<std::string> tokens = {"\u2581\u2581a\u2581", "\u2581b"};
  EXPECT_EQ(Decode({MetaspaceDecoding{"\u2581", true}}, tokens), "a b");
  EXPECT_EQ(Decode({MetaspaceDecoding{"\u2581", false}}, tokens), "  a  b");
}

TEST(DecoderTest, IsAsNewAfterTheEnd) {
  const absl::StatusOr<Decoder> decoder = Decoder::Create({kBlank, FuseStep{}, StripStep{" ", 1}});
  ASSERT_TRUE(decoder.ok());
  DecoderRun run(&*decoder);
  for (int i = 0; i < 2; ++i) {
    std::string text;
    run.Add(decoder->TokenText("\u2581a"), &text);
    run.Finish(&text);
    EXPECT_EQ(text, "a");
  }
}

TEST(DecoderTest, RefusesStepsThatWouldHaveToSeeAllOfTheText) {
  EXPECT_EQ(Refusal({FuseStep{}, MetaspaceDecoding{"\u2581", true}}),
            "Metaspace after Fuse is not supported");
  EXPECT_EQ(Refusal({ByteLevelDecoding{}, ByteFallbackDecoding{}}),
            "ByteFallback after ByteLevel is not supported");
  EXPECT_EQ(Refusal({FuseStep{}, ReplaceStep{"ab", "c"}}), "Replace after Fuse is not supported");
  EXPECT_EQ(Refusal({FuseStep{}, ReplaceStep{"a", "bc"}}), "accepted");
  EXPECT_EQ(Refusal({ByteFallbackDecoding{}, ByteFallbackDecoding{}}),
            "ByteFallback after ByteFallback is not supported");
  EXPECT_EQ(Refusal({FuseStep{}, ByteLevelDecoding{}}), "ByteLevel after Fuse is not supported");
}

TEST(DecoderTest, RefusesMalformedSteps) {
  EXPECT_EQ(Refusal({ReplaceStep{"", "x"}}), "the pattern is empty");
  EXPECT_EQ(Refusal({StripStep{"ab", 1}}), "the content is not one character");
  EXPECT_EQ(Refusal({MetaspaceDecoding{"", true}}), "the replacement is not one character");
}

}  // namespace
}  // namespace lluda::tokenizer
