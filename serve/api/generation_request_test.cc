#include "serve/api/generation_request.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "absl/strings/str_cat.h"

namespace lluda::api {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr ReadOptions kOptions = {/*vocabulary=*/100};

Refusal ReadChat(const std::string& fields, GenerationRequest* request,
                 const ReadOptions& options = kOptions) {
  const std::string messages = R"("messages": [{"role": "user", "content": "Hi"}])";
  const std::string body = absl::StrCat("{",
                                        fields.find("\"messages\"") == std::string::npos
                                            ? messages + (fields.empty() ? "" : ", ")
                                            : "",
                                        fields, "}");
  return ReadGenerationRequest(Endpoint::kChat, body, options, request);
}

// "code param" of what is refused, "" of what is not.
std::string Refused(const std::string& fields) {
  GenerationRequest request;
  const Refusal refusal = ReadChat(fields, &request);
  return refusal ? absl::StrCat(refusal->code, " ", refusal->param) : "";
}

std::string RefusedMessage(const std::string& message) {
  return Refused(absl::StrCat("\"messages\": [", message, "]"));
}

TEST(GenerationRequestTest, ReadsWhatAChatAsksFor) {
  GenerationRequest request;
  const Refusal refusal = ReadChat(
      R"("model": "m", "max_tokens": 7, "max_completion_tokens": 5, "temperature": 0.5, "top_k": 3,
         "seed": -4, "n": 2, "stop": ["a", "b"], "logprobs": true, "top_logprobs": 4,
         "stream": true, "stream_options": {"include_usage": true}, "reasoning_effort": "none",
         "lluda": {"cached_tokens": true}, "user": "u")",
      &request);
  ASSERT_FALSE(refusal) << refusal->message;
  EXPECT_EQ(request.model, "m");
  EXPECT_EQ(request.max_completion_tokens, 5);
  EXPECT_EQ(request.max_tokens, 7);
  EXPECT_EQ(request.temperature, 0.5);
  EXPECT_EQ(request.top_k, 3);
  EXPECT_EQ(request.seed, -4);
  EXPECT_EQ(request.choices, 2);
  EXPECT_THAT(request.stop, ElementsAre("a", "b"));
  EXPECT_EQ(request.top_logprobs, 4);
  EXPECT_TRUE(request.stream && request.include_usage && request.cached_tokens);
  EXPECT_EQ(request.enable_thinking, false);
  EXPECT_THAT(request.ignored, IsEmpty());
  ASSERT_EQ(request.messages.size(), 1u);
  EXPECT_EQ(request.messages[0].content, "Hi");
}

TEST(GenerationRequestTest, NullIsAsGoodAsAbsent) {
  GenerationRequest request;
  EXPECT_FALSE(
      ReadChat(R"("temperature": null, "stop": null, "tools": null, "audio": null)", &request));
  EXPECT_FALSE(request.temperature);
}

TEST(GenerationRequestTest, NullIsAsGoodAsAbsentHoweverDeepItLies) {
  GenerationRequest request;
  const Refusal refusal = ReadChat(
      R"("response_format": {"type": "text", "json_schema": null, "schema": null, "x": null},
         "structured_outputs": {"json": null, "regex": null},
         "chat_template_kwargs": {"enable_thinking": null, "x": null}, "unknown": null,
         "logit_bias": {"1": null}, "stream_options": null, "lluda": {"x": null})",
      &request);
  ASSERT_FALSE(refusal) << refusal->message;
  EXPECT_EQ(request.format.kind, TextFormat::kAny);
  EXPECT_FALSE(request.enable_thinking.has_value());
  EXPECT_THAT(request.logit_bias, IsEmpty());
  EXPECT_THAT(request.ignored, IsEmpty());
  EXPECT_EQ(Refused(R"("response_format": {"type": null})"),
            "missing_required_parameter response_format.type");
}

