#include "tools/run/transcript_report.h"

#include <cstdint>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/json/json_writer.h"

namespace lluda::tools {
namespace {

void AddPiece(const engine::TranscribedPiece& piece, base::JsonWriter* json) {
  const absl::string_view finish = engine::FinishReasonName(piece.finish);
  json->BeginObject().Key("begin").Number(piece.begin).Key("end").Number(piece.end);
  json->Key("language").String(piece.language).Key("text").String(piece.text);
  json->Key("finish_reason").String(finish).Key("prompt_tokens").Int(piece.prompt_tokens);
  json->Key("text_tokens").Int(piece.text_tokens).EndObject();
}

// "1:02:03.4", or "2:03.4" of less than an hour.
std::string Clock(double seconds) {
  const auto minutes = static_cast<int64_t>(seconds / 60);
  const double rest = seconds - static_cast<double>(60 * minutes);
  if (minutes < 60) return absl::StrFormat("%d:%04.1f", minutes, rest);
  return absl::StrFormat("%d:%02d:%04.1f", minutes / 60, minutes % 60, rest);
}

}  // namespace

std::string TranscriptsJson(const std::vector<TranscribedFile>& files) {
  base::JsonWriter json;
  json.BeginDocument("lluda.transcribe/1").Key("files").BeginArray();
  for (const TranscribedFile& file : files) {
    json.BeginObject().Key("file").String(file.file).Key("seconds").Number(file.seconds);
    json.Key("compute_seconds").Number(file.compute_seconds);
    json.Key("language").String(file.transcript.Language());
    json.Key("text").String(file.transcript.Text());
    json.Key("cancelled").Bool(file.transcript.cancelled).Key("pieces").BeginArray();
    for (const engine::TranscribedPiece& piece : file.transcript.pieces) AddPiece(piece, &json);
    json.EndArray().EndObject();
  }
  return json.EndArray().EndDocument();
}

std::vector<std::string> UnfinishedPieces(const engine::Transcript& transcript) {
  std::vector<std::string> lines;
  for (const engine::TranscribedPiece& piece : transcript.pieces) {
    const std::string span = absl::StrCat(Clock(piece.begin), " to ", Clock(piece.end));
    if (piece.finish == engine::FinishReason::kLength) {
      lines.push_back(absl::StrCat("the text of ", span, " was cut off after ", piece.text_tokens,
                                   " tokens, more than anybody speaks"));
    } else if (piece.finish == engine::FinishReason::kContext) {
      lines.push_back(absl::StrCat("the text of ", span, " ends where the context was full"));
    }
  }
  return lines;
}

}  // namespace lluda::tools
