#include "serve/api/error.h"

#include "absl/strings/str_cat.h"
#include "base/json/json_writer.h"
#include "base/utf8.h"

namespace lluda::api {
namespace {

struct TypeRow {
  int status;
  absl::string_view type;
};
constexpr TypeRow kTypes[] = {
    {401, "authentication_error"}, {403, "permission_error"}, {429, "rate_limit_error"},
    {500, "server_error"},         {503, "server_error"},
};

struct StatusRow {
  absl::StatusCode from;
  int status;
  absl::string_view code;
};
// What the service says of a request, and what it may end with.
constexpr StatusRow kStatuses[] = {
    {absl::StatusCode::kInvalidArgument, 400, "invalid_value"},
    {absl::StatusCode::kFailedPrecondition, 400, "invalid_value"},
    {absl::StatusCode::kOutOfRange, 400, "context_length_exceeded"},
    {absl::StatusCode::kResourceExhausted, 429, "queue_full"},
    {absl::StatusCode::kDeadlineExceeded, 503, "queue_timeout"},
    {absl::StatusCode::kAborted, 503, "request_timeout"},
    {absl::StatusCode::kUnavailable, 503, "draining"},
};

}  // namespace

absl::string_view ErrorType(int status) {
  for (const TypeRow& row : kTypes) {
    if (row.status == status) return row.type;
  }
  return "invalid_request_error";
}

std::string ErrorJson(const ApiError& error) {
  base::JsonWriter json;
  json.BeginObject().Key("error").BeginObject();
  json.Key("message").String(base::ReplaceInvalidUtf8(error.message));
  const absl::string_view type = ErrorType(error.status);
  json.Key("type").String(type).Key("param");
  error.param.empty() ? json.Null() : json.String(base::ReplaceInvalidUtf8(error.param));
  json.Key("code").String(error.code).EndObject().EndObject();
  return json.text();
}

ApiError GrammarError(absl::string_view param, const absl::Status& status) {
  const bool is_complex = absl::IsResourceExhausted(status);
  return {400, is_complex ? "schema_too_complex" : "schema_unsupported", std::string(param),
          absl::StrCat(param, ": ", status.message())};
}

ApiError ErrorOf(const absl::Status& status) {
  const std::string message(status.message());
  for (const StatusRow& row : kStatuses) {
    if (row.from == status.code()) return {row.status, std::string(row.code), "", message};
  }
  return {500, "internal_error", "", message};
}

}  // namespace lluda::api
