// What answers depend on beside their requests, in a few digits: services of equal fingerprints give
// equal answers, byte for byte.
//
//   absl::StatusOr<std::vector<FingerprintPart>> parts = FingerprintParts(model.get());
//   parts->push_back({"response", "1"});   // what a caller makes of the answers
//   SystemFingerprint(*parts);             // "lluda-1f0e9a3c5d7b2468"
//
// The parts are digests of contents, not of files' names or dates: a model that was downloaded again
// keeps its fingerprint. Threads, slots, time limits and versions that change no answer are no parts.
#ifndef LLUDA_ENGINE_SERVICE_FINGERPRINT_H_
#define LLUDA_ENGINE_SERVICE_FINGERPRINT_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "engine/model.h"

namespace lluda::engine {

struct FingerprintPart {
  std::string name;
  std::string value;
};

// Raised when the same logits give other tokens, or the same tokens another text.
inline constexpr int kSamplerRevision = 1;
inline constexpr int kTextRevision = 1;

// The weights as the kernels read them, the module that the kernels were compiled from (so numbers,
// KV cache and the longest context), what made them, their instruction set, the tokenizer, how
// conversations are written, and the defaults for sampling. Reads all weights, on the model's
// threads, unless they are in a bundle, which has their digest. No session of the model is at work.
// FailedPrecondition for a model that was loaded without LoadOptions::identify.
absl::StatusOr<std::vector<FingerprintPart>> FingerprintParts(Model* model);

// "lluda-" and 16 hexadecimal digits.
std::string SystemFingerprint(absl::Span<const FingerprintPart> parts);

}  // namespace lluda::engine

#endif  // LLUDA_ENGINE_SERVICE_FINGERPRINT_H_
