// Damages what a model writes, reproducibly: thoughts, content and calls come out the same however the
// text is released, and nothing of it is lost or told twice.
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "absl/strings/match.h"
#include "base/mutate_text.h"
#include "serve/api/answer/answer_splitter.h"
#include "serve/api/answer/marker_tokenizer.h"

namespace lluda::api {
namespace {

constexpr int kIterations = 5000;

constexpr std::string_view kAnswer =
    "<think>\nhm\n</think>\n\nok <tool_call>\n{\"name\": \"f\", \"arguments\": {\"x\": [1, "
    "{}]}}\n</tool_call>\n"
    "<tool_call>{\"name\": \"g\", \"arguments\": {}}</tool_call> end";

constexpr std::string_view kFragments[] = {
    "<think>", "</think>", "<tool_call>",     "</tool_call>",     "\n", "\"", "{",
    "}}",      ": ",       "\"name\": \"f\"", "\"arguments\": {", "[",  "]",  " ",
    "</",      "name"};

struct Split {
  AnswerDelta whole;
  int64_t calls = 0;
  bool done = false;
};

// Releases the bytes of `text` with the tokens, all but a drawn number of those that wait.
Split SplitAnswer(const tokenizer::Tokenizer& tokenizer, const std::string& text,
                  const SplitOptions& options, size_t most_held, std::mt19937* random) {
  Split split;
  AnswerSplitter splitter(&tokenizer, options);
  const auto add = [&split](AnswerDelta delta) {
    split.whole.content += delta.content;
    split.whole.reasoning += delta.reasoning;
    for (ToolCall& call : delta.calls) AddCall(std::move(call), &split.whole.calls);
  };
  std::string waiting;
  for (const int32_t id : tokenizer.Encode(text)) {
    waiting += std::string(tokenizer.TokenBytes(id));
    const size_t held = most_held == 0 ? 0 : (*random)() % (most_held + 1);
    const size_t release = waiting.size() - std::min(waiting.size(), held);
    add(splitter.Add(id, waiting.substr(0, release)));
    waiting.erase(0, release);
  }
  add(splitter.Finish(waiting));
  split.calls = splitter.calls();
  split.done = splitter.done();
  return split;
}

TEST(FuzzAnswers, AnAnswerIsTheSameHoweverItIsReleased) {
  const tokenizer::Tokenizer tokenizer = MakeMarkerTokenizer();
  std::mt19937 random(20251130);
  int with_calls = 0, with_thoughts = 0;
  for (int i = 0; i < kIterations; ++i) {
    std::string text = base::MutateText(std::string(kAnswer), kFragments, &random);
    for (char& c : text) {
      if (c == 0 || !absl::StrContains(kMarkerAlphabet, std::string(1, c))) c = 'x';
    }
    SplitOptions options;
    options.call_key = "key";
    options.starts_in_thought = i % 7 == 0;
    options.parallel_calls = i % 3 != 0;
    if (i % 5 != 0) options.tool_names = {"f", "g"};
    const Split at_once = SplitAnswer(tokenizer, text, options, 0, &random);
    const Split later = SplitAnswer(tokenizer, text, options, 1 + i % 40, &random);
    ASSERT_EQ(at_once.whole.content, later.whole.content) << text;
    ASSERT_EQ(at_once.whole.reasoning, later.whole.reasoning) << text;
    ASSERT_EQ(at_once.whole.calls.size(), later.whole.calls.size()) << text;
    ASSERT_EQ(at_once.calls, later.calls) << text;
    ASSERT_EQ(at_once.done, later.done) << text;
    size_t told = at_once.whole.content.size() + at_once.whole.reasoning.size();
    for (size_t call = 0; call < at_once.whole.calls.size(); ++call) {
      const ToolCall& one = at_once.whole.calls[call];
      ASSERT_EQ(one.id, later.whole.calls[call].id) << text;
      ASSERT_EQ(one.name, later.whole.calls[call].name) << text;
      ASSERT_EQ(one.arguments, later.whole.calls[call].arguments) << text;
      ASSERT_TRUE(one.name == "f" || one.name == "g") << text;
      told += one.name.size() + one.arguments.size();
    }
    ASSERT_LE(told, text.size());
    with_calls += at_once.whole.calls.empty() ? 0 : 1;
    with_thoughts += at_once.whole.reasoning.empty() ? 0 : 1;
  }
  EXPECT_GT(with_calls, kIterations / 5);
  EXPECT_GT(with_thoughts, kIterations / 5);
}

}  // namespace
}  // namespace lluda::api
