#include "cli/flags/arguments.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
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
  return ParseArguments(static_cast<int>(argv.size()), argv.data(), [] { return "version 7"; });
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
  EXPECT_EQ(Parse({"chat"}).arguments.chat.thinking, std::nullopt);
  EXPECT_EQ(Parse({"chat", "--thinking"}).arguments.chat.thinking, true);
  EXPECT_EQ(Parse({"chat", "--no-thinking"}).arguments.chat.thinking, false);
  const ChatFlags chat =
      Parse({"chat", "--tools", "t.json", "--chat-template", "c.jinja", "--show-prompt"})
          .arguments.chat;
  EXPECT_EQ(chat.tools_file, "t.json");
  EXPECT_EQ(chat.template_file, "c.jinja");
  EXPECT_TRUE(chat.show_prompt);
}

TEST(ArgumentsTest, JsonOfBenchGoesToStdoutUnlessAFileIsNamed) {
  EXPECT_EQ(Parse({"bench"}).arguments.bench.json_file, "");
  EXPECT_EQ(Parse({"bench", "folder", "--json"}).arguments.bench.json_file, "-");
  EXPECT_EQ(Parse({"bench", "folder", "--json", "--stats"}).arguments.bench.json_file, "-");
  EXPECT_EQ(Parse({"bench", "--json", "b.json", "folder"}).arguments.bench.json_file, "b.json");
  EXPECT_EQ(Parse({"bench", "--json", "b.json", "folder"}).arguments.bench.model.model, "folder");
}

TEST(ArgumentsTest, EveryCommandTakesJson) {
  const std::vector<std::vector<std::string>> commands = {
      {"generate"},
      {"chat"},
      {"tokenize"},
      {"ir"},
      {"asm"},
      {"explain"},
      {"report"},
      {"verify"},
      {"bench"},
      {"cache", "ls"},
      {"cache", "prune"},
      {"cache", "verify"},
      {"validate", "--reference", "r.json"},
      {"compile", "-o", "m.llb"},
  };
  for (std::vector<std::string> command : commands) {
    command.push_back("--json");
    EXPECT_FALSE(Parse(command).exit_code) << command.front();
  }
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

TEST(ArgumentsTest, EveryCommandThatLooksIntoAModelTakesAnEntry) {
  EXPECT_EQ(Parse({"ir", "--entry", "audio"}).arguments.ir.entry, "audio");
  EXPECT_EQ(Parse({"asm", "--list", "--entry", "audio"}).arguments.assembly.entry, "audio");
  EXPECT_EQ(Parse({"explain", "--entry", "audio"}).arguments.explain.entry, "audio");
  EXPECT_EQ(Parse({"report", "--entry", "audio"}).arguments.report.entry, "audio");
  EXPECT_EQ(Parse({"verify", "--entry", "audio"}).arguments.verify.entry, "audio");
  const BenchFlags bench = Parse({"bench", "--entry", "audio"}).arguments.bench;
  EXPECT_EQ(bench.entry, "audio");
  EXPECT_EQ(bench.seconds, 30);
  EXPECT_EQ(Parse({"bench", "--entry", "audio", "--seconds", "5"}).arguments.bench.seconds, 5);
}

TEST(ArgumentsTest, NumbersThatAreNotAskedForAreLeftToTheModel) {
  const ParseResult result = Parse({"bench", "--kv-cache", "int8"});
  ASSERT_FALSE(result.exit_code);
  EXPECT_EQ(result.arguments.bench.model.precision, "");
  EXPECT_EQ(result.arguments.bench.model.kv_cache, "int8");
}

TEST(ArgumentsTest, EveryCommandThatRunsAModelTellsProfilersAndDebuggers) {
  EXPECT_TRUE(Parse({"generate", "--perf"}).arguments.generate.model.perf);
  EXPECT_TRUE(Parse({"chat", "--perf"}).arguments.chat.generate.model.perf);
  EXPECT_TRUE(Parse({"bench", "--gdb"}).arguments.bench.model.gdb);
  EXPECT_TRUE(Parse({"explain", "--perf"}).arguments.explain.model.perf);
  EXPECT_TRUE(Parse({"validate", "--reference", "x", "--gdb"}).arguments.validate.model.gdb);
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
                    BadUsage{{"generate", "--kv-cache", "int4"}, "--kv-cache"},
                    BadUsage{{"generate", "--kv-cache", "int8", "--ir", "x"}, "--kv-cache"},
                    BadUsage{{"generate", "--device", "tpu"}, "--device"},
                    BadUsage{{"generate", "-p", "x", "-f", "y"}, "--file"},
                    BadUsage{{"ir", "--before", "--after", "dce"}, "--after"},
                    BadUsage{{"bench", "--seconds", "5"}, "--entry"},
                    BadUsage{{"bench", "--entry", "audio", "--seconds", "0"}, "--seconds"},
                    BadUsage{{"bench", "--entry", "audio", "--depth", "5"}, "--depth"},
                    BadUsage{{"verify", "--entry", "audio", "--reference", "x"}, "--entry"},
                    BadUsage{{"validate"}, "--reference"}, BadUsage{{""}, "unknown command ''"},
                    BadUsage{{"genrate"}, "unknown command 'genrate'; did you mean 'generate'?"},
                    BadUsage{{"genrate", "-p", "x"}, "did you mean 'generate'?"},
                    BadUsage{{"translate"}, "unknown command 'translate' ("},
                    BadUsage{{"cache", "prnue"}, "unknown command 'prnue'; did you mean 'prune'?"},
                    BadUsage{{"generate", "--temprature", "1"},
                             "unknown flag '--temprature'; did you mean '--temperature'?"},
                    BadUsage{{"generate", "--temprature=1"},
                             "unknown flag '--temprature'; did you mean '--temperature'?"},
                    BadUsage{{"generate", "--no-cahe"}, "did you mean '--no-cache'?"},
                    BadUsage{{"compile", "m", "--outptu", "x"},
                             "unknown flag '--outptu'; did you mean '--output'?"},
                    BadUsage{{"generate", "--frobnicate"}, "unknown flag '--frobnicate' ("},
                    BadUsage{{"--verson"}, "unknown flag '--verson'; did you mean '--version'?"},
                    BadUsage{{"generate", "-n", "1", "-n", "2"}, "-n"},
                    BadUsage{{"generate", "-n", "99999999999999999999"}, "99999999999999999999"},
                    BadUsage{{"generate", "--seed", "9223372036854775808"}, "--seed"},
                    BadUsage{{"generate", "--temperature", "warm"}, "warm"},
                    BadUsage{{"generate", "--top-k", "1.5"}, "1.5"}));

