#include "serve/app.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "serve/app_fixture.h"

namespace lluda::serve {
namespace {

using ::testing::ContainsRegex;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

constexpr char kTools[] =
    R"("tools": [{"type": "function", "function": {"name": "f", "parameters": {}}}])";

TEST_F(AppTest, IsLoadingUntilThereIsAModel) {
  EXPECT_THAT(Chat(""), HasSubstr(R"("code": "loading")"));
  app_->Serve(&model_);
  service_->text = "yes";
  EXPECT_THAT(Chat(""), HasSubstr(R"("content": "yes")"));
  app_->Drain();
  EXPECT_THAT(Chat(""), HasSubstr(R"("code": "draining")"));
}

TEST_F(AppTest, HeadIsAnsweredAsGetIs) {
  app_->Serve(&model_);
  for (const char* path : {"/", "/health", "/metrics", "/fingerprint", "/v1/models"}) {
    const int client = Connect();
    SendBytes(client, absl::StrCat("HEAD ", path,
                                   " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"));
    const std::string answer = ReadToEnd(client);
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 ")) << path;
    EXPECT_THAT(answer, EndsWith("\r\n\r\n")) << path;
  }
}

TEST_F(AppTest, ThoughtsAndCallsAreToldFromContent) {
  app_->Serve(&model_);
  service_->text =
      "<think>\nhm\n</think>\n\nok\n<tool_call>\n{\"name\": \"f\", \"arguments\": {\"x\": "
      "1}}\n</tool_call>";
  const std::string whole = Chat(kTools);
  EXPECT_THAT(
      whole,
      HasSubstr(R"("content": "ok", "refusal": null, "reasoning_content": "hm", "tool_calls")"));
  EXPECT_THAT(whole, HasSubstr(R"("name": "f", "arguments": "{\"x\": 1}"}}])"));
  EXPECT_THAT(whole, HasSubstr(R"("finish_reason": "tool_calls")"));
  EXPECT_THAT(whole, HasSubstr(R"("reasoning_tokens": 6)"));
  const std::string stream = Chat(absl::StrCat(kTools, R"(, "stream": true)"));
  EXPECT_THAT(stream, HasSubstr(R"("delta": {"reasoning_content": "h"})"));
  EXPECT_THAT(stream, HasSubstr(R"("delta": {"content": "o"})"));
  EXPECT_THAT(stream, HasSubstr(R"("delta": {"tool_calls": [{"index": 0, "id": "call_)"));
  EXPECT_THAT(stream, HasSubstr(R"("delta": {}, "logprobs": null, "finish_reason": "tool_calls")"));
  EXPECT_THAT(stream, HasSubstr("data: [DONE]\n\n"));
  // Without tools a call is content.
  EXPECT_THAT(Chat(""), HasSubstr(R"("finish_reason": "stop")"));
}

TEST_F(AppTest, ACallsArgumentsAreStreamedAsTheyAreWritten) {
  app_->Serve(&model_);
  service_->text = "<tool_call>{\"name\": \"f\", \"arguments\": {\"x\": 1}}</tool_call>";
  const std::string stream = Chat(absl::StrCat(kTools, R"(, "stream": true)"));
  EXPECT_THAT(stream,
              HasSubstr(R"("type": "function", "function": {"name": "f", "arguments": "{"}})"));
  EXPECT_THAT(stream, HasSubstr(R"("tool_calls": [{"index": 0, "function": {"arguments": "x"}}])"));
}

TEST_F(AppTest, BiasesReachTheSampler) {
  app_->Serve(&model_);
  service_->text = "a";
  Chat(R"("logit_bias": {"3": -100, "5": 1.5})");
  const auto& biases = service_->submitted.front().options.sampler.logit_bias;
  ASSERT_EQ(biases.size(), 2u);
  EXPECT_EQ(biases[0].token, 3);
  EXPECT_EQ(biases[0].bias, -100);
  EXPECT_EQ(biases[1].bias, 1.5f);
}

TEST_F(AppTest, WithoutThinkingAConstraintBeginsAtOnce) {
  app_->Serve(&model_);
  service_->text = "a";
  const std::string regex = R"("structured_outputs": {"regex": "a"})";
  Chat(regex);
  Chat(absl::StrCat(regex, R"(, "reasoning_effort": "none")"));
  ASSERT_EQ(service_->submitted.size(), 2u);
  const auto thought = [this](size_t i) {
    return service_->submitted[i].options.constraint->options().thought_begin;
  };
  EXPECT_TRUE(thought(0).has_value());
  EXPECT_FALSE(thought(1).has_value());
}

TEST_F(AppTest, AModelOfVectorsAnswersEmbeddingsAlone) {
  EXPECT_THAT(Ask("/v1/embeddings", R"({"input": "a"})"), HasSubstr(R"("code": "loading")"));
  model_.service = nullptr;
  model_.embed = [](absl::Span<const std::vector<int32_t>> texts,
                    int64_t dimensions) -> absl::StatusOr<std::vector<std::vector<float>>> {
    if (dimensions > 2) return absl::InvalidArgumentError("are 1 to 2");
    std::vector<std::vector<float>> vectors;
    for (const std::vector<int32_t>& text : texts) {
      vectors.push_back({static_cast<float>(text.size()), 0.5f});
    }
    return vectors;
  };
  app_->Serve(&model_);
  EXPECT_THAT(Ask("/v1/embeddings", R"({"input": ["abc", [1, 2]]})"),
              EndsWith(R"("data": [{"object": "embedding", "index": 0, "embedding": [3, 0.5]}, )"
                       R"({"object": "embedding", "index": 1, "embedding": [2, 0.5]}], )"
                       R"("model": "m", "usage": {"prompt_tokens": 5, "total_tokens": 5}})"));
  EXPECT_THAT(Ask("/v1/embeddings", R"({"input": "a", "dimensions": 3})"),
              HasSubstr(R"("param": "dimensions")"));
  EXPECT_THAT(
      Ask("/v1/embeddings", absl::StrCat(R"({"input": ["a", ")", std::string(201, 'a'), R"("]})")),
      HasSubstr(R"("param": "input[1]", "code": "context_length_exceeded")"));
  EXPECT_THAT(Chat(""), HasSubstr(R"("code": "unsupported_endpoint")"));
}

TEST_F(AppTest, AModelOfTextsMakesNoVectors) {
  app_->Serve(&model_);
  EXPECT_THAT(Ask("/v1/embeddings", R"({"input": "a"})"),
              HasSubstr(R"("code": "unsupported_endpoint")"));
}

TEST_F(AppTest, PromptsAndAnswersAreWrittenDownForThoseWhoAskAlone) {
  app_->Serve(&model_);
  service_->text = "<think>hm</think>yes";
  Chat(R"("seed": 5)");
  app_->Stop();  // all lines are written
  const std::lock_guard<std::mutex> lock(log_mutex_);
  EXPECT_THAT(text_log_, HasSubstr(R"("seed": 5, "finish": "stop", "prompts": ["userhi"], )"
                                   R"("answers": ["<think>hm</think>yes"]})"));
  EXPECT_THAT(log_, HasSubstr(" queue="));
  EXPECT_THAT(log_, Not(HasSubstr("userhi")));
  EXPECT_THAT(log_, Not(HasSubstr("yes")));
}

TEST_F(AppTest, APageThatMayAskMayHaveTheHeadersOfItsClient) {
  const auto ask = [this](const std::string& headers) {
    const int client = Connect();
    SendBytes(client, absl::StrCat("OPTIONS /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\n"
                                   "Origin: https://chat.example\r\nConnection: close\r\n",
                                   headers, "\r\n"));
    return ReadToEnd(client);
  };
  const std::string answer =
      ask("Access-Control-Request-Headers: authorization, x-stainless-lang,x-stainless-os\r\n");
  EXPECT_THAT(answer, HasSubstr("Access-Control-Allow-Headers: authorization, "
                                "x-stainless-lang,x-stainless-os\r\n"));
  EXPECT_THAT(answer, HasSubstr("Access-Control-Expose-Headers: Retry-After, x-lluda-ignored, "
                                "x-lluda-seed, x-request-id\r\n"));
  const char* const kNeeded = "Access-Control-Allow-Headers: Authorization, Content-Type\r\n";
  for (const char* headers :
       {"", "Access-Control-Request-Headers: a b\r\n", "Access-Control-Request-Headers: a;b, c\r\n",
        "Access-Control-Request-Headers: \r\n"}) {
    EXPECT_THAT(ask(headers), HasSubstr(kNeeded)) << headers;
  }
}

TEST_F(AppTest, WhoIsRefusedAtTheHeadIsWrittenDown) {
  app_->Serve(&model_);
  for (const char* request :
       {"GET /nowhere HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n", "GET\r\n"}) {
    const int client = Connect();
    SendBytes(client, request);
    EXPECT_THAT(ReadToEnd(client), HasSubstr("\"error\"")) << request;
  }
  app_->Stop();  // all lines are written
  const std::lock_guard<std::mutex> lock(log_mutex_);
  EXPECT_THAT(log_, ContainsRegex("peer:127.0.0.1.*\n.*peer:127.0.0.1.*\n.*peer:127.0.0.1"));
}

TEST_F(AppTest, AnAnswerEndsWithItsFirstCallWhereOnlyOneIsWanted) {
  app_->Serve(&model_);
  const std::string call = "<tool_call>{\"name\": \"f\", \"arguments\": {}}</tool_call>";
  service_->text = call + call + "more";
  const std::string whole = Chat(absl::StrCat(kTools, R"(, "parallel_tool_calls": false)"));
  EXPECT_THAT(whole, HasSubstr(R"("content": null)"));
  EXPECT_THAT(whole, Not(HasSubstr("more")));
  EXPECT_TRUE(service_->WaitForCancel());
}

TEST_F(AppTest, AThoughtThatThePromptBeginsIsOne) {
  app_->Serve(&model_);
  service_->text = "hm</think>yes";
  const std::string whole = Chat(R"("chat_template_kwargs": {"enable_thinking": true})");
  EXPECT_THAT(whole, HasSubstr(R"("content": "yes", "refusal": null, "reasoning_content": "hm")"));
}

TEST_F(AppTest, ARequestIsHandedOnAsItAsks) {
  app_->Serve(&model_);
  service_->text = "a";
  Chat(R"("temperature": 0.5, "max_tokens": 7, "seed": 9, "n": 2, "stop": "x", "top_logprobs": 1,
          "logprobs": true, "cache_salt": "s")");
  const engine::ServiceRequest& request = service_->submitted.at(0);
  EXPECT_EQ(request.options.sampler.temperature, 0.5f);
  EXPECT_EQ(request.options.sampler.seed, 9u);
  EXPECT_EQ(request.options.max_new_tokens, 7);
  EXPECT_THAT(request.options.stop_strings, ElementsAre("x"));
  EXPECT_FALSE(request.options.continues);
  EXPECT_EQ(request.choices, 2);
  EXPECT_EQ(request.top_logprobs, 1);
  EXPECT_EQ(request.client, "peer:127.0.0.1");
  Chat(R"("seed": 9)");
  EXPECT_NE(service_->submitted.at(1).prefix_key, request.prefix_key);
  EXPECT_EQ(service_->submitted.at(1).options.max_new_tokens, 200);
}

TEST_F(AppTest, WhatTheServiceRefusesHasAStatusInStreamsToo) {
  app_->Serve(&model_);
  service_->refusal = absl::ResourceExhaustedError("256 requests wait");
  for (const char* fields : {"", R"("stream": true)"}) {
    const std::string answer = Chat(fields);
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 429 Too Many Requests\r\n"));
    EXPECT_THAT(answer, HasSubstr("Retry-After: 7\r\n"));
    EXPECT_THAT(answer, HasSubstr(R"("code": "queue_full")"));
  }
}

TEST_F(AppTest, AGrammarThatAsksForTooMuchIsTheRequestsFaultAndNotTriedAgain) {
  app_->Serve(&model_);
  service_->failure = absl::ResourceExhaustedError("it is too complex: it is in 9000 places");
  const std::string schema = R"("response_format": {"type": "json_object"})";
  for (const char* stream : {"", R"(, "stream": true)"}) {
    const std::string answer = Chat(schema + stream);
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 400 Bad Request\r\n"));
    EXPECT_THAT(answer, HasSubstr(R"("code": "schema_too_complex")"));
    EXPECT_THAT(answer, HasSubstr(R"("param": "response_format")"));
    EXPECT_THAT(answer, HasSubstr("response_format: it is too complex: it is in 9000 places"));
    EXPECT_THAT(answer, Not(HasSubstr("Retry-After")));
    EXPECT_THAT(Chat(absl::StrCat(kTools, stream)), HasSubstr(R"("param": "tools")"));
  }
}

TEST_F(AppTest, AStreamThatFailsLateEndsWithTheError) {
  app_->Serve(&model_);
  service_->text = "abc";
  service_->failure = absl::InternalError("a step failed");
  const std::string stream = Chat(R"("stream": true)");
  EXPECT_THAT(stream, StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_THAT(stream, HasSubstr(R"(data: {"error": {"message": "a step failed")"));
  EXPECT_THAT(stream, Not(HasSubstr("[DONE]")));
  EXPECT_THAT(stream, EndsWith("\r\n0\r\n\r\n"));
  EXPECT_THAT(Chat(""), StartsWith("HTTP/1.1 500"));
}

TEST_F(AppTest, AClientThatLeavesIsCancelled) {
  app_->Serve(&model_);
  service_->is_silent = true;
  const int client = Connect();
  Send(client, R"({"messages": [{"role": "user", "content": "hi"}], "stream": true})");
  char head[16];
  EXPECT_GT(recv(client, head, sizeof(head), 0), 0);  // of the stream, for want of a token
  close(client);
  EXPECT_TRUE(service_->WaitForCancel());
}

TEST_F(AppTest, WhatStillRunsCanBeEnded) {
  app_->Serve(&model_);
  service_->is_silent = true;
  const int client = Connect();
  Send(client, R"({"messages": [{"role": "user", "content": "hi"}]})");
  EXPECT_TRUE(service_->WaitForSubmit());
  app_->EndAll();
  EXPECT_THAT(ReadToEnd(client), HasSubstr(R"("code": "draining")"));
}

}  // namespace
}  // namespace lluda::serve
