#include "engine/generate/sampling/sampler.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <functional>
#include <limits>
#include <optional>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "base/portable_exp.h"
#include "base/status_macros.h"

namespace lluda::engine {
namespace {

constexpr float kMaxBias = 100;
constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kLargestScore = std::numeric_limits<float>::max();

// Below this a heap of k beats partitioning a copy of all logits.
constexpr int64_t kLargestHeap = 256;

// How many of the largest logits a filter is asked of before it is asked for its mask: so many, and
// so many for each token that is wanted.
constexpr int64_t kAskedAtLeast = 32;
constexpr int64_t kAskedPerToken = 4;

// Top-p sorts weights into buckets by sign, exponent and the upper 5 mantissa bits; for positive
// floats the order of the bits is the order of the values.
constexpr int kBucketShift = 18;
constexpr int kBucketOfOne = 0x3f800000 >> kBucketShift;

int Bucket(float weight) {
  uint32_t bits;
  std::memcpy(&bits, &weight, sizeof(bits));
  return static_cast<int>(bits >> kBucketShift);
}

absl::Status OutOfRange(const char* option, const char* range, double value) {
  return absl::InvalidArgumentError(absl::StrCat(option, " must be ", range, ", got ", value));
}

}  // namespace

absl::StatusOr<float> CheckedMaximum(absl::Span<const float> logits) {
  const float* scores = logits.data();
  const auto size = static_cast<int64_t>(logits.size());
  // Independent lanes, so that the compiler can use vector instructions.
  constexpr int kLanes = 16;
  float lane_max[kLanes];
  uint32_t lane_bad[kLanes] = {};
  std::fill(lane_max, lane_max + kLanes, -kInfinity);
  int64_t i = 0;
  for (; i + kLanes <= size; i += kLanes) {
    for (int lane = 0; lane < kLanes; ++lane) {
      const float x = scores[i + lane];
      lane_max[lane] = x > lane_max[lane] ? x : lane_max[lane];
      lane_bad[lane] |= !(x < kInfinity);
    }
  }
  for (; i < size; ++i) {
    lane_max[0] = std::max(lane_max[0], scores[i]);
    lane_bad[0] |= !(scores[i] < kInfinity);
  }
  uint32_t bad = 0;
  for (const uint32_t lane : lane_bad) bad |= lane;
  if (bad != 0) {
    const float* at = std::find_if(scores, scores + size, [](float x) { return !(x < kInfinity); });
    return absl::InternalError(
        absl::StrCat("the logit of token ", at - scores, " is ", std::isnan(*at) ? "NaN" : "+inf"));
  }
  const float maximum = *std::max_element(lane_max, lane_max + kLanes);
  if (maximum == -kInfinity) return absl::InternalError("all logits are -inf: no token can follow");
  return maximum;
}

absl::Status ValidateSamplerOptions(const SamplerOptions& options) {
  // Written so that NaN fails each of them.
  const auto& o = options;
  if (!(o.temperature >= 0 && o.temperature < kInfinity)) {
    return OutOfRange("temperature", "a finite number >= 0", o.temperature);
  }
  if (o.top_k < 0) return OutOfRange("top_k", ">= 0 (0 turns it off)", o.top_k);
  if (!(o.top_p > 0 && o.top_p <= 1)) return OutOfRange("top_p", "in (0, 1]", o.top_p);
  if (!(o.min_p >= 0 && o.min_p <= 1)) return OutOfRange("min_p", "in [0, 1]", o.min_p);
  if (!(o.repetition_penalty > 0 && o.repetition_penalty < kInfinity)) {
    return OutOfRange("repetition_penalty", "a finite number > 0", o.repetition_penalty);
  }
  if (!std::isfinite(o.presence_penalty)) {
    return OutOfRange("presence_penalty", "a finite number", o.presence_penalty);
  }
  if (!std::isfinite(o.frequency_penalty)) {
    return OutOfRange("frequency_penalty", "a finite number", o.frequency_penalty);
  }
  absl::flat_hash_set<int32_t> biased;
  for (const TokenBias& bias : o.logit_bias) {
    if (!(bias.bias >= -kMaxBias && bias.bias <= kMaxBias)) {
      return OutOfRange("logit_bias", "in [-100, 100]", bias.bias);
    }
    if (!biased.insert(bias.token).second) {
      return absl::InvalidArgumentError(
          absl::StrCat("logit_bias has token ", bias.token, " twice"));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<Sampler> Sampler::Create(const SamplerOptions& options, int64_t vocab_size) {
  RETURN_IF_ERROR(ValidateSamplerOptions(options));
  if (vocab_size < 1 || vocab_size > std::numeric_limits<int32_t>::max()) {
    return absl::InvalidArgumentError(absl::StrCat("cannot sample from ", vocab_size, " tokens"));
  }
  for (const TokenBias& bias : options.logit_bias) {
    if (bias.token >= 0 && bias.token < vocab_size) continue;
    return absl::InvalidArgumentError(absl::StrCat("logit_bias has token ", bias.token,
                                                   ", the vocabulary has 0 to ", vocab_size - 1));
  }
  return Sampler(options, vocab_size);
}

absl::Status Sampler::AddPrompt(absl::Span<const int32_t> ids) {
  for (const int32_t id : ids) {
    if (id < 0 || id >= vocab_size_) {
      return absl::InvalidArgumentError(
          absl::StrCat("token ", id, " is outside the vocabulary of ", vocab_size_));
    }
  }
  for (const int32_t id : ids) generated_.try_emplace(id, 0);
  return absl::OkStatus();
}

absl::StatusOr<int32_t> Sampler::Sample(absl::Span<const float> logits, SamplerScratch* scratch,
                                        grammar::TokenFilter* filter) {
  if (static_cast<int64_t>(logits.size()) != vocab_size_) {
    return absl::InvalidArgumentError(
        absl::StrCat("got ", logits.size(), " logits for a vocabulary of ", vocab_size_));
  }
  const float* scores = Penalize(logits, scratch);
  ASSIGN_OR_RETURN(const float maximum, CheckedMaximum({scores, static_cast<size_t>(vocab_size_)}));
  std::optional<int32_t> id;
  if (filter != nullptr) id = filter->OnlyToken();
  if (!id.has_value()) {
    ASSIGN_OR_RETURN(id, Choose(scores, maximum, scratch, filter));
  }
  Count(*id);
  return *id;
}

int64_t Sampler::logits_needed() const {
  const auto& o = options_;
  const bool changed = o.repetition_penalty != 1 || o.presence_penalty != 0 ||
                       o.frequency_penalty != 0 || !o.logit_bias.empty();
  if (changed) return 0;
  if (o.temperature == 0) return 1;
  return HasTopK() ? o.top_k : 0;
}

absl::StatusOr<int32_t> Sampler::Choose(const float* scores, float maximum, SamplerScratch* scratch,
                                        grammar::TokenFilter* filter) {
  const bool is_greedy = options_.temperature == 0;
  const auto find = [&](float score) {
    return static_cast<int32_t>(std::find(scores, scores + vocab_size_, score) - scores);
  };
  // How many of the largest scores decide; 0: all of them.
  const int64_t deciding = is_greedy ? 1 : HasTopK() ? options_.top_k : 0;
  if (is_greedy) {
    const int32_t id = find(maximum);
    if (filter == nullptr || filter->Allows(id)) return id;
  }
  float threshold = -kInfinity;
  bool is_found = false;
  if (filter != nullptr && deciding > 0 && deciding <= kLargestHeap) {
    FindTop(scores, std::min(vocab_size_, kAskedAtLeast + kAskedPerToken * deciding), scratch);
    int64_t allowed = 0;
    for (const int32_t id : scratch->top_) {
      if (scores[id] == -kInfinity) break;
      if (!filter->Allows(id)) continue;
      if (is_greedy) return id;
      if (++allowed == 1) maximum = scores[id];
      threshold = scores[id];
      is_found = allowed == deciding;
      if (is_found) break;
    }
  }
  if (filter != nullptr && !is_found) {
    scores = Mask(scores, scratch, filter);
    filter = nullptr;
    maximum = *std::max_element(scores, scores + vocab_size_);
    if (maximum == -kInfinity) {
      return absl::InternalError("all tokens that are allowed have the logit -inf");
    }
    if (is_greedy) return find(maximum);
  }
  if (!is_found && deciding > 0) threshold = TopKThreshold(scores, scratch);
  Gather(scores, threshold, maximum, scratch, filter);
  if (options_.top_p < 1) KeepTopP(scratch);
  return Draw(scratch->candidates_);
}

// The logits themselves when there is no bias and no penalty is on, otherwise a changed copy.
const float* Sampler::Penalize(absl::Span<const float> logits, SamplerScratch* scratch) const {
  const SamplerOptions& o = options_;
  const bool off = o.repetition_penalty == 1 && o.presence_penalty == 0 && o.frequency_penalty == 0;
  const bool is_penalized = !off && !generated_.empty();
  if (!is_penalized && o.logit_bias.empty()) return logits.data();
  std::vector<float>& penalized = scratch->penalized_;
  penalized.assign(logits.begin(), logits.end());
  for (const TokenBias& bias : o.logit_bias)
    penalized[static_cast<size_t>(bias.token)] += bias.bias;
  if (!is_penalized) return penalized.data();
  for (const auto& [id, count] : generated_) {
    const float logit = penalized[static_cast<size_t>(id)];
    float x = logit > 0 ? logit / o.repetition_penalty : logit * o.repetition_penalty;
    if (count > 0) {
      x -= o.frequency_penalty * static_cast<float>(count) + o.presence_penalty;
    }
    // One that overflows makes its token the likeliest there can be; -inf stays what it is.
    if (logit < kInfinity && !(x < kInfinity)) x = logit == -kInfinity ? logit : kLargestScore;
    penalized[static_cast<size_t>(id)] = x;
  }
  return penalized.data();
}

// The k-th largest score. Needs 1 <= k < vocab_size.
float Sampler::TopKThreshold(const float* scores, SamplerScratch* scratch) const {
  std::vector<float>& largest = scratch->largest_;
  const int64_t k = options_.top_k;
  const std::greater<float> descending;
  if (k > kLargestHeap) {
    largest.assign(scores, scores + vocab_size_);
    std::nth_element(largest.begin(), largest.begin() + (k - 1), largest.end(), descending);
    return largest[k - 1];
  }
  // With `descending` the heap's front is the smallest of the k largest so far.
  largest.assign(scores, scores + k);
  std::make_heap(largest.begin(), largest.end(), descending);
  for (int64_t i = k; i < vocab_size_; ++i) {
    if (scores[i] <= largest.front()) continue;
    std::pop_heap(largest.begin(), largest.end(), descending);
    largest.back() = scores[i];
    std::push_heap(largest.begin(), largest.end(), descending);
  }
  return largest.front();
}

void Sampler::FindTop(const float* scores, int64_t count, SamplerScratch* scratch) const {
  std::vector<int32_t>& top = scratch->top_;
  top.clear();
  const auto is_before = [scores](int32_t a, int32_t b) {
    return scores[a] != scores[b] ? scores[a] > scores[b] : a < b;
  };
  for (int32_t id = 0; id < static_cast<int32_t>(vocab_size_); ++id) {
    if (id < count) {
      top.push_back(id);
      std::push_heap(top.begin(), top.end(), is_before);
    } else if (scores[id] > scores[top.front()]) {
      std::pop_heap(top.begin(), top.end(), is_before);
      top.back() = id;
      std::push_heap(top.begin(), top.end(), is_before);
    }
  }
  std::sort_heap(top.begin(), top.end(), is_before);
}

const float* Sampler::Mask(const float* scores, SamplerScratch* scratch,
                           grammar::TokenFilter* filter) const {
  std::vector<float>& masked = scratch->masked_;
  masked.assign(static_cast<size_t>(vocab_size_), -kInfinity);
  const absl::Span<const uint64_t> mask = filter->Mask();
  for (size_t id = 0; id < masked.size(); ++id) {
    if (mask[id / 64] >> (id % 64) & 1) masked[id] = scores[id];
  }
  return masked.data();
}

// Without those too unlikely to have a weight.
void Sampler::Gather(const float* scores, float threshold, float max_score, SamplerScratch* scratch,
                     grammar::TokenFilter* filter) const {
  // Rounded to a float, the exponential is 0 below this.
  constexpr float kSmallestExponent = -104.0f;
  std::vector<Candidate>& candidates = scratch->candidates_;
  candidates.clear();
  for (int64_t i = 0; i < vocab_size_; ++i) {
    if (scores[i] < threshold) continue;
    const float exponent = (scores[i] - max_score) / options_.temperature;
    if (exponent < kSmallestExponent) continue;
    if (filter != nullptr && !filter->Allows(static_cast<int32_t>(i))) continue;
    const auto weight = static_cast<float>(base::PortableExp(exponent));
    if (weight > 0) candidates.push_back({static_cast<int32_t>(i), weight});
  }
}

// Finds where the likeliest tokens reach top_p without sorting them all: sums the weights by
// bucket, walks the buckets from the likeliest down, and sorts only the bucket in which the sum
// passes top_p.
void Sampler::KeepTopP(SamplerScratch* scratch) const {
  std::vector<double>& bucket_weight = scratch->bucket_weight_;
  std::vector<Candidate>& candidates = scratch->candidates_;
  std::vector<Candidate>& boundary = scratch->boundary_;
  bucket_weight.assign(kBucketOfOne + 1, 0.0);
  for (const Candidate& c : candidates) bucket_weight[Bucket(c.weight)] += c.weight;
  // Summed in the order of the walk below, so that the walk is sure to end in a bucket with weight.
  double total = 0;
  for (int bucket = kBucketOfOne; bucket >= 0; --bucket) total += bucket_weight[bucket];
  const double wanted = options_.top_p * total;
  double above = 0;
  int bucket = kBucketOfOne;
  while (above + bucket_weight[bucket] < wanted) above += bucket_weight[bucket--];

  boundary.clear();
  for (const Candidate& c : candidates) {
    if (Bucket(c.weight) == bucket) boundary.push_back(c);
  }
  std::sort(boundary.begin(), boundary.end(), [](const Candidate& a, const Candidate& b) {
    return a.weight != b.weight ? a.weight > b.weight : a.id < b.id;
  });
  // A token stays while those before it have not reached top_p.
  Candidate last{-1, kInfinity};
  for (const Candidate& c : boundary) {
    if (above >= wanted) break;
    last = c;
    above += c.weight;
  }
  const auto dropped = [&last](const Candidate& c) {
    return c.weight < last.weight || (c.weight == last.weight && c.id > last.id);
  };
  candidates.erase(std::remove_if(candidates.begin(), candidates.end(), dropped), candidates.end());
}

// Draws one of the candidates that min-p leaves.
int32_t Sampler::Draw(const std::vector<Candidate>& candidates) {
  double total = 0;
  for (const Candidate& c : candidates) {
    if (c.weight >= options_.min_p) total += c.weight;
  }
  double rest = random_.NextUnit() * total;
  int32_t last = -1;
  for (const Candidate& c : candidates) {
    if (c.weight < options_.min_p) continue;
    last = c.id;
    rest -= c.weight;
    if (rest < 0) break;
  }
  // Rounding may leave a little of the rest: then the last candidate it is.
  return last;
}

}  // namespace lluda::engine