TEST(GenerationRequestTest, MessagesHaveRolesPartsThoughtsAndCalls) {
  GenerationRequest request;
  const Refusal refusal = ReadChat(
      R"("messages": [{"role": "developer", "content": "Be brief."},
         {"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]},
         {"role": "assistant", "content": null, "reasoning_content": "hm",
          "tool_calls": [{"id": "1", "type": "function",
                          "function": {"name": "f", "arguments": "{\"x\": 1.50}"}},
                         {"function": {"name": "g", "arguments": "no JSON"}}]},
         {"role": "tool", "tool_call_id": "1", "content": "5"}])",
      &request);
  ASSERT_FALSE(refusal) << refusal->message;
  ASSERT_EQ(request.messages.size(), 4u);
  EXPECT_EQ(request.messages[0].role, tokenizer::ChatRole::kSystem);
  EXPECT_EQ(request.messages[1].content, "ab");
  EXPECT_EQ(request.messages[2].reasoning, "hm");
  EXPECT_THAT(request.messages[2].tool_calls_json, HasSubstr(R"("arguments": {"x": 1.50})"));
  EXPECT_THAT(request.messages[2].tool_calls_json, HasSubstr(R"("arguments": "no JSON")"));
  EXPECT_EQ(request.messages[3].tool_call_id, "1");
}

TEST(GenerationRequestTest, WrongMessagesAreRefusedWithTheirPlace) {
  EXPECT_EQ(Refused(R"("messages": [])"), "invalid_value messages");
  EXPECT_EQ(Refused(R"("messages": null)"), "missing_required_parameter messages");
  EXPECT_EQ(Refused(R"("messages": "Hi")"), "invalid_type messages");
  EXPECT_EQ(RefusedMessage(R"("Hi")"), "invalid_type messages[0]");
  EXPECT_EQ(RefusedMessage(R"({"content": "Hi"})"), "missing_required_parameter messages[0].role");
  EXPECT_EQ(RefusedMessage(R"({"role": "robot", "content": "Hi"})"),
            "invalid_value messages[0].role");
  EXPECT_EQ(RefusedMessage(R"({"role": 5})"), "invalid_type messages[0].role");
  EXPECT_EQ(RefusedMessage(R"({"role": "user"})"),
            "missing_required_parameter messages[0].content");
  EXPECT_EQ(RefusedMessage(R"({"role": "user", "content": null})"),
            "missing_required_parameter messages[0].content");
  EXPECT_EQ(RefusedMessage(R"({"role": "user", "content": {}})"),
            "invalid_type messages[0].content");
  EXPECT_EQ(RefusedMessage(R"({"role": "user", "content": []})"),
            "invalid_value messages[0].content");
  EXPECT_EQ(
      RefusedMessage(R"({"role": "user", "content": [{"type": "image_url", "image_url": {}}]})"),
      "unsupported_value messages[0].content[0].type");
  EXPECT_EQ(RefusedMessage(R"({"role": "user", "content": [{"type": "text"}]})"),
            "missing_required_parameter messages[0].content[0].text");
  EXPECT_EQ(RefusedMessage(
                R"({"role": "user", "content": "", "tool_calls": [{"function": {"name": "f"}}]})"),
            "invalid_value messages[0].tool_calls");
  EXPECT_EQ(RefusedMessage(R"({"role": "assistant", "tool_calls": [{"type": "function"}]})"),
            "missing_required_parameter messages[0].tool_calls[0].function.name");
}

