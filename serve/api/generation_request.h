// What a request for text asks for, as plain values: chat completions and completions.
//
//   GenerationRequest request;
//   if (Refusal refusal = ReadGenerationRequest(Endpoint::kChat, body, options, &request)) ...
//
// Each field of the body is obeyed, refused by name, or named in `ignored`; docs/serving.md has the
// table, generation_fields.cc what it is made of.
#ifndef LLUDA_SERVE_API_GENERATION_REQUEST_H_
#define LLUDA_SERVE_API_GENERATION_REQUEST_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "frontends/tokenizer/chat_template.h"
#include "serve/api/error.h"

namespace lluda::api {

enum class Endpoint : uint8_t { kChat = 1, kCompletions = 2 };

// Of completions, the text to continue; or the tokens.
struct Prompt {
  std::string text;
  std::optional<std::vector<int32_t>> tokens;
};

// kRequired: the answer is one or more calls.
enum class ToolChoice : uint8_t { kAuto, kNone, kRequired };

struct Tool {
  std::string name;
  std::string parameters;  // a JSON schema; empty: any object
};

// What a text has to be.
struct TextFormat {
  enum Kind : uint8_t { kAny, kJsonObject, kJsonSchema, kRegex };
  Kind kind = kAny;
  std::string source;  // the schema, or the regular expression
  std::string param;   // the field that it stands in
};

struct TokenBias {
  int32_t token = 0;
  double bias = 0;  // that is added to its logit, -100 to 100
};

struct GenerationRequest {
  std::string model;  // empty: the one that is served
  std::vector<tokenizer::ChatMessage> messages;
  std::vector<Prompt> prompts;

  std::optional<int64_t> max_completion_tokens, max_tokens;  // the first wins
  std::optional<double> temperature, top_p, min_p;
  std::optional<double> repetition_penalty, presence_penalty, frequency_penalty;
  std::optional<int64_t> top_k;
  std::optional<int64_t> seed;
  int64_t choices = 1;
  std::vector<std::string> stop;
  std::vector<TokenBias> logit_bias;  // no token twice
  bool ignore_eos = false;

  bool wants_logprobs =
      false;  // of chat; of completions, a number of likeliest tokens alone says it
  std::optional<int64_t> top_logprobs;

  bool stream = false;
  bool include_usage = false;
  bool has_stream_options = false;
  bool cached_tokens = false;  // in the usage

  std::string tools_json;  // a list; empty: none
  std::vector<Tool> tools;
  ToolChoice tool_choice = ToolChoice::kAuto;
  std::string chosen_tool;  // kRequired: the only one that may be called, if there is one
  bool parallel_tool_calls = true;
  std::optional<bool> enable_thinking;
  TextFormat format;

  std::string prefix_salt;           // what is computed is shared only with requests of the same
  std::vector<std::string> ignored;  // names of fields without effect that nobody knows
};

struct ReadOptions {
  int64_t vocabulary = 0;      // tokens are from 0 to below this
  bool strict_fields = false;  // unknown fields are refused
};

// The most texts that one request may ask for.
inline constexpr int64_t kMostChoices = 128;

Refusal ReadGenerationRequest(Endpoint endpoint, absl::string_view body, const ReadOptions& options,
                              GenerationRequest* request);

}  // namespace lluda::api

#endif  // LLUDA_SERVE_API_GENERATION_REQUEST_H_
