#include "serve/api/answer/answer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "serve/api/error.h"

namespace lluda::api {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

const AnswerHead kHead = {"chatcmpl-1", 12, "m", "lluda-0"};

TEST(AnswerTest, AChatsAnswerHasMessageReasonAndUsage) {
  Choice choice;
  choice.text = {"hm", "yes", {}};
  choice.finish_reason = "stop";
  Usage usage = {3, 4, std::nullopt, 1};
  EXPECT_EQ(
      ChatAnswerJson(kHead, {choice}, usage),
      R"({"id": "chatcmpl-1", "object": "chat.completion", "created": 12, "model": "m", )"
      R"("system_fingerprint": "lluda-0", "choices": [{"index": 0, "message": {"role": "assistant", )"
      R"("content": "yes", "refusal": null, "reasoning_content": "hm"}, "logprobs": null, )"
      R"("finish_reason": "stop"}], "usage": {"prompt_tokens": 3, "completion_tokens": 4, )"
      R"("total_tokens": 7, "completion_tokens_details": {"reasoning_tokens": 1}}})");
}

TEST(AnswerTest, CallsStandInPlaceOfContent) {
  Choice choice;
  choice.text.calls = {{0, "call_1", "f", "{\"x\": 1}"}};
  const std::string whole = ChatAnswerJson(kHead, {choice}, {});
  EXPECT_THAT(whole, HasSubstr(R"("content": null)"));
  EXPECT_THAT(whole, HasSubstr(R"("tool_calls": [{"id": "call_1", "type": "function", )"
                               R"("function": {"name": "f", "arguments": "{\"x\": 1}"}}])"));
  EXPECT_THAT(ChatChunkJson(kHead, choice, false, false),
              HasSubstr(R"("delta": {"tool_calls": [{"index": 0, "id": "call_1")"));
}

TEST(AnswerTest, ChunksNameTheRoleFirstAndTheReasonLast) {
  Choice choice;
  EXPECT_THAT(ChatChunkJson(kHead, choice, true, true),
              HasSubstr(R"([{"index": 0, "delta": {"role": "assistant", "content": ""}, )"
                        R"("logprobs": null, "finish_reason": null}], "usage": null})"));
  choice.finish_reason = "length";
  EXPECT_THAT(ChatChunkJson(kHead, choice, false, false),
              HasSubstr(R"("delta": {}, "logprobs": null, "finish_reason": "length"}]})"));
}

TEST(AnswerTest, LogprobsHaveTheBytesOfHalfCharacters) {
  Choice choice;
  choice.logprobs = {{{{"\xE6", -0.5}, {{"\xE6", -0.5}, {"\xE7", -2}, {"b", -3}}}}};
  EXPECT_THAT(
      ChatAnswerJson(kHead, {choice}, {}),
      HasSubstr(
          "{\"token\": \"\uFFFD\", \"logprob\": -0.5, \"bytes\": [230], \"top_logprobs\": ["));
  // Of equal texts the likeliest stays.
  EXPECT_THAT(CompletionJson(kHead, {choice}, {}),
              HasSubstr("\"top_logprobs\": [{\"\uFFFD\": -0.5, \"b\": -3}]"));
  EXPECT_EQ(CharactersOf(*choice.logprobs), 1);
  EXPECT_THAT(CompletionChunkJson(kHead, choice, 5, false), HasSubstr("\"text_offset\": [5]"));
}

TEST(AnswerTest, UsageComesInAChunkOfItsOwn) {
  EXPECT_THAT(UsageChunkJson(kChatChunk, kHead, {1, 2, 1, std::nullopt}),
              HasSubstr(R"("choices": [], "usage": {"prompt_tokens": 1, "completion_tokens": 2, )"
                        R"("total_tokens": 3, "prompt_tokens_details": {"cached_tokens": 1}}})"));
  EXPECT_EQ(StreamEvent("{}"), "data: {}\n\n");
}

TEST(AnswerTest, ErrorsHaveTheTypeOfTheirStatus) {
  EXPECT_EQ(ErrorJson({400, "invalid_value", "n", "n: is 0"}),
            R"({"error": {"message": "n: is 0", "type": "invalid_request_error", "param": "n", )"
            R"("code": "invalid_value"}})");
  EXPECT_THAT(ErrorJson({401, "x", "", "\xFF"}),
              HasSubstr("\"authentication_error\", \"param\": null"));
  EXPECT_EQ(ErrorType(429), "rate_limit_error");
  EXPECT_EQ(ErrorType(503), "server_error");
  EXPECT_EQ(ErrorOf(absl::OutOfRangeError("long")).code, "context_length_exceeded");
  EXPECT_EQ(ErrorOf(absl::ResourceExhaustedError("full")).status, 429);
  EXPECT_EQ(ErrorOf(absl::DataLossError("lost")).status, 500);
  EXPECT_THAT(ErrorJson({400, "x", "", "m"}), Not(HasSubstr("\n")));
}

}  // namespace
}  // namespace lluda::api
