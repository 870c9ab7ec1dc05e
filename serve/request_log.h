// One line for each request, when it has been answered. Never a prompt, an answer or a key: prompts
// and answers have a log of their own, for those who ask for it.
//
//   {"time": "2026-01-31T12:00:00.123Z", "id": "chatcmpl-1f", "path": "/v1/chat/completions",
//    "status": 200, "prompt_tokens": 17, ...}
#ifndef LLUDA_SERVE_REQUEST_LOG_H_
#define LLUDA_SERVE_REQUEST_LOG_H_

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace lluda::serve {

enum class LogFormat : uint8_t { kJson, kText, kOff };

// What only a request for text has.
struct GenerationLog {
  int64_t prompt_tokens = 0;
  int64_t cached_tokens = 0;
  int64_t generated_tokens = 0;
  double queue_seconds = 0;        // until the last of its texts had a place
  double first_token_seconds = 0;  // since the request came; 0: there was none
  double token_seconds = 0;        // of each that followed, on average
  int64_t seed = 0;
  std::string fingerprint;
  std::string finish;  // "stop", "length", "tool_calls", "abort", "error"
  // What the model was given and what it wrote, where a log of texts is wanted.
  std::vector<std::string> prompts, answers;
};

struct LogEntry {
  std::string id;
  std::string client;  // a key's name, or an address
  std::string method, path;
  int status = 0;
  double seconds = 0;
  std::string error_code;
  std::optional<GenerationLog> generation;
};

// Of a request for text, the line for the log of texts: prompts and answers, no key.
std::string TextLogLine(const LogEntry& entry, std::chrono::milliseconds time);

// The line with its newline; empty where none is written. `time` is since 1970.
std::string LogLine(LogFormat format, const LogEntry& entry, std::chrono::milliseconds time);

}  // namespace lluda::serve

#endif  // LLUDA_SERVE_REQUEST_LOG_H_