TEST(GenerationRequestTest, ToolsAreFunctionsOfDifferentNames) {
  const std::string tool =
      R"({"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}})";
  GenerationRequest request;
  ASSERT_FALSE(
      ReadChat(absl::StrCat("\"tools\": [", tool,
                            "], \"tool_choice\": \"none\", \"parallel_tool_calls\": false"),
               &request));
  ASSERT_EQ(request.tools.size(), 1u);
  EXPECT_EQ(request.tools[0].name, "f");
  EXPECT_EQ(request.tools[0].parameters, R"({"type":"object"})");
  EXPECT_THAT(request.tools_json, HasSubstr("\"parameters\""));
  EXPECT_EQ(request.tool_choice, ToolChoice::kNone);
  EXPECT_FALSE(request.parallel_tool_calls);
  EXPECT_EQ(Refused(absl::StrCat("\"tools\": [", tool, ", ", tool, "]")),
            "invalid_value tools[1].function.name");
  EXPECT_EQ(Refused(R"("tools": [{"type": "custom"}])"), "unsupported_value tools[0].type");
  EXPECT_EQ(Refused(R"("tools": [{"type": "function"}])"),
            "missing_required_parameter tools[0].function");
  EXPECT_EQ(Refused(R"("tools": [{"function": {"name": "a b"}}])"),
            "invalid_value tools[0].function.name");
  EXPECT_EQ(Refused(R"("tools": [{"function": {"name": "a", "parameters": 5}}])"),
            "invalid_type tools[0].function.parameters");
  EXPECT_EQ(Refused(R"("tool_choice": {"type": "function", "function": {"name": "g"}})"),
            "unknown_tool tool_choice");
  EXPECT_EQ(Refused(absl::StrCat(
                R"("tool_choice": {"type": "function", "function": {"name": "g"}}, "tools": [)",
                tool, "]")),
            "unknown_tool tool_choice.function.name");
  EXPECT_EQ(Refused(R"("tool_choice": "required")"), "invalid_value tool_choice");
  EXPECT_EQ(Refused(absl::StrCat(R"("tool_choice": "required", "tools": [)", tool, "]")), "");
  EXPECT_EQ(Refused(R"("tool_choice": "maybe")"), "invalid_value tool_choice");
}

TEST(GenerationRequestTest, AFormatIsAnObjectASchemaOrAnExpression) {
  GenerationRequest object, schema, regex;
  ASSERT_FALSE(ReadChat(R"("response_format": {"type": "json_object"})", &object));
  EXPECT_EQ(object.format.kind, TextFormat::kJsonObject);
  ASSERT_FALSE(ReadChat(
      R"("response_format": {"type": "json_schema", "json_schema": {"name": "n", "strict": true,
         "schema": {"type": "object"}}})",
      &schema));
  EXPECT_EQ(schema.format.kind, TextFormat::kJsonSchema);
  EXPECT_EQ(schema.format.source, R"({"type":"object"})");
  EXPECT_EQ(schema.format.param, "response_format.json_schema.schema");
  ASSERT_FALSE(ReadChat(R"("structured_outputs": {"regex": "a+"})", &regex));
  EXPECT_EQ(regex.format.kind, TextFormat::kRegex);
  EXPECT_EQ(Refused(R"("response_format": {"type": "json_schema"})"),
            "missing_required_parameter response_format.json_schema.schema");
  GenerationRequest beside;
  ASSERT_FALSE(ReadChat(
      R"("response_format": {"type": "json_object", "schema": {"type": "object"}})", &beside));
  EXPECT_EQ(beside.format.kind, TextFormat::kJsonSchema);
  EXPECT_EQ(beside.format.source, R"({"type":"object"})");
  EXPECT_EQ(beside.format.param, "response_format.schema");
  EXPECT_EQ(Refused(R"("response_format": {"type": "json_schema", "schema": {}})"),
            "invalid_value response_format.schema");
  EXPECT_EQ(Refused(R"("response_format": {"type": "text", "schema": {}})"),
            "invalid_value response_format.schema");
  for (const char* const type : {"text", "json_object"}) {
    EXPECT_EQ(Refused(absl::StrCat(R"("response_format": {"type": ")", type,
                                   R"(", "json_schema": {"schema": {}}})")),
              "invalid_value response_format.json_schema");
  }
  EXPECT_EQ(Refused(R"("response_format": {"type": "json_object", "schema": []})"),
            "invalid_type response_format.schema");
  EXPECT_EQ(Refused(R"("response_format": {})"), "missing_required_parameter response_format.type");
  EXPECT_EQ(Refused(R"("response_format": {"type": "xml"})"), "invalid_value response_format.type");
  EXPECT_EQ(Refused(R"("structured_outputs": {"grammar": "x"})"),
            "unsupported_value structured_outputs.grammar");
  EXPECT_EQ(Refused(R"("response_format": {"type": "json_object"},
                       "tools": [{"type": "function", "function": {"name": "f"}}])"),
            "unsupported_value response_format");
}

