#include "cli/arguments.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace lluda::cli {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

ParseResult Parse(std::vector<std::string> words) {
  words.insert(words.begin(), "lluda");
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  return ParseArguments(static_cast<int>(argv.size()), argv.data());
}

TEST(ArgumentsTest, GenerateTakesTheModelFirst) {
  const ParseResult result =
      Parse({"generate", "some/folder", "-p", "-- Hi", "-n", "7", "--stop", "a", "--stop", "b"});
  ASSERT_FALSE(result.exit_code);
  EXPECT_EQ(result.arguments.command, Command::kGenerate);
  const GenerateFlags& flags = result.arguments.generate;
  EXPECT_EQ(flags.model.model, "some/folder");
  EXPECT_EQ(flags.prompt.text, "-- Hi");
  EXPECT_EQ(flags.max_new_tokens, 7);
  EXPECT_THAT(flags.stops, ElementsAre("a", "b"));
  EXPECT_FALSE(flags.sampler.temperature.has_value());
}

TEST(ArgumentsTest, AStopStringDoesNotSwallowTheModel) {
  const ParseResult result = Parse({"generate", "--stop", "a", "folder", "-p", "x"});
  ASSERT_FALSE(result.exit_code);
  EXPECT_EQ(result.arguments.generate.model.model, "folder");
}

TEST(ArgumentsTest, SamplerFlagsMayBeNegativeNumbers) {
  const ParseResult result =
      Parse({"generate", "-p", "x", "--presence-penalty", "-0.5", "--temperature", "0"});
  ASSERT_FALSE(result.exit_code);
  EXPECT_EQ(result.arguments.generate.sampler.presence_penalty, -0.5);
  EXPECT_EQ(result.arguments.generate.sampler.temperature, 0.0);
}

TEST(ArgumentsTest, ChatThinksUnlessToldNotTo) {
  EXPECT_TRUE(Parse({"chat"}).arguments.chat.thinking);
  EXPECT_FALSE(Parse({"chat", "--no-thinking"}).arguments.chat.thinking);
}

TEST(ArgumentsTest, BenchTakesListsAndDoesNotSwallowTheModel) {
  const ParseResult result =
      Parse({"bench", "--prompt-tokens", "8,512", "folder", "--depth", "0,9"});
  ASSERT_FALSE(result.exit_code);
  EXPECT_EQ(result.arguments.command, Command::kBench);
  EXPECT_EQ(result.arguments.bench.model.model, "folder");
  EXPECT_THAT(result.arguments.bench.prompt_tokens, ElementsAre(8, 512));
  EXPECT_THAT(result.arguments.bench.depths, ElementsAre(0, 9));
}

struct BadUsage {
  std::vector<std::string> words;
  const char* error;
};

class BadUsageTest : public testing::TestWithParam<BadUsage> {};

TEST_P(BadUsageTest, IsOneLineAndExitCodeTwo) {
  testing::internal::CaptureStderr();
  const ParseResult result = Parse(GetParam().words);
  const std::string error = testing::internal::GetCapturedStderr();
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(error, testing::StartsWith("lluda: "));
  EXPECT_THAT(error, HasSubstr(GetParam().error));
  EXPECT_EQ(error.find('\n'), error.size() - 1);
}

INSTANTIATE_TEST_SUITE_P(
    All, BadUsageTest,
    testing::Values(BadUsage{{}, "subcommand is required"}, BadUsage{{"frobnicate"}, "frobnicate"},
                    BadUsage{{"generate", "--frobnicate"}, "--frobnicate"},
                    BadUsage{{"generate", "a", "b"}, "b"},
                    BadUsage{{"generate", "-n", "many"}, "many"},
                    BadUsage{{"generate", "-n", "-1"}, "-1"},
                    BadUsage{{"generate", "--ctx", "0"}, "--ctx"},
                    BadUsage{{"generate", "-t", "0"}, "--threads"},
                    BadUsage{{"generate", "--seed", "-1"}, "--seed"},
                    BadUsage{{"generate", "--precision", "fp8"}, "--precision"},
                    BadUsage{{"generate", "-p", "x", "-f", "y"}, "--file"},
                    BadUsage{{"ir", "--before", "--after", "dce"}, "--after"},
                    BadUsage{{"validate"}, "--reference"}));

TEST(ArgumentsTest, HelpGoesToStdout) {
  testing::internal::CaptureStdout();
  const ParseResult result = Parse({"generate", "--help"});
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_THAT(testing::internal::GetCapturedStdout(), HasSubstr("--max-new-tokens"));
}

}  // namespace
}  // namespace lluda::cli
