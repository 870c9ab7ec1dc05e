// The field that is a text, tokens, or several of either: `prompt` of completions, `input` of
// embeddings.
#ifndef LLUDA_SERVE_API_PROMPT_FIELD_H_
#define LLUDA_SERVE_API_PROMPT_FIELD_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "serve/api/field.h"
#include "serve/api/generation_request.h"

namespace lluda::api {

// One for a text or a list of tokens, up to `most` for a list of them; none of them is empty, and
// tokens are below `vocabulary`.
Refusal ReadPrompts(const Field& field, int64_t vocabulary, size_t most,
                    std::vector<Prompt>* prompts);

// A list of tokens, with or without any.
Refusal ReadTokens(const Field& field, int64_t vocabulary, size_t least,
                   std::vector<int32_t>* tokens);

}  // namespace lluda::api

#endif  // LLUDA_SERVE_API_PROMPT_FIELD_H_