TEST(GenerationRequestTest, OfTwoFormatsNoneWins) {
  const std::string object = R"("response_format": {"type": "json_object"})";
  const std::string regex = R"("structured_outputs": {"regex": "a+"})";
  EXPECT_EQ(Refused(absl::StrCat(object, ", ", regex)), "invalid_value structured_outputs.regex");
  EXPECT_EQ(Refused(absl::StrCat(regex, ", ", object)), "invalid_value structured_outputs.regex");
  GenerationRequest request;
  ASSERT_FALSE(ReadChat(absl::StrCat(regex, R"(, "response_format": {"type": "text"})"), &request));
  EXPECT_EQ(request.format.kind, TextFormat::kRegex);
  EXPECT_EQ(request.format.param, "structured_outputs.regex");
}

TEST(GenerationRequestTest, FieldsThatGoTogetherAreHeldAgainstEachOther) {
  EXPECT_EQ(Refused(R"("stream_options": {})"), "invalid_value stream_options");
  EXPECT_EQ(Refused(R"("top_logprobs": 3)"), "invalid_value top_logprobs");
  EXPECT_EQ(Refused(R"("top_logprobs": 3, "logprobs": false)"), "invalid_value top_logprobs");
  EXPECT_EQ(Refused(R"("top_logprobs": 3, "logprobs": true)"), "");
}

TEST(GenerationRequestTest, NumbersAreHeldAgainstTheirBoundsAsTheyAreUsed) {
  EXPECT_EQ(Refused(R"("top_p": 1e-300)"), "invalid_value top_p");
  EXPECT_EQ(Refused(R"("top_p": 1e-30)"), "");
  EXPECT_EQ(Refused(R"("repetition_penalty": 1e-300)"), "invalid_value repetition_penalty");
  GenerationRequest request;
  const Refusal refusal = ReadChat(R"("temperature": 2.00000001)", &request);
  ASSERT_TRUE(refusal);
  EXPECT_EQ(refusal->message, "temperature: must be a number from 0 to 2, is 2.00000001");
}

TEST(GenerationRequestTest, IntegersBeyond64BitsAreNumbers) {
  EXPECT_EQ(Refused(R"("seed": 99999999999999999999)"), "invalid_type seed");
  EXPECT_EQ(Refused(R"("max_tokens": 18446744073709551615)"), "invalid_value max_tokens");
  EXPECT_EQ(Refused(R"("metadata": {"id": 99999999999999999999})"), "");
  GenerationRequest request;
  EXPECT_FALSE(ReadChat(R"("response_format": {"type": "json_schema", "json_schema": {"schema":
                        {"type": "integer", "maximum": 1000000000000000000000000000000}}})",
                        &request));
  EXPECT_EQ(request.format.source, R"({"type":"integer","maximum":1e+30})");
}

TEST(GenerationRequestTest, WhatIsNoJsonIsSaid) {
  GenerationRequest request;
  const Refusal nan = ReadChat(R"("temperature": NaN)", &request);
  ASSERT_TRUE(nan);
  EXPECT_EQ(nan->message,
            "the request's body: is not valid JSON: there is NaN, which is no number of JSON");
  const Refusal half = ReadChat(R"("user": "\ud83d")", &request);
  ASSERT_TRUE(half);
  EXPECT_EQ(half->message,
            "the request's body: is not valid JSON: a string has a lone surrogate, \\ud83d");
}

