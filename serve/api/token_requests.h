// /tokenize and /detokenize.
#ifndef LLUDA_SERVE_API_TOKEN_REQUESTS_H_
#define LLUDA_SERVE_API_TOKEN_REQUESTS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "frontends/tokenizer/tokenizer.h"
#include "serve/api/error.h"
#include "serve/api/generation_request.h"

namespace lluda::api {

struct TokenizeRequest {
  std::string content;
  bool has_content = false;
  bool add_special = false;   // what the tokenizer puts around a text
  bool parse_special = true;  // special tokens that are spelt out in the text
  bool with_pieces = false;
  std::vector<std::string> ignored;
};
Refusal ReadTokenizeRequest(absl::string_view body, const ReadOptions& options,
                            TokenizeRequest* request);

struct DetokenizeRequest {
  std::vector<int32_t> tokens;
  bool has_tokens = false;
  int64_t vocabulary = 0;
  std::vector<std::string> ignored;
};
Refusal ReadDetokenizeRequest(absl::string_view body, const ReadOptions& options,
                              DetokenizeRequest* request);

// {"tokens": [1, 2]}; with pieces, {"tokens": [{"id": 1, "piece": "a"}]}, where a piece that is no
// whole characters is a list of its bytes.
std::string TokensJson(const tokenizer::Tokenizer& tokenizer, const std::vector<int32_t>& tokens,
                       bool with_pieces);

}  // namespace lluda::api

#endif  // LLUDA_SERVE_API_TOKEN_REQUESTS_H_
