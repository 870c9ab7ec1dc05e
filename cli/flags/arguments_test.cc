#include "cli/flags/arguments.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "absl/strings/str_cat.h"

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

// Of a right command line of this subcommand.
template <typename Flags>
Flags FlagsOf(const std::vector<std::string>& words) {
  const ParseResult result = Parse(words);
  EXPECT_EQ(result.exit_code, std::nullopt);
  EXPECT_TRUE(std::holds_alternative<Flags>(result.arguments)) << words.front();
  return std::get<Flags>(result.arguments);
}

TEST(ArgumentsTest, GenerateTakesTheModelFirst) {
  const auto flags = FlagsOf<GenerateFlags>(
      {"generate", "some/folder", "-p", "-- Hi", "-n", "7", "--stop", "a", "--stop", "b"});
  EXPECT_EQ(flags.model.model, "some/folder");
  EXPECT_EQ(flags.prompt.text, "-- Hi");
  EXPECT_EQ(flags.max_new_tokens, 7);
  EXPECT_THAT(flags.stops, ElementsAre("a", "b"));
  EXPECT_FALSE(flags.sampler.temperature.has_value());
}

TEST(ArgumentsTest, AStopStringDoesNotSwallowTheModel) {
  const auto flags = FlagsOf<GenerateFlags>({"generate", "--stop", "a", "folder", "-p", "x"});
  EXPECT_EQ(flags.model.model, "folder");
}

TEST(ArgumentsTest, SamplerFlagsMayBeNegativeNumbers) {
  const auto flags = FlagsOf<GenerateFlags>(
      {"generate", "-p", "x", "--presence-penalty", "-0.5", "--temperature", "0"});
  EXPECT_EQ(flags.sampler.presence_penalty, -0.5);
  EXPECT_EQ(flags.sampler.temperature, 0.0);
}

TEST(ArgumentsTest, ChatThinksUnlessToldNotTo) {
  EXPECT_EQ(FlagsOf<ChatFlags>({"chat"}).thinking, std::nullopt);
  EXPECT_EQ(FlagsOf<ChatFlags>({"chat", "--thinking"}).thinking, true);
  EXPECT_EQ(FlagsOf<ChatFlags>({"chat", "--no-thinking"}).thinking, false);
  const ChatFlags chat = FlagsOf<ChatFlags>(
      {"chat", "--tools", "t.json", "--chat-template", "c.jinja", "--show-prompt"});
  EXPECT_EQ(chat.tools_file, "t.json");
  EXPECT_EQ(chat.template_file, "c.jinja");
  EXPECT_TRUE(chat.show_prompt);
}

TEST(ArgumentsTest, JsonOfBenchGoesToStdoutUnlessAFileIsNamed) {
  EXPECT_EQ(FlagsOf<BenchFlags>({"bench"}).json_file, "");
  EXPECT_EQ(FlagsOf<BenchFlags>({"bench", "folder", "--json"}).json_file, "-");
  EXPECT_EQ(FlagsOf<BenchFlags>({"bench", "folder", "--json", "--stats"}).json_file, "-");
  EXPECT_EQ(FlagsOf<BenchFlags>({"bench", "--json", "b.json", "folder"}).json_file, "b.json");
  EXPECT_EQ(FlagsOf<BenchFlags>({"bench", "--json", "b.json", "folder"}).model.model, "folder");
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
  const auto flags =
      FlagsOf<BenchFlags>({"bench", "--prompt-tokens", "8,512", "folder", "--depth", "0,9"});
  EXPECT_EQ(flags.model.model, "folder");
  EXPECT_THAT(flags.prompt_tokens, ElementsAre(8, 512));
  EXPECT_THAT(flags.depths, ElementsAre(0, 9));
}

