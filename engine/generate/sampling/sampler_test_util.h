// For tests of what samplers draw: how often each token comes, and which ones come at all.
//
//   SamplerOptions options;
//   options.top_k = 1;
//   Support(options, {1, 3, 2})   // {1}
#ifndef LLUDA_ENGINE_GENERATE_SAMPLING_SAMPLER_TEST_UTIL_H_
#define LLUDA_ENGINE_GENERATE_SAMPLING_SAMPLER_TEST_UTIL_H_

#include <cstdint>
#include <map>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "engine/generate/sampling/sampler.h"

namespace lluda::engine {

// A sampler with scratch of its own.
class OneSampler {
 public:
  OneSampler(const SamplerOptions& options, int64_t vocab_size);
  absl::Status AddPrompt(absl::Span<const int32_t> ids) { return sampler_->AddPrompt(ids); }
  absl::StatusOr<int32_t> Sample(absl::Span<const float> logits) {
    return sampler_->Sample(logits, &scratch_);
  }

 private:
  absl::StatusOr<Sampler> sampler_;
  SamplerScratch scratch_;
};

// How often each token comes in `draws` draws without history.
std::map<int32_t, int> Frequencies(const SamplerOptions& options, const std::vector<float>& logits,
                                   int draws);

// Each frequency within four and a half standard deviations of the binomial distribution.
void ExpectDistribution(const std::map<int32_t, int>& count, const std::vector<double>& expected,
                        int draws);

// The tokens that a filter leaves: every one of them has to come at least once.
std::vector<int32_t> Support(const SamplerOptions& options, const std::vector<float>& logits);

}  // namespace lluda::engine

#endif  // LLUDA_ENGINE_GENERATE_SAMPLING_SAMPLER_TEST_UTIL_H_
