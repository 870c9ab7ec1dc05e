// Damages requests, reproducibly: each is read, or refused in one line that names its field.
#include <gtest/gtest.h>
#include <simdjson.h>

#include <random>
#include <string>
#include <string_view>

#include "base/mutate_text.h"
#include "serve/api/embeddings.h"
#include "serve/api/generation_request.h"
#include "serve/api/token_requests.h"

namespace lluda::api {
namespace {

constexpr int kIterations = 20000;

constexpr std::string_view kSeeds[] = {
    R"({"model": "m", "messages": [{"role": "system", "content": "a"}, {"role": "user", "content":
[{"type": "text", "text": "b"}]}, {"role": "assistant", "content": null, "tool_calls": [{"id": "1",
"type": "function", "function": {"name": "f", "arguments": "{\"x\": 1}"}}]}, {"role": "tool",
"tool_call_id": "1", "content": "c"}], "tools": [{"type": "function", "function": {"name": "f",
"parameters": {"type": "object"}}}], "tool_choice": "auto", "temperature": 0.5, "n": 2, "seed": 1,
"stream": true, "stream_options": {"include_usage": true}, "logprobs": true, "top_logprobs": 2})",
    R"({"prompt": ["a", [1, 2]], "max_tokens": 5, "stop": ["x"], "logprobs": 3, "top_p": 0.9,
"logit_bias": {"5": -1.5, "7": 100}, "response_format": {"type": "text"}, "lluda": {"cached_tokens": true},
"chat_template_kwargs": {"enable_thinking": false}, "cache_salt": "s", "modalities": ["text"]})",
    R"({"content": "a", "add_special": true, "tokens": [1, 2, 3], "with_pieces": false,
"input": ["a", [1, 2]], "dimensions": 3, "encoding_format": "base64"})",
};

constexpr std::string_view kFragments[] = {
    "{",
    "}",
    "[",
    "]",
    "\"",
    ",",
    ":",
    "null",
    "true",
    "-1",
    "0",
    "1e300",
    "2.5",
    "\"\"",
    "\\u0000",
    "\\ud83d",
    "\xFF",
    "9223372036854775808",
    "[[[",
    "\\\"",
    "\"n\":",
    "\"stop\":",
    "\"tools\"",
    "\"role\"",
    "\"required\"",
    "\"text\"",
    "\"model\"",
};

void ExpectSound(const Refusal& refusal, const std::string& body) {
  if (!refusal) return;
  ASSERT_EQ(refusal->status, 400) << body;
  ASSERT_FALSE(refusal->code.empty()) << body;
  ASSERT_EQ(refusal->message.find('\n'), std::string::npos) << refusal->message;
  const std::string json = ErrorJson(*refusal);
  simdjson::dom::parser parser;
  simdjson::dom::element element;
  ASSERT_EQ(parser.parse(json).get(element), simdjson::SUCCESS) << json;
}

TEST(FuzzFields, EndsInARequestOrInOneError) {
  std::mt19937 random(20260301);
  int accepted = 0, named = 0;
  const ReadOptions options = {/*vocabulary=*/100};
  for (int i = 0; i < kIterations && !HasFatalFailure(); ++i) {
    const std::string body =
        base::MutateText(std::string(kSeeds[i % std::size(kSeeds)]), kFragments, &random);
    for (const Endpoint endpoint : {Endpoint::kChat, Endpoint::kCompletions}) {
      GenerationRequest request;
      const Refusal refusal = ReadGenerationRequest(endpoint, body, options, &request);
      ExpectSound(refusal, body);
      accepted += refusal ? 0 : 1;
      named += refusal && !refusal->param.empty() ? 1 : 0;
    }
    TokenizeRequest tokenize;
    ExpectSound(ReadTokenizeRequest(body, options, &tokenize), body);
    DetokenizeRequest detokenize;
    ExpectSound(ReadDetokenizeRequest(body, options, &detokenize), body);
    EmbeddingsRequest embeddings;
    ExpectSound(ReadEmbeddingsRequest(body, options, &embeddings), body);
  }
  // Neither all of them nor none may get past the JSON parser.
  EXPECT_GT(accepted, kIterations / 100);
  EXPECT_GT(named, kIterations / 100);
}

}  // namespace
}  // namespace lluda::api