TEST(ArgumentsTest, EveryCommandThatLooksIntoAModelTakesAnEntry) {
  EXPECT_EQ(FlagsOf<IrFlags>({"ir", "--entry", "audio"}).entry, "audio");
  EXPECT_EQ(FlagsOf<AsmFlags>({"asm", "--list", "--entry", "audio"}).entry, "audio");
  EXPECT_EQ(FlagsOf<ExplainFlags>({"explain", "--entry", "audio"}).entry, "audio");
  EXPECT_EQ(FlagsOf<ReportFlags>({"report", "--entry", "audio"}).entry, "audio");
  EXPECT_EQ(FlagsOf<VerifyFlags>({"verify", "--entry", "audio"}).entry, "audio");
  const BenchFlags bench = FlagsOf<BenchFlags>({"bench", "--entry", "audio"});
  EXPECT_EQ(bench.entry, "audio");
  EXPECT_EQ(bench.seconds, std::nullopt);
  EXPECT_EQ(FlagsOf<BenchFlags>({"bench", "--entry", "audio", "--seconds", "5"}).seconds, 5);
}

TEST(ArgumentsTest, NumbersThatAreNotAskedForAreLeftToTheModel) {
  const auto flags = FlagsOf<BenchFlags>({"bench", "--kv-cache", "int8"});
  EXPECT_EQ(flags.model.precision, "");
  EXPECT_EQ(flags.model.kv_cache, "int8");
}

