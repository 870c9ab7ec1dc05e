// Picks the next token from a model's logits: penalties, filters, and a seeded draw.
//
//   SamplerOptions options;
//   options.temperature = 0.7f;
//   options.top_k = 40;
//   absl::StatusOr<Sampler> sampler = Sampler::Create(options, vocab_size);
//   sampler->AddPrompt(prompt_ids);
//   SamplerScratch scratch;   // of a thread, for any number of samplers
//   absl::StatusOr<int32_t> next = sampler->Sample(logits, &scratch);
//
// First the biases of single tokens are added. Where a filter is given, a grammar's, what it does
// not allow counts as -inf; if it allows but one token, that is it, without a random number. The
// steps behind that and their order are those of Hugging Face transformers' generate():
//   1. repetition penalty r, for each distinct token of prompt and output so far:
//      x > 0 ? x / r : x * r (Keskar et al. 2019, CTRL, section 4.1)
//   2. frequency and presence penalty, for each token generated so far (the prompt does not count,
//      as in the OpenAI API): x - frequency * count - presence
//   3. temperature: x / temperature
//   4. top-k: keeps the k largest; all that equal the k-th largest stay
//   5. top-p (Holtzman et al. 2020): keeps the fewest most likely tokens whose probabilities reach
//      top_p together; of equally likely tokens the lower id is kept first
//   6. min-p (Nguyen et al. 2024): keeps tokens at least min_p times as likely as the likeliest
//   7. a draw from what is left, renormalised
// Temperature 0 is greedy: the largest logit after 1 and 2, the lowest id of equals; 3 to 7 are
// skipped.
//
// A filter is asked of as few tokens as will do: of the largest logits until one, or top-k of them,
// are allowed. Only if they are far down, or all count, is it asked for its mask. The token is the
// same.
//
// The random numbers are SplitMix64's and the exponentials base/portable_exp's, so that a seed means
// the same on every machine. A sampler holds its options and the tokens so far, a few bytes each.
#ifndef LLUDA_ENGINE_GENERATE_SAMPLING_SAMPLER_H_
#define LLUDA_ENGINE_GENERATE_SAMPLING_SAMPLER_H_

#include <cstdint>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "base/random.h"
#include "engine/grammar/token_filter.h"

namespace lluda::engine {

// What is added to a token's logit.
struct TokenBias {
  int32_t token;
  float bias;  // in [-100, 100]
};

// The defaults change nothing: a plain draw from the model's distribution.
struct SamplerOptions {
  float temperature = 1.0f;         // >= 0; 0 is greedy
  int64_t top_k = 0;                // >= 0; 0 is off
  float top_p = 1.0f;               // in (0, 1]; 1 is off
  float min_p = 0.0f;               // in [0, 1]; 0 is off
  float repetition_penalty = 1.0f;  // > 0; 1 is off
  float presence_penalty = 0.0f;    // any finite number; 0 is off
  float frequency_penalty = 0.0f;   // any finite number; 0 is off
  uint64_t seed = 0;
  std::vector<TokenBias> logit_bias;  // tokens of the vocabulary, none twice; before all else
};

// InvalidArgument with the option's name, its range and the value given.
absl::Status ValidateSamplerOptions(const SamplerOptions& options);

// The largest of a token's logits, of which there is one at least. Internal, naming the first, where one
// is NaN or +inf, and where all are -inf: they choose no token, and predict none.
absl::StatusOr<float> CheckedMaximum(absl::Span<const float> logits);

// What Sample computes with: some 20 bytes for each token of the vocabulary, reserved at the first
// use. One thread at a time.
class SamplerScratch {
 private:
  friend class Sampler;
  struct Candidate {
    int32_t id;
    float weight;  // likelihood relative to the likeliest token, in (0, 1]
  };
  std::vector<float> penalized_;  // biased as well
  std::vector<float> masked_;
  std::vector<int32_t> top_;
  std::vector<float> largest_;
  std::vector<Candidate> candidates_;  // by ascending id
  std::vector<Candidate> boundary_;
  std::vector<double> bucket_weight_;
};

class Sampler {
 public:
  // InvalidArgument for bad options, a bias of a token outside the vocabulary, or vocab_size < 1.
  static absl::StatusOr<Sampler> Create(const SamplerOptions& options, int64_t vocab_size);

  // Tokens the model was given. InvalidArgument, and nothing recorded, if one is outside
  // [0, vocab_size).
  absl::Status AddPrompt(absl::Span<const int32_t> ids);

  // The next token; it counts as generated from then on. `logits` holds vocab_size values, -inf
  // for a token that must not come. What the scratch held does not matter. InvalidArgument for a
  // wrong size; Internal for a NaN, a +inf (before or after the penalties), or if all are -inf, or
  // all that the filter allows.
  absl::StatusOr<int32_t> Sample(absl::Span<const float> logits, SamplerScratch* scratch,
                                 grammar::TokenFilter* filter = nullptr);

  // How many of the largest logits Sample looks at, where no filter is given: what the others are is
  // the same to it. 0: at all of them.
  int64_t logits_needed() const;

  // A token below vocab_size that has come without being asked for; it counts as generated.
  void Count(int32_t id) { ++generated_[id]; }

 private:
  using Candidate = SamplerScratch::Candidate;

  Sampler(const SamplerOptions& options, int64_t vocab_size)
      : options_(options), vocab_size_(vocab_size), random_(options.seed) {}
  absl::StatusOr<int32_t> Choose(const float* scores, float maximum, SamplerScratch* scratch,
                                 grammar::TokenFilter* filter);
  bool HasTopK() const { return options_.top_k > 0 && options_.top_k < vocab_size_; }
  const float* Penalize(absl::Span<const float> logits, SamplerScratch* scratch) const;
  float TopKThreshold(const float* scores, SamplerScratch* scratch) const;
  // Leaves the ids of the `count` largest scores in scratch->top_: the largest first, of equals the
  // lowest id.
  void FindTop(const float* scores, int64_t count, SamplerScratch* scratch) const;
  // The scores with -inf for what the filter does not allow.
  const float* Mask(const float* scores, SamplerScratch* scratch,
                    grammar::TokenFilter* filter) const;
  // Those of scores of at least `threshold` that the filter allows, if there is one.
  void Gather(const float* scores, float threshold, float max_score, SamplerScratch* scratch,
              grammar::TokenFilter* filter) const;
  void KeepTopP(SamplerScratch* scratch) const;
  int32_t Draw(const std::vector<Candidate>& candidates);

  SamplerOptions options_;
  int64_t vocab_size_;
  base::SplitMix64 random_;
  // Of each distinct token of prompt and output: how often it was generated.
  absl::flat_hash_map<int32_t, int32_t> generated_;
};

}  // namespace lluda::engine

#endif  // LLUDA_ENGINE_GENERATE_SAMPLING_SAMPLER_H_
