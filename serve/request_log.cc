#include "serve/request_log.h"

#include <ctime>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/json/json.h"
#include "base/json/json_writer.h"

namespace lluda::serve {
namespace {

std::string TimeText(std::chrono::milliseconds time) {
  const std::time_t seconds = time.count() / 1000;
  std::tm utc = {};
  gmtime_r(&seconds, &utc);
  return absl::StrFormat("%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", utc.tm_year + 1900, utc.tm_mon + 1,
                         utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec,
                         static_cast<int>(time.count() % 1000));
}

// Clients choose methods and paths.
std::string Safe(const std::string& text) { return base::QuoteName(text); }

std::string JsonLine(const LogEntry& entry, std::chrono::milliseconds time) {
  base::JsonWriter json;
  json.BeginObject().Key("time").String(TimeText(time)).Key("id").String(entry.id);
  json.Key("client").String(Safe(entry.client)).Key("method").String(Safe(entry.method));
  json.Key("path").String(Safe(entry.path)).Key("status").Int(entry.status);
  json.Key("seconds").Number(entry.seconds);
  if (!entry.error_code.empty()) json.Key("error").String(entry.error_code);
  if (const auto& text = entry.generation) {
    json.Key("prompt_tokens").Int(text->prompt_tokens);
    json.Key("cached_tokens").Int(text->cached_tokens);
    json.Key("generated_tokens").Int(text->generated_tokens);
    json.Key("queue_seconds").Number(text->queue_seconds);
    json.Key("first_token_seconds").Number(text->first_token_seconds);
    json.Key("token_seconds").Number(text->token_seconds);
    json.Key("seed").Int(text->seed).Key("fingerprint").String(text->fingerprint);
    json.Key("finish").String(text->finish);
  }
  return json.EndObject().text() + "\n";
}

std::string TextLine(const LogEntry& entry, std::chrono::milliseconds time) {
  std::string line =
      absl::StrFormat("%s %s %s %s %d %.1fms", TimeText(time), Safe(entry.client),
                      Safe(entry.method), Safe(entry.path), entry.status, entry.seconds * 1000);
  if (!entry.error_code.empty()) absl::StrAppend(&line, " ", entry.error_code);
  if (const auto& text = entry.generation) {
    absl::StrAppendFormat(
        &line,
        " %s prompt=%d cached=%d out=%d queue=%.1fms first=%.1fms token=%.2fms seed=%d %s %s",
        entry.id, text->prompt_tokens, text->cached_tokens, text->generated_tokens,
        text->queue_seconds * 1000, text->first_token_seconds * 1000, text->token_seconds * 1000,
        text->seed, text->fingerprint, text->finish);
  }
  return line + "\n";
}

}  // namespace

std::string TextLogLine(const LogEntry& entry, std::chrono::milliseconds time) {
  base::JsonWriter json;
  json.BeginObject().Key("time").String(TimeText(time)).Key("id").String(entry.id);
  json.Key("client").String(Safe(entry.client)).Key("path").String(Safe(entry.path));
  json.Key("seed").Int(entry.generation->seed).Key("finish").String(entry.generation->finish);
  json.Key("prompts").BeginArray();
  for (const std::string& prompt : entry.generation->prompts) json.String(prompt);
  json.EndArray().Key("answers").BeginArray();
  for (const std::string& answer : entry.generation->answers) json.String(answer);
  return json.EndArray().EndObject().text() + "\n";
}

std::string LogLine(LogFormat format, const LogEntry& entry, std::chrono::milliseconds time) {
  switch (format) {
    case LogFormat::kJson:
      return JsonLine(entry, time);
    case LogFormat::kText:
      return TextLine(entry, time);
    case LogFormat::kOff:
      break;
  }
  return "";
}

}  // namespace lluda::serve
