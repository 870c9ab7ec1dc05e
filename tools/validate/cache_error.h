// What a KV cache of int8 costs: how far a model's logits are from those with the cache that its
// precision has, on a text that the model writes itself.
//
//   absl::StatusOr<CacheError> error = MeasureCacheError(options, load, {1, 5, 2});
//   CacheErrorText(*error, "bf16");
//   // "logits of 256 tokens: NMSE 1.4e-05 of 1.0e-03 against a bf16 cache, of a token 9.1e-05 at
//   // most; likeliest token equal 255 of 256"
#ifndef LLUDA_TOOLS_VALIDATE_CACHE_ERROR_H_
#define LLUDA_TOOLS_VALIDATE_CACHE_ERROR_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "base/json/json_writer.h"
#include "engine/model.h"
#include "tools/inspect/optimised_model.h"

namespace lluda::tools {

struct CacheError {
  int64_t tokens = 0;           // how many tokens' logits were compared
  double nmse = 0;              // ||difference||^2 / ||logits||^2, over all of them
  double largest_nmse = 0;      // of one token's logits
  int64_t likeliest_equal = 0;  // tokens after which both find the same one likeliest

  // Written so that a NaN is not.
  bool within_bound() const;
};

// Continues `start`, at least one token, to 256 tokens (fewer if the context is shorter) by drawing
// from the distribution that the model gives with an unquantised cache, seeded; then gives it the
// same tokens with the cache that the options ask for, which is int8. Loads the model twice, one
// after the other, and holds the logits of all tokens. The model is none that is compiled already.
absl::StatusOr<CacheError> MeasureCacheError(const engine::LoadOptions& options,
                                             const ModelLoader& load,
                                             absl::Span<const int32_t> start);

std::string CacheErrorText(const CacheError& error, absl::string_view unquantised);
// As the value of a key.
void AddCacheError(const CacheError& error, base::JsonWriter* json);

}  // namespace lluda::tools

#endif  // LLUDA_TOOLS_VALIDATE_CACHE_ERROR_H_
