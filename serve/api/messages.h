// The messages and tools of a chat request, made into what a chat template takes.
#ifndef LLUDA_SERVE_API_MESSAGES_H_
#define LLUDA_SERVE_API_MESSAGES_H_

#include "serve/api/field.h"
#include "serve/api/generation_request.h"

namespace lluda::api {

inline constexpr size_t kMostMessages = 2048;
inline constexpr size_t kMostTools = 128;

// "messages": a list of at least one.
Refusal ReadMessages(const Field& field, GenerationRequest* request);
// "tools": functions, no two of one name.
Refusal ReadTools(const Field& field, GenerationRequest* request);
// "tool_choice"; whether a tool that it names is declared is for the caller to see.
Refusal ReadToolChoice(const Field& field, GenerationRequest* request);

}  // namespace lluda::api

#endif  // LLUDA_SERVE_API_MESSAGES_H_
