// /v1/embeddings: texts in, vectors out.
#ifndef LLUDA_SERVE_API_EMBEDDINGS_H_
#define LLUDA_SERVE_API_EMBEDDINGS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "serve/api/error.h"
#include "serve/api/generation_request.h"

namespace lluda::api {

struct EmbeddingsRequest {
  std::string model;  // empty: the one that is served
  std::vector<Prompt> inputs;
  int64_t dimensions = 0;  // the first so many numbers of each vector; 0: all
  bool base64 = false;     // instead of numbers, their bytes as f32, little-endian
  int64_t vocabulary = 0;  // what tokens are held against
  std::vector<std::string> ignored;
};
Refusal ReadEmbeddingsRequest(absl::string_view body, const ReadOptions& options,
                              EmbeddingsRequest* request);

// `tokens`: of all inputs together.
std::string EmbeddingsJson(const std::string& model, absl::Span<const std::vector<float>> vectors,
                           bool base64, int64_t tokens);

}  // namespace lluda::api

#endif  // LLUDA_SERVE_API_EMBEDDINGS_H_
