#include "serve/api/answer/answer_splitter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "serve/api/answer/marker_tokenizer.h"

namespace lluda::api {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class AnswerSplitterTest : public testing::Test {
 protected:
  // Splits a text whose last `held` bytes before each token are released with that token.
  AnswerDelta Split(const std::string& text, SplitOptions options, size_t held = 0) {
    AnswerSplitter splitter(&tokenizer_, std::move(options));
    AnswerDelta whole;
    const auto add = [&whole](AnswerDelta delta) {
      whole.content += delta.content;
      whole.reasoning += delta.reasoning;
      for (ToolCall& call : delta.calls) AddCall(std::move(call), &whole.calls);
    };
    std::string waiting;
    for (const int32_t id : tokenizer_.Encode(text)) {
      waiting += std::string(tokenizer_.TokenBytes(id));
      const size_t release = waiting.size() - std::min(waiting.size(), held);
      add(splitter.Add(id, waiting.substr(0, release)));
      waiting.erase(0, release);
    }
    add(splitter.Finish(waiting));
    reasoning_tokens_ = splitter.reasoning_tokens();
    done_ = splitter.done();
    return whole;
  }
  static SplitOptions WithTools() {
    SplitOptions options;
    options.tool_names = {"f", "g"};
    options.call_key = "key";
    return options;
  }

  tokenizer::Tokenizer tokenizer_ = MakeMarkerTokenizer();
  int64_t reasoning_tokens_ = 0;
  bool done_ = false;
};

TEST_F(AnswerSplitterTest, ThoughtsAreToldFromContent) {
  for (const size_t held : {0, 1, 5, 12}) {
    const AnswerDelta answer = Split("<think>\nhm\n\nso\n</think>\n\nyes\n", {}, held);
    EXPECT_EQ(answer.reasoning, "hm\n\nso") << held;
    EXPECT_EQ(answer.content, "yes\n") << held;
    EXPECT_EQ(reasoning_tokens_, 10) << held;
  }
}

TEST_F(AnswerSplitterTest, AThoughtMayBeginInThePromptAndNeverEnd) {
  SplitOptions options;
  options.starts_in_thought = true;
  EXPECT_EQ(Split("hm</think>yes", options).content, "yes");
  const AnswerDelta answer = Split("hm yes", options);
  EXPECT_EQ(answer.reasoning, "hm yes");
  EXPECT_EQ(answer.content, "");
}

TEST_F(AnswerSplitterTest, CallsOfDeclaredToolsAreParsed) {
  const std::string text =
      "ok\n\n<tool_call>\n{\"name\": \"f\", \"arguments\": {\"x\":  [1,2]}}\n</tool_call>\n"
      "<tool_call>{\"name\":\"g\",\"arguments\":{}}</tool_call>";
  for (const size_t held : {0, 1, 7, 30}) {
    const AnswerDelta answer = Split(text, WithTools(), held);
    EXPECT_EQ(answer.content, "ok") << held;
    ASSERT_THAT(answer.calls, SizeIs(2));
    EXPECT_EQ(answer.calls[0].name, "f");
    EXPECT_EQ(answer.calls[0].arguments, "{\"x\":  [1,2]}");
    EXPECT_EQ(answer.calls[1].index, 1);
    EXPECT_NE(answer.calls[0].id, answer.calls[1].id);
    EXPECT_EQ(answer.calls[0].id.substr(0, 5), "call_");
  }
}

TEST_F(AnswerSplitterTest, ArgumentsComeAsTheyAreWritten) {
  AnswerSplitter splitter(&tokenizer_, WithTools());
  std::vector<std::string> pieces;
  for (const int32_t id :
       tokenizer_.Encode("<tool_call>{\"name\": \"f\", \"arguments\": {\"x\": 12}}</tool_call>")) {
    for (const ToolCall& call : splitter.Add(id, std::string(tokenizer_.TokenBytes(id))).calls) {
      EXPECT_EQ(call.id.empty(), !pieces.empty());
      EXPECT_EQ(call.name, pieces.empty() ? "f" : "");
      pieces.push_back(call.arguments);
    }
  }
  EXPECT_THAT(pieces, ElementsAre("{", "\"", "x", "\"", ":", " ", "1", "2", "}"));
  EXPECT_EQ(splitter.calls(), 1);
}

TEST_F(AnswerSplitterTest, ACallThatIsCutOffStaysOneAsFarAsItCame) {
  for (const size_t held : {0, 3}) {
    const AnswerDelta answer =
        Split("<tool_call>{\"name\": \"f\", \"arguments\": {\"x\": ", WithTools(), held);
    ASSERT_THAT(answer.calls, SizeIs(1));
    EXPECT_EQ(answer.calls[0].arguments, "{\"x\": ");
    EXPECT_EQ(answer.content, "");
  }
}

TEST_F(AnswerSplitterTest, ACallThatIsCutOffBeforeItsArgumentsIsNoContent) {
  for (const std::string call : {"", "\n", "{", "{\"name\": \"", "{\"name\": \"f\", \"arg",
                                 "{\"name\": \"f\", \"arguments\":"}) {
    for (const size_t held : {0, 3, 20}) {
      const AnswerDelta answer = Split("ok <tool_call>" + call, WithTools(), held);
      EXPECT_EQ(answer.content, "ok") << call;
      EXPECT_THAT(answer.calls, IsEmpty());
    }
  }
}

TEST_F(AnswerSplitterTest, WhatIsNoCallStaysContent) {
  for (const std::string text : {
           "<tool_call>{\"name\": \"h\", \"arguments\": {}}</tool_call>",
           "a <tool_call>{\"name\": \"f\", \"arguments\": 5}</tool_call> b",
           "<tool_call>{\"name\": \"f\"}</tool_call>",
           "<tool_call>no json</tool_call>\n",
           "<tool_call>no json",
           "<tool_call>{\"name\": \"h\", \"arguments\": {",
           "</tool_call>",
           "</think>",
       }) {
    for (const size_t held : {0, 3, 20}) {
      const AnswerDelta answer = Split(text, WithTools(), held);
      EXPECT_EQ(answer.content, text);
      EXPECT_THAT(answer.calls, IsEmpty());
    }
  }
  const std::string call = "<tool_call>{\"name\": \"f\", \"arguments\": {}}</tool_call>";
  EXPECT_EQ(Split(call, {}).content, call);
}

TEST_F(AnswerSplitterTest, MarkersThatAreSpeltOutAreText) {
  AnswerSplitter splitter(&tokenizer_, WithTools());
  std::string content;
  const std::string text = "<think>";
  for (const char c : text) {
    const std::string letter(1, c);
    content += splitter.Add(*tokenizer_.TokenToId(letter), letter).content;
  }
  EXPECT_EQ(content + splitter.Finish("").content, text);
}

TEST_F(AnswerSplitterTest, OneCallEndsAnAnswerWhereOnlyOneIsWanted) {
  SplitOptions options = WithTools();
  options.parallel_calls = false;
  const std::string call = "<tool_call>{\"name\": \"f\", \"arguments\": {}}</tool_call>";
  const AnswerDelta answer = Split(call + call + "x", options);
  EXPECT_THAT(answer.calls, SizeIs(1));
  EXPECT_EQ(answer.content, "");
  EXPECT_TRUE(done_);
}

}  // namespace
}  // namespace lluda::api