TEST(GenerationRequestTest, UnknownFieldsAreNamedOrRefused) {
  GenerationRequest request;
  ASSERT_FALSE(ReadChat(R"("foo": 1, "stream": true, "stream_options": {"bar": 2}, "prompt": "x")",
                        &request));
  EXPECT_THAT(request.ignored, ElementsAre("foo", "stream_options.bar", "prompt"));
  ReadOptions strict = kOptions;
  strict.strict_fields = true;
  GenerationRequest other;
  const Refusal refusal = ReadChat(R"("foo": 1)", &other, strict);
  ASSERT_TRUE(refusal);
  EXPECT_EQ(refusal->param, "foo");
  EXPECT_EQ(refusal->code, "unsupported_parameter");
}

TEST(GenerationRequestTest, UnknownFieldsAreNamedHoweverDeepTheyLie) {
  const char* const fields =
      R"("messages": [{"role": "user", "a": 1, "content": [{"type": "text", "text": "a", "b": 1}]},
         {"role": "assistant", "tool_calls": [{"c": 1, "function": {"name": "f", "d": 1}}]}],
         "tools": [{"e": 1, "function": {"name": "f", "g": 1}}],
         "tool_choice": {"h": 1, "function": {"name": "f", "description": "i"}},
         "response_format": {"type": "text", "j": 1})";
  GenerationRequest request;
  ASSERT_FALSE(ReadChat(fields, &request));
  EXPECT_THAT(
      request.ignored,
      ElementsAre("messages[0].a", "messages[0].content[0].b", "messages[1].tool_calls[0].c",
                  "messages[1].tool_calls[0].function.d", "tools[0].e", "tools[0].function.g",
                  "tool_choice.h", "tool_choice.function.description", "response_format.j"));
  ReadOptions strict = kOptions;
  strict.strict_fields = true;
  GenerationRequest other;
  const Refusal refusal = ReadChat(fields, &other, strict);
  ASSERT_TRUE(refusal);
  EXPECT_EQ(refusal->param, "messages[0].a");
}

TEST(GenerationRequestTest, WhatTemplatesAreGivenIsThinkingAlone) {
  GenerationRequest request;
  ASSERT_FALSE(
      ReadChat(R"("chat_template_kwargs": {"enable_thinking": false}, "reasoning_effort": "high")",
               &request));
  EXPECT_EQ(request.enable_thinking, false);
  EXPECT_EQ(Refused(R"("chat_template_kwargs": {"x": 1})"),
            "unsupported_parameter chat_template_kwargs.x");
  EXPECT_EQ(Refused(R"("reasoning_effort": "huge")"), "unsupported_value reasoning_effort");
}

TEST(GenerationRequestTest, BiasesAreNamedByTokens) {
  GenerationRequest request;
  ASSERT_FALSE(ReadChat(R"("logit_bias": {"99": -100, "0": 2.5})", &request));
  ASSERT_EQ(request.logit_bias.size(), 2u);
  EXPECT_EQ(request.logit_bias[0].token, 99);
  EXPECT_EQ(request.logit_bias[1].bias, 2.5);
  EXPECT_EQ(Refused(R"("logit_bias": {})"), "");
  EXPECT_EQ(Refused(R"("logit_bias": [1])"), "invalid_type logit_bias");
  for (const char* const name : {"100", "-1", "a", "", "01", " 1", "1e1"}) {
    EXPECT_EQ(Refused(absl::StrCat(R"("logit_bias": {")", name, R"(": 1})")),
              absl::StrCat("invalid_value logit_bias.", name));
  }
  EXPECT_EQ(Refused(R"("logit_bias": {"1": 101})"), "invalid_value logit_bias.1");
  EXPECT_EQ(Refused(R"("logit_bias": {"1": "2"})"), "invalid_type logit_bias.1");
  EXPECT_EQ(Refused(R"("logit_bias": {"1": 1, "1": 2})"), "invalid_json ");
}

TEST(GenerationRequestTest, SaltsAreToldApartFromKeys) {
  GenerationRequest key, salt;
  ASSERT_FALSE(ReadChat(R"("prompt_cache_key": "a")", &key));
  ASSERT_FALSE(ReadChat(R"("cache_salt": "a")", &salt));
  EXPECT_NE(key.prefix_salt, salt.prefix_salt);
}

}  // namespace
}  // namespace lluda::api
