// What a model thought of the token it gave: its probability and the likeliest others, by the
// model's own distribution, before anything that a sampler makes of it.
//
//   TokenChances chances = ChancesOf(logits, token, /*top=*/5);
//   chances.likeliest[0].log_probability   // -0.02, say
//
// In double precision with exponential and logarithm of our own, summed in the order of ids: the
// same bits on every machine.
#ifndef LLUDA_ENGINE_SERVICE_CHANCES_H_
#define LLUDA_ENGINE_SERVICE_CHANCES_H_

#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "engine/service/service.h"

namespace lluda::engine {

struct TokenChances {
  double log_probability = 0;          // of the token
  std::vector<TokenChance> likeliest;  // the likeliest first; of equals the lower id
};

// `logits` are finite or -inf, not all of them -inf; tokens that cannot come, at -inf, are never
// among the likeliest. The token is below logits.size(), `top` at least 0.
TokenChances ChancesOf(absl::Span<const float> logits, int32_t token, int top);

}  // namespace lluda::engine

#endif  // LLUDA_ENGINE_SERVICE_CHANCES_H_
