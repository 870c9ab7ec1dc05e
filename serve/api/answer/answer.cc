#include "serve/api/answer/answer.h"

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "base/json/json_writer.h"
#include "base/utf8.h"

namespace lluda::api {
namespace {

using base::JsonWriter;

// A token alone is not always a text.
std::string TextOf(const Likely& token) { return base::ReplaceInvalidUtf8(token.bytes); }

int64_t CharactersIn(const std::string& text) {
  int64_t characters = 0;
  for (const char c : text) characters += (static_cast<unsigned char>(c) & 0xC0) != 0x80 ? 1 : 0;
  return characters;
}

void WriteHead(absl::string_view object, const AnswerHead& head, JsonWriter* json) {
  json->BeginObject().Key("id").String(head.id).Key("object").String(object);
  json->Key("created").Int(head.created).Key("model").String(head.model);
  json->Key("system_fingerprint").String(head.fingerprint);
}

void WriteUsage(const Usage& usage, JsonWriter* json) {
  json->Key("usage").BeginObject();
  json->Key("prompt_tokens").Int(usage.prompt_tokens);
  json->Key("completion_tokens").Int(usage.completion_tokens);
  json->Key("total_tokens").Int(usage.prompt_tokens + usage.completion_tokens);
  if (usage.cached_tokens) {
    json->Key("prompt_tokens_details").BeginObject();
    json->Key("cached_tokens").Int(*usage.cached_tokens).EndObject();
  }
  if (usage.reasoning_tokens) {
    json->Key("completion_tokens_details").BeginObject();
    json->Key("reasoning_tokens").Int(*usage.reasoning_tokens).EndObject();
  }
  json->EndObject();
}

void WriteChatToken(const Likely& token, JsonWriter* json) {
  json->Key("token").String(TextOf(token)).Key("logprob").Double(token.log_probability);
  json->Key("bytes").BeginArray();
  for (const char c : token.bytes) json->Int(static_cast<unsigned char>(c));
  json->EndArray();
}

void WriteChatLogprobs(const Choice& choice, JsonWriter* json) {
  json->Key("logprobs");
  if (!choice.logprobs) {
    json->Null();
    return;
  }
  json->BeginObject().Key("content").BeginArray();
  for (const TokenLogprobs& token : *choice.logprobs) {
    json->BeginObject();
    WriteChatToken(token.token, json);
    json->Key("top_logprobs").BeginArray();
    for (const Likely& likely : token.likeliest) {
      json->BeginObject();
      WriteChatToken(likely, json);
      json->EndObject();
    }
    json->EndArray().EndObject();
  }
  json->EndArray().Key("refusal").Null().EndObject();
}

// Of equal texts in the map of likeliest tokens, the likeliest stays.
void WriteLikeliest(const TokenLogprobs& token, JsonWriter* json) {
  absl::flat_hash_set<std::string> written;
  json->BeginObject();
  for (const Likely& likely : token.likeliest) {
    std::string text = TextOf(likely);
    if (!written.insert(text).second) continue;
    json->Key(text).Double(likely.log_probability);
  }
  json->EndObject();
}

void WriteCompletionLogprobs(const Choice& choice, int64_t offset, JsonWriter* json) {
  json->Key("logprobs");
  if (!choice.logprobs) {
    json->Null();
    return;
  }
  json->BeginObject().Key("text_offset").BeginArray();
  for (const TokenLogprobs& token : *choice.logprobs) {
    json->Int(offset);
    offset += CharactersIn(TextOf(token.token));
  }
  json->EndArray().Key("tokens").BeginArray();
  for (const TokenLogprobs& token : *choice.logprobs) json->String(TextOf(token.token));
  json->EndArray().Key("token_logprobs").BeginArray();
  for (const TokenLogprobs& token : *choice.logprobs) json->Double(token.token.log_probability);
  json->EndArray().Key("top_logprobs").BeginArray();
  for (const TokenLogprobs& token : *choice.logprobs) WriteLikeliest(token, json);
  json->EndArray().EndObject();
}

void WriteCalls(const std::vector<ToolCall>& calls, bool is_chunk, JsonWriter* json) {
  json->Key("tool_calls").BeginArray();
  for (const ToolCall& call : calls) {
    json->BeginObject();
    if (is_chunk) json->Key("index").Int(call.index);
    const bool is_first = !call.id.empty();
    if (is_first) json->Key("id").String(call.id).Key("type").String("function");
    json->Key("function").BeginObject();
    if (is_first) json->Key("name").String(call.name);
    json->Key("arguments").String(call.arguments).EndObject().EndObject();
  }
  json->EndArray();
}

void WriteFinishReason(const Choice& choice, JsonWriter* json) {
  json->Key("finish_reason");
  choice.finish_reason.empty() ? json->Null() : json->String(choice.finish_reason);
}

}  // namespace

void AddCall(ToolCall piece, std::vector<ToolCall>* calls) {
  if (piece.id.empty() && !calls->empty() && calls->back().index == piece.index) {
    calls->back().arguments += piece.arguments;
  } else {
    calls->push_back(std::move(piece));
  }
}

int64_t CharactersOf(const std::vector<TokenLogprobs>& tokens) {
  int64_t characters = 0;
  for (const TokenLogprobs& token : tokens) characters += CharactersIn(TextOf(token.token));
  return characters;
}

std::string ChatAnswerJson(const AnswerHead& head, absl::Span<const Choice> choices,
                           const Usage& usage) {
  JsonWriter json;
  WriteHead("chat.completion", head, &json);
  json.Key("choices").BeginArray();
  for (const Choice& choice : choices) {
    json.BeginObject().Key("index").Int(choice.index);
    json.Key("message").BeginObject().Key("role").String("assistant").Key("content");
    const bool only_calls = choice.text.content.empty() && !choice.text.calls.empty();
    only_calls ? json.Null() : json.String(choice.text.content);
    json.Key("refusal").Null();
    if (!choice.text.reasoning.empty()) {
      json.Key("reasoning_content").String(choice.text.reasoning);
    }
    if (!choice.text.calls.empty()) WriteCalls(choice.text.calls, /*is_chunk=*/false, &json);
    json.EndObject();
    WriteChatLogprobs(choice, &json);
    WriteFinishReason(choice, &json);
    json.EndObject();
  }
  json.EndArray();
  WriteUsage(usage, &json);
  return json.EndObject().text();
}

std::string ChatChunkJson(const AnswerHead& head, const Choice& choice, bool is_first,
                          bool with_usage) {
  JsonWriter json;
  WriteHead(kChatChunk, head, &json);
  json.Key("choices").BeginArray().BeginObject().Key("index").Int(choice.index);
  json.Key("delta").BeginObject();
  if (is_first) json.Key("role").String("assistant").Key("content").String(choice.text.content);
  if (!choice.text.reasoning.empty()) json.Key("reasoning_content").String(choice.text.reasoning);
  if (!is_first && !choice.text.content.empty()) json.Key("content").String(choice.text.content);
  if (!choice.text.calls.empty()) WriteCalls(choice.text.calls, /*is_chunk=*/true, &json);
  json.EndObject();
  WriteChatLogprobs(choice, &json);
  WriteFinishReason(choice, &json);
  json.EndObject().EndArray();
  if (with_usage) json.Key("usage").Null();
  return json.EndObject().text();
}

std::string CompletionJson(const AnswerHead& head, absl::Span<const Choice> choices,
                           const Usage& usage) {
  JsonWriter json;
  WriteHead(kCompletion, head, &json);
  json.Key("choices").BeginArray();
  for (const Choice& choice : choices) {
    json.BeginObject().Key("index").Int(choice.index).Key("text").String(choice.text.content);
    WriteCompletionLogprobs(choice, /*offset=*/0, &json);
    WriteFinishReason(choice, &json);
    json.EndObject();
  }
  json.EndArray();
  WriteUsage(usage, &json);
  return json.EndObject().text();
}

std::string CompletionChunkJson(const AnswerHead& head, const Choice& choice, int64_t offset,
                                bool with_usage) {
  JsonWriter json;
  WriteHead(kCompletion, head, &json);
  json.Key("choices").BeginArray().BeginObject();
  json.Key("index").Int(choice.index).Key("text").String(choice.text.content);
  WriteCompletionLogprobs(choice, offset, &json);
  WriteFinishReason(choice, &json);
  json.EndObject().EndArray();
  if (with_usage) json.Key("usage").Null();
  return json.EndObject().text();
}

std::string UsageChunkJson(absl::string_view object, const AnswerHead& head, const Usage& usage) {
  JsonWriter json;
  WriteHead(object, head, &json);
  json.Key("choices").BeginArray().EndArray();
  WriteUsage(usage, &json);
  return json.EndObject().text();
}

std::string StreamEvent(absl::string_view json) { return absl::StrCat("data: ", json, "\n\n"); }

}  // namespace lluda::api
