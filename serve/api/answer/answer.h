// What answers are made of, as plain values, and how they are written.
//
//   AnswerHead head = {"chatcmpl-1", 1700000000, "stories", "lluda-0123"};
//   ChatAnswerJson(head, choices, usage);            // a whole answer
//   ChatChunkJson(head, 0, delta, {}, include_usage) // a chunk of a stream
#ifndef LLUDA_SERVE_API_ANSWER_ANSWER_H_
#define LLUDA_SERVE_API_ANSWER_ANSWER_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace lluda::api {

struct AnswerHead {
  std::string id;
  int64_t created = 0;  // seconds since 1970
  std::string model;
  std::string fingerprint;
};

// A call of a tool, or a piece of one: the first has id and name, those that follow have neither.
struct ToolCall {
  int64_t index = 0;  // of the answer's calls
  std::string id;
  std::string name;
  std::string arguments;  // JSON, or a piece of it
};

// Adds the piece to the call that it goes on with, if that is the last of them; else behind them.
void AddCall(ToolCall piece, std::vector<ToolCall>* calls);

// A piece of a chat's answer, or the whole of it.
struct AnswerDelta {
  std::string reasoning;
  std::string content;
  std::vector<ToolCall> calls;
  bool empty() const { return reasoning.empty() && content.empty() && calls.empty(); }
};

struct Likely {
  std::string bytes;  // of the token, not necessarily whole characters
  double log_probability = 0;
};
struct TokenLogprobs {
  Likely token;
  std::vector<Likely> likeliest;
};

struct Usage {
  int64_t prompt_tokens = 0;
  int64_t completion_tokens = 0;
  std::optional<int64_t> cached_tokens;     // said only if it was asked for
  std::optional<int64_t> reasoning_tokens;  // of models that think
};

struct Choice {
  int64_t index = 0;
  AnswerDelta text;  // of completions, the content alone
  std::optional<std::vector<TokenLogprobs>> logprobs;
  std::string finish_reason;  // of a chunk that is not the last one, empty
};

std::string ChatAnswerJson(const AnswerHead& head, absl::Span<const Choice> choices,
                           const Usage& usage);
// `is_first`: the chunk that names the role. `with_usage`: the stream ends with a chunk of the usage,
// and the others say that they have none.
std::string ChatChunkJson(const AnswerHead& head, const Choice& choice, bool is_first,
                          bool with_usage);

// `offset`: characters of the answer before the first token of `choice.logprobs`.
std::string CompletionJson(const AnswerHead& head, absl::Span<const Choice> choices,
                           const Usage& usage);
std::string CompletionChunkJson(const AnswerHead& head, const Choice& choice, int64_t offset,
                                bool with_usage);

// The last chunk of a stream that ends with its usage. `object` as in the other chunks.
std::string UsageChunkJson(absl::string_view object, const AnswerHead& head, const Usage& usage);
inline constexpr absl::string_view kChatChunk = "chat.completion.chunk";
inline constexpr absl::string_view kCompletion = "text_completion";

// "data: JSON\n\n", an event of a stream; and the one that ends it.
std::string StreamEvent(absl::string_view json);
inline constexpr absl::string_view kStreamEnd = "data: [DONE]\n\n";
inline constexpr absl::string_view kStreamPing = ": ping\n\n";

// Characters that the tokens' texts have together, as text_offset counts them.
int64_t CharactersOf(const std::vector<TokenLogprobs>& tokens);

}  // namespace lluda::api

#endif  // LLUDA_SERVE_API_ANSWER_ANSWER_H_
