// The API's errors: a status, a word for programs, a line for people, and the field that it is about.
//
//   ApiError error = {400, "invalid_value", "temperature", "temperature: must be at most 2, is 3"};
//   ErrorJson(error);   // {"error": {"message": ..., "type": "invalid_request_error", ...}}
#ifndef LLUDA_SERVE_API_ERROR_H_
#define LLUDA_SERVE_API_ERROR_H_

#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace lluda::api {

struct ApiError {
  int status = 400;
  std::string code;
  std::string param;  // "messages[2].role"; empty: it is about no field
  std::string message;
};

// What a reader found wrong; nothing, if all was right.
using Refusal = std::optional<ApiError>;

// "invalid_request_error" of 400.
absl::string_view ErrorType(int status);

std::string ErrorJson(const ApiError& error);

// Of a schema, an expression or tools, all of which become grammars: why they did not, or why a text
// of one was given up. It is what this field asks for, so asking again is no help.
ApiError GrammarError(absl::string_view param, const absl::Status& status);

// What has no better name: an error of the engine, as the API says it.
ApiError ErrorOf(const absl::Status& status);

}  // namespace lluda::api

#endif  // LLUDA_SERVE_API_ERROR_H_
