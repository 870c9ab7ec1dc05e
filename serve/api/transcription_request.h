// What a request for a transcription asks for, as plain values.
//
//   TranscriptionRequest request;
//   if (Refusal refusal = ReadTranscriptionRequest(parts, options, &request)) ...
//
// Each field of the form is obeyed, refused by name, or named in `ignored`, as of requests in JSON.
#ifndef LLUDA_SERVE_API_TRANSCRIPTION_REQUEST_H_
#define LLUDA_SERVE_API_TRANSCRIPTION_REQUEST_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "serve/api/error.h"
#include "serve/api/multipart.h"

namespace lluda::api {

enum class TranscriptFormat : uint8_t { kJson, kText };

struct TranscriptionRequest {
  absl::string_view sound;  // the file's bytes; points into the form
  std::string model;        // empty: the one that is served
  std::string language;     // as the client says it; empty: the model finds out
  std::string prompt;       // names and words that may come
  TranscriptFormat format = TranscriptFormat::kJson;
  std::optional<double> temperature;
  std::optional<int64_t> seed;
  bool stream = false;
  std::vector<std::string> ignored;  // names of fields without effect that nobody knows
};

// `strict_fields`: unknown fields are refused.
Refusal ReadTranscriptionRequest(absl::Span<const FormPart> parts, bool strict_fields,
                                 TranscriptionRequest* request);

struct TranscriptUsage {
  int64_t audio_tokens = 0;  // rows of the sound
  int64_t text_tokens = 0;   // of the prompt around them
  int64_t output_tokens = 0;
};

// {"text": ..., "usage": {"type": "tokens", ...}}
std::string TranscriptionJson(absl::string_view text, const TranscriptUsage& usage);

// The events of a stream: a piece of the text, {"type": "transcript.text.delta", "delta": ...}, and at
// the end all of it, {"type": "transcript.text.done", "text": ..., "usage": ...}.
std::string TranscriptDeltaJson(absl::string_view delta);
std::string TranscriptDoneJson(absl::string_view text, const TranscriptUsage& usage);

}  // namespace lluda::api

#endif  // LLUDA_SERVE_API_TRANSCRIPTION_REQUEST_H_