TEST(ArgumentsTest, TheVersionGoesToStdoutAndNeedsNoCommand) {
  testing::internal::CaptureStdout();
  const ParseResult result = Parse({"--version"});
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_EQ(testing::internal::GetCapturedStdout(), "version 7\n");
}

TEST(ArgumentsTest, HelpSaysWhatHappensToTheNewlineAtAFilesEnd) {
  for (const char* command : {"generate", "chat", "tokenize"}) {
    testing::internal::CaptureStdout();
    Parse({command, "--help"});
    std::string help = testing::internal::GetCapturedStdout();
    help.erase(std::unique(help.begin(), help.end(),
                           [](char a, char b) { return std::isspace(a) && std::isspace(b); }),
               help.end());
    std::replace(help.begin(), help.end(), '\n', ' ');
    EXPECT_THAT(help, HasSubstr("a newline at the end included")) << command;
  }
}

TEST(ArgumentsTest, HelpGoesToStdout) {
  testing::internal::CaptureStdout();
  const ParseResult result = Parse({"generate", "--help"});
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_THAT(testing::internal::GetCapturedStdout(), HasSubstr("--max-new-tokens"));
}

TEST(ArgumentsTest, CompileNeedsAnOutputAndKnowsWhatElseItCanWrite) {
  const ParseResult result =
      Parse({"compile", "--emit=object,header", "folder", "-o", "m.llb", "--isa", "avx2"});
  ASSERT_FALSE(result.exit_code);
  EXPECT_EQ(result.arguments.command, Command::kCompile);
  EXPECT_EQ(result.arguments.compile.model.model, "folder");
  EXPECT_EQ(result.arguments.compile.model.isa, "avx2");
  EXPECT_EQ(result.arguments.compile.output, "m.llb");
  EXPECT_THAT(result.arguments.compile.emit, ElementsAre("object", "header"));
  EXPECT_EQ(Parse({"compile", "folder"}).exit_code, 2);
  EXPECT_EQ(Parse({"compile", "folder", "-o", "m.llb", "--emit=tarball"}).exit_code, 2);
}

TEST(ArgumentsTest, CacheTakesOneAction) {
  EXPECT_EQ(Parse({"cache", "ls"}).arguments.cache.action, CacheAction::kList);
  const ParseResult prune = Parse({"cache", "prune", "--max-size", "3MB"});
  EXPECT_EQ(prune.arguments.command, Command::kCache);
  EXPECT_EQ(prune.arguments.cache.action, CacheAction::kPrune);
  EXPECT_EQ(prune.arguments.cache.max_bytes, 3 << 20);
  const ParseResult verify = Parse({"cache", "verify", "m.llb"});
  EXPECT_EQ(verify.arguments.cache.action, CacheAction::kVerify);
  EXPECT_EQ(verify.arguments.cache.file, "m.llb");
  EXPECT_EQ(Parse({"cache"}).exit_code, 2);
  EXPECT_EQ(Parse({"cache", "prune", "--max-size", "lots"}).exit_code, 2);
}

TEST(ArgumentsTest, CompiledCodeIsKeptUnlessToldNotTo) {
  EXPECT_TRUE(Parse({"generate", "-p", "x"}).arguments.generate.model.use_cache);
  EXPECT_FALSE(Parse({"generate", "-p", "x", "--no-cache"}).arguments.generate.model.use_cache);
}

TEST(RunArgumentsTest, NeedABundleAndTakeTheFlagsOfGenerate) {
  const auto parse = [](std::vector<std::string> words) {
    words.insert(words.begin(), "lluda-run");
    std::vector<char*> argv;
    for (std::string& word : words) argv.push_back(word.data());
    return ParseRunArguments(static_cast<int>(argv.size()), argv.data(),
                             [] { return "version 8"; });
  };
  const RunParseResult result =
      parse({"m.llb", "--prompt", "Hi", "-n", "3", "--seed", "5", "--check", "--ctx", "9"});
  ASSERT_FALSE(result.exit_code);
  EXPECT_EQ(result.flags.model.model, "m.llb");
  EXPECT_EQ(result.flags.prompt.text, "Hi");
  EXPECT_EQ(result.flags.max_new_tokens, 3);
  EXPECT_EQ(result.flags.sampler.seed, 5);
  EXPECT_EQ(result.flags.model.context, 9);
  EXPECT_TRUE(result.flags.model.check);
  EXPECT_EQ(parse({}).exit_code, 2);
  testing::internal::CaptureStdout();
  EXPECT_EQ(parse({"--version"}).exit_code, 0);
  EXPECT_EQ(testing::internal::GetCapturedStdout(), "version 8\n");
  EXPECT_EQ(parse({"m.llb", "--isa", "avx2"}).exit_code, 2) << "a bundle has its own";
}

}  // namespace
}  // namespace lluda::cli