TEST(ArgumentsTest, EveryCommandThatRunsAModelTellsProfilersAndDebuggers) {
  EXPECT_TRUE(FlagsOf<GenerateFlags>({"generate", "--perf"}).model.perf);
  EXPECT_TRUE(FlagsOf<ChatFlags>({"chat", "--perf"}).generate.model.perf);
  EXPECT_TRUE(FlagsOf<BenchFlags>({"bench", "--gdb"}).model.gdb);
  EXPECT_TRUE(FlagsOf<ExplainFlags>({"explain", "--perf"}).model.perf);
  EXPECT_TRUE(FlagsOf<ValidateFlags>({"validate", "--reference", "x", "--gdb"}).model.gdb);
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
    testing::Values(
        BadUsage{{}, "subcommand is required"}, BadUsage{{"frobnicate"}, "frobnicate"},
        BadUsage{{"generate", "--frobnicate"}, "--frobnicate"},
        BadUsage{{"generate", "a", "b"}, "b"}, BadUsage{{"generate", "-n", "many"}, "many"},
        BadUsage{{"generate", "-n", "-1"}, "-1"}, BadUsage{{"generate", "--ctx", "0"}, "--ctx"},
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
        BadUsage{{"chat", "--thinking", "--no-thinking"}, "--no-thinking"},
        BadUsage{{"generate", "--no-cache", "--cache"}, "--cache excludes --no-cache"},
        BadUsage{{"transcribe", "a.wav", "m", "--device", "gpu-sim"},
                 "--device: models hear on the CPU alone"},
        BadUsage{{"transcribe", "a.wav", "m", "--language", ""}, "--language: is empty"},
        BadUsage{{"transcribe", "", "m"}, "files: is empty"},
        BadUsage{{"ir", "--entry", ""}, "--entry: is empty"},
        BadUsage{{"generate", "--regex", ""}, "--regex: is empty"},
        BadUsage{{"generate", "-f", ""}, "--file: is empty"},
        BadUsage{{"generate", "", "-p", "x"}, "model: is empty"},
        BadUsage{{"report", "-o", ""}, "--output: is empty"},
        BadUsage{{"cache", "verify", ""}, "bundle: is empty"},
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
  const auto flags = FlagsOf<CompileFlags>(
      {"compile", "--emit=object,header", "folder", "-o", "m.llb", "--isa", "avx2"});
  EXPECT_EQ(flags.model.model, "folder");
  EXPECT_EQ(flags.model.isa, "avx2");
  EXPECT_EQ(flags.output, "m.llb");
  EXPECT_THAT(flags.emit, ElementsAre("object", "header"));
  EXPECT_EQ(Parse({"compile", "folder"}).exit_code, 2);
  EXPECT_EQ(Parse({"compile", "folder", "-o", "m.llb", "--emit=tarball"}).exit_code, 2);
}

TEST(ArgumentsTest, CacheTakesOneAction) {
  EXPECT_EQ(FlagsOf<CacheFlags>({"cache", "ls"}).action, CacheAction::kList);
  const auto prune = FlagsOf<CacheFlags>({"cache", "prune", "--max-size", "3MB"});
  EXPECT_EQ(prune.action, CacheAction::kPrune);
  EXPECT_EQ(prune.max_bytes, 3 << 20);
  const auto verify = FlagsOf<CacheFlags>({"cache", "verify", "m.llb"});
  EXPECT_EQ(verify.action, CacheAction::kVerify);
  EXPECT_EQ(verify.file, "m.llb");
  EXPECT_EQ(Parse({"cache"}).exit_code, 2);
  EXPECT_EQ(Parse({"cache", "prune", "--max-size", "lots"}).exit_code, 2);
}

TEST(ArgumentsTest, TextsMayBeEmpty) {
  EXPECT_EQ(FlagsOf<GenerateFlags>({"generate", "-p", ""}).prompt.text, "");
  EXPECT_EQ(FlagsOf<ChatFlags>({"chat", "--system", ""}).system, "");
  EXPECT_EQ(FlagsOf<TranscribeFlags>({"transcribe", "a", "m", "--context", ""}).about, "");
  EXPECT_EQ(FlagsOf<IrFlags>({"ir", "--diff"}).diff, "");
}

TEST(ArgumentsTest, SizesAreReadByOneRuleAndBounded) {
  for (const char* size : {"-1", "lots", "1.5", "99999999999999999999", "2048P"}) {
    testing::internal::CaptureStderr();
    EXPECT_EQ(Parse({"cache", "prune", absl::StrCat("--max-size=", size)}).exit_code, 2);
    EXPECT_THAT(testing::internal::GetCapturedStderr(),
                HasSubstr(absl::StrCat("--max-size: '", size, "' is not a size from 0 to ")));
  }
  EXPECT_EQ(FlagsOf<ServeFlags>({"serve", "--kv-memory", "4GiB"}).kv_memory, int64_t{4} << 30);
  EXPECT_EQ(FlagsOf<ServeFlags>({"serve", "--max-body", "2m"}).max_body, 2 << 20);
  EXPECT_EQ(Parse({"serve", "--kv-memory=-4G"}).exit_code, 2);
  EXPECT_EQ(Parse({"serve", "--max-body=2G"}).exit_code, 2);
}

TEST(ArgumentsTest, CompiledCodeIsKeptUnlessToldNotTo) {
  EXPECT_TRUE(FlagsOf<GenerateFlags>({"generate", "-p", "x"}).model.use_cache);
  EXPECT_FALSE(FlagsOf<GenerateFlags>({"generate", "-p", "x", "--no-cache"}).model.use_cache);
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

TEST(ServeArgumentsTest, NeedABundleAndTakeTheFlagsOfServe) {
  const auto parse = [](std::vector<std::string> words) {
    words.insert(words.begin(), "lluda-serve");
    std::vector<char*> argv;
    for (std::string& word : words) argv.push_back(word.data());
    return ParseServeArguments(static_cast<int>(argv.size()), argv.data(),
                               [] { return "version 8"; });
  };
  const ServeParseResult result = parse({"m.llb", "--port", "0", "--max-sequences", "3", "--plan"});
  ASSERT_FALSE(result.exit_code);
  EXPECT_EQ(result.flags.model.model, "m.llb");
  EXPECT_EQ(result.flags.port, 0);
  EXPECT_EQ(result.flags.max_sequences, 3);
  EXPECT_TRUE(result.flags.plan);
  EXPECT_EQ(parse({"--port", "0"}).exit_code, 2);
  EXPECT_EQ(parse({"m.llb", "--precision", "f32"}).exit_code, 2) << "a bundle has its own";
  EXPECT_EQ(parse({"m.llb", "--embeddings"}).exit_code, 2) << "as has what it makes";
}

}  // namespace
}  // namespace lluda::cli
