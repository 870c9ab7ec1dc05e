#include "serve/call.h"

#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "serve/api/answer/answer.h"

namespace lluda::serve {
namespace {

// nginx's word for a client that has closed the connection, in logs and figures alone.
constexpr int kClientGone = 499;

}  // namespace

void Recorder::Record(const std::string& route, const LogEntry& entry) const {
  counters->CountRequest(route, entry.status);
  if (!entry.error_code.empty()) counters->CountRejected(entry.error_code);
  if (entry.generation) counters->CountFinished(entry.generation->finish);
  const auto now = std::chrono::duration_cast<std::chrono::milliseconds>(
      std::chrono::system_clock::now().time_since_epoch());
  std::string line = LogLine(format, entry, now);
  if (!line.empty()) write(std::move(line));
  if (write_text && entry.generation) write_text(TextLogLine(entry, now));
}

http::Response JsonResponse(int status, std::string body) {
  return {status,
          {{"Content-Type", "application/json"}, {"Cache-Control", "no-store"}},
          std::move(body)};
}

http::Response ErrorResponse(const api::ApiError& error) {
  http::Response response = JsonResponse(error.status, api::ErrorJson(error));
  if (error.status == 401) response.headers.push_back({"WWW-Authenticate", "Bearer"});
  return response;
}

double Call::Seconds() const {
  return std::chrono::duration<double>(Clock::now() - start_).count();
}

void Call::Record(int status, std::string code, std::optional<GenerationLog> generation) {
  entry_.status = status;
  entry_.seconds = Seconds();
  entry_.error_code = std::move(code);
  entry_.generation = std::move(generation);
  recorder_->Record(route_, entry_);
}

http::Response Call::WithHeaders(http::Response response) const {
  response.headers.insert(response.headers.end(), headers_.begin(), headers_.end());
  return response;
}

// Whoever has an answer may end the server: what is to be written down of it, is by then.
void Call::Respond(http::Response response, std::optional<GenerationLog> generation) {
  Record(response.status, "", std::move(generation));
  responder_->Respond(WithHeaders(std::move(response)));
}

void Call::Refuse(const api::ApiError& error, std::optional<GenerationLog> generation) {
  Record(error.status, error.code, std::move(generation));
  responder_->Respond(WithHeaders(ErrorResponse(error)));
}

void Call::AddRetryAfter(const api::ApiError& error, double seconds) {
  if (error.status != 429 && error.status != 503) return;
  AddHeader("Retry-After", absl::StrCat(static_cast<int64_t>(std::ceil(seconds))));
}

void Call::PrepareStream() {
  http::Response head = {200,
                         {{"Content-Type", "text/event-stream; charset=utf-8"},
                          {"Cache-Control", "no-store"},
                          {"X-Accel-Buffering", "no"}},
                         ""};
  responder_->PrepareStream(WithHeaders(std::move(head)), std::string(api::kStreamPing));
}

void Call::EndStream(GenerationLog generation) {
  Record(200, "", std::move(generation));
  responder_->EndStream();
}

void Call::FailStream(const api::ApiError& error, std::string last, GenerationLog generation) {
  Record(error.status, error.code, std::move(generation));
  responder_->FailStream(WithHeaders(ErrorResponse(error)), std::move(last));
}

void Call::Gone(GenerationLog generation) { Record(kClientGone, "", std::move(generation)); }

}  // namespace lluda::serve
