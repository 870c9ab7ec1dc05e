// Which tokens may come next: what a sampler asks of a grammar.
#ifndef LLUDA_ENGINE_GRAMMAR_TOKEN_FILTER_H_
#define LLUDA_ENGINE_GRAMMAR_TOKEN_FILTER_H_

#include <cstdint>
#include <optional>

#include "absl/types/span.h"

namespace lluda::grammar {

// The answers agree with one another until the text goes on.
class TokenFilter {
 public:
  virtual ~TokenFilter() = default;

  virtual bool Allows(int32_t token) = 0;
  // Bit t % 64 of word t / 64 is set if token t is allowed; it has a bit for each token of the
  // model. Valid until the text goes on.
  virtual absl::Span<const uint64_t> Mask() = 0;
  // The token, if there is but one.
  virtual std::optional<int32_t> OnlyToken() = 0;
};

}  // namespace lluda::grammar

#endif  // LLUDA_ENGINE_GRAMMAR_TOKEN_FILTER_H_
