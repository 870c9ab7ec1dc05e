#include "serve/api/transcription_request.h"

#include <simdjson.h>

#include <algorithm>
#include <cmath>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/json/json.h"
#include "base/json/json_writer.h"

namespace lluda::api {
namespace {

constexpr size_t kLongestText = 64 << 10;  // bytes of a field that is no file
constexpr double kHottest = 1;             // temperature, as OpenAI's API has it

Refusal Wrong(const FormPart& part, absl::string_view code, absl::string_view reason) {
  const std::string name = base::QuoteName(part.name);
  return ApiError{400, std::string(code), name, absl::StrCat(name, ": ", reason)};
}

// "'TEXT'", fit for one line.
std::string Quoted(absl::string_view text) { return absl::StrCat("'", base::QuoteName(text), "'"); }

Refusal ReadFile(const FormPart& part, TranscriptionRequest* request) {
  request->sound = part.content;
  return std::nullopt;
}

template <std::string TranscriptionRequest::* Member>
Refusal ReadText(const FormPart& part, TranscriptionRequest* request) {
  if (part.content.size() > kLongestText) {
    return Wrong(
        part, "invalid_value",
        absl::StrCat("must have at most ", kLongestText, " bytes, has ", part.content.size()));
  }
  if (!simdjson::validate_utf8(part.content.data(), part.content.size())) {
    return Wrong(part, "invalid_value", "must be UTF-8");
  }
  request->*Member = std::string(part.content);
  return std::nullopt;
}

Refusal ReadFormat(const FormPart& part, TranscriptionRequest* request) {
  if (part.content == "json" || part.content == "text") {
    request->format = part.content == "json" ? TranscriptFormat::kJson : TranscriptFormat::kText;
    return std::nullopt;
  }
  return Wrong(
      part, "unsupported_value",
      absl::StrCat("must be json or text, as the model gives no times; is ", Quoted(part.content)));
}

Refusal ReadTemperature(const FormPart& part, TranscriptionRequest* request) {
  double value = 0;
  if (!absl::SimpleAtod(part.content, &value) || !(value >= 0 && value <= kHottest)) {
    return Wrong(part, "invalid_value",
                 absl::StrCat("must be a number from 0 to 1, is ", Quoted(part.content)));
  }
  request->temperature = value;
  return std::nullopt;
}

Refusal ReadSeed(const FormPart& part, TranscriptionRequest* request) {
  int64_t value = 0;
  if (!absl::SimpleAtoi(part.content, &value)) {
    return Wrong(part, "invalid_value",
                 absl::StrCat("must be an integer of 64 bits, is ", Quoted(part.content)));
  }
  request->seed = value;
  return std::nullopt;
}

Refusal RefuseField(const FormPart& part, TranscriptionRequest* /*request*/) {
  return Wrong(part, "unsupported_parameter", "is not supported");
}

Refusal ReadStream(const FormPart& part, TranscriptionRequest* request) {
  request->stream = part.content == "true";
  if (request->stream || part.content == "false") return std::nullopt;
  return Wrong(part, "invalid_value",
               absl::StrCat("must be true or false, is ", Quoted(part.content)));
}

struct FormRow {
  absl::string_view name;
  Refusal (*read)(const FormPart& part, TranscriptionRequest* request);
};

constexpr FormRow kRows[] = {
    {"file", &ReadFile},
    {"model", &ReadText<&TranscriptionRequest::model>},
    {"language", &ReadText<&TranscriptionRequest::language>},
    {"prompt", &ReadText<&TranscriptionRequest::prompt>},
    {"response_format", &ReadFormat},
    {"temperature", &ReadTemperature},
    {"seed", &ReadSeed},
    {"stream", &ReadStream},
    {"timestamp_granularities", &RefuseField},
    {"timestamp_granularities[]", &RefuseField},
    {"include", &RefuseField},
    {"include[]", &RefuseField},
    {"known_speaker_names[]", &RefuseField},
    {"known_speaker_references[]", &RefuseField},
};

// The members of an object.
void AddText(absl::string_view text, const TranscriptUsage& usage, base::JsonWriter* json) {
  const int64_t input = usage.audio_tokens + usage.text_tokens;
  json->Key("text").String(text).Key("usage").BeginObject();
  json->Key("type").String("tokens").Key("input_tokens").Int(input);
  json->Key("input_token_details").BeginObject().Key("text_tokens").Int(usage.text_tokens);
  json->Key("audio_tokens").Int(usage.audio_tokens).EndObject();
  json->Key("output_tokens").Int(usage.output_tokens);
  json->Key("total_tokens").Int(input + usage.output_tokens).EndObject();
}

}  // namespace

Refusal ReadTranscriptionRequest(absl::Span<const FormPart> parts, bool strict_fields,
                                 TranscriptionRequest* request) {
  std::vector<absl::string_view> seen;
  for (const FormPart& part : parts) {
    if (std::find(seen.begin(), seen.end(), part.name) != seen.end()) {
      return Wrong(part, "invalid_value", "comes twice");
    }
    seen.push_back(part.name);
    const auto* row = std::find_if(std::begin(kRows), std::end(kRows),
                                   [&](const FormRow& one) { return one.name == part.name; });
    if (row != std::end(kRows)) {
      if (Refusal refusal = row->read(part, request)) return refusal;
      continue;
    }
    const std::string name = base::QuoteName(part.name);
    if (strict_fields) {
      return ApiError{400, "unsupported_parameter", name, absl::StrCat(name, ": is unknown")};
    }
    request->ignored.push_back(name);
  }
  if (std::find(seen.begin(), seen.end(), "file") != seen.end()) return std::nullopt;
  return ApiError{400, "missing_required_parameter", "file", "file: is missing"};
}

std::string TranscriptionJson(absl::string_view text, const TranscriptUsage& usage) {
  base::JsonWriter json;
  json.BeginObject();
  AddText(text, usage, &json);
  return json.EndObject().text();
}

std::string TranscriptDeltaJson(absl::string_view delta) {
  base::JsonWriter json;
  json.BeginObject().Key("type").String("transcript.text.delta").Key("delta").String(delta);
  return json.EndObject().text();
}

std::string TranscriptDoneJson(absl::string_view text, const TranscriptUsage& usage) {
  base::JsonWriter json;
  json.BeginObject().Key("type").String("transcript.text.done");
  AddText(text, usage, &json);
  return json.EndObject().text();
}

}  // namespace lluda::api
