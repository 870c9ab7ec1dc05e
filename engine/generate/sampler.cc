#include "engine/generate/sampler.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <functional>
#include <limits>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace lluda::engine {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

// Below this a heap of k beats partitioning a copy of all logits.
constexpr int64_t kLargestHeap = 256;

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

// The largest score, or an error if there is a NaN or +inf, or nothing above -inf.
absl::StatusOr<float> CheckedMaximum(const float* scores, int64_t size) {
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

}  // namespace

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
  return absl::OkStatus();
}

absl::StatusOr<Sampler> Sampler::Create(const SamplerOptions& options, int64_t vocab_size) {
  RETURN_IF_ERROR(ValidateSamplerOptions(options));
  if (vocab_size < 1 || vocab_size > std::numeric_limits<int32_t>::max()) {
    return absl::InvalidArgumentError(absl::StrCat("cannot sample from ", vocab_size, " tokens"));
  }
  return Sampler(options, vocab_size);
}

Sampler::Sampler(const SamplerOptions& options, int64_t vocab_size)
    : options_(options),
      vocab_size_(vocab_size),
      random_(options.seed),
      is_seen_(vocab_size, 0),
      generated_count_(vocab_size, 0),
      penalized_(vocab_size) {
  seen_.reserve(vocab_size);
  largest_.reserve(vocab_size);
  candidates_.reserve(vocab_size);
  boundary_.reserve(vocab_size);
  bucket_weight_.resize(kBucketOfOne + 1);
}

void Sampler::MarkSeen(int32_t id) {
  if (is_seen_[id]) return;
  is_seen_[id] = 1;
  seen_.push_back(id);
}

absl::Status Sampler::AddPrompt(absl::Span<const int32_t> ids) {
  for (const int32_t id : ids) {
    if (id < 0 || id >= vocab_size_) {
      return absl::InvalidArgumentError(
          absl::StrCat("token ", id, " is outside the vocabulary of ", vocab_size_));
    }
  }
  for (const int32_t id : ids) MarkSeen(id);
  return absl::OkStatus();
}

void Sampler::ClearHistory() {
  for (const int32_t id : seen_) is_seen_[id] = generated_count_[id] = 0;
  seen_.clear();
}

absl::StatusOr<int32_t> Sampler::Sample(absl::Span<const float> logits) {
  if (static_cast<int64_t>(logits.size()) != vocab_size_) {
    return absl::InvalidArgumentError(
        absl::StrCat("got ", logits.size(), " logits for a vocabulary of ", vocab_size_));
  }
  const float* scores = Penalize(logits);
  ASSIGN_OR_RETURN(const float maximum, CheckedMaximum(scores, vocab_size_));
  int32_t id;
  if (options_.temperature == 0) {
    id = static_cast<int32_t>(std::find(scores, scores + vocab_size_, maximum) - scores);
  } else {
    Gather(scores, maximum);
    if (options_.top_p < 1) KeepTopP();
    id = Draw();
  }
  MarkSeen(id);
  ++generated_count_[id];
  return id;
}

// The logits themselves when no penalty is on, otherwise a changed copy.
const float* Sampler::Penalize(absl::Span<const float> logits) {
  const SamplerOptions& o = options_;
  const bool off = o.repetition_penalty == 1 && o.presence_penalty == 0 && o.frequency_penalty == 0;
  if (off || seen_.empty()) return logits.data();
  std::copy(logits.begin(), logits.end(), penalized_.begin());
  for (const int32_t id : seen_) {
    float x = penalized_[id];
    x = x > 0 ? x / o.repetition_penalty : x * o.repetition_penalty;
    if (const int32_t count = generated_count_[id]; count > 0) {
      x -= o.frequency_penalty * static_cast<float>(count) + o.presence_penalty;
    }
    penalized_[id] = x;
  }
  return penalized_.data();
}

// The k-th largest score. Needs 1 <= k < vocab_size.
float Sampler::TopKThreshold(const float* scores) {
  const int64_t k = options_.top_k;
  const std::greater<float> descending;
  if (k > kLargestHeap) {
    largest_.assign(scores, scores + vocab_size_);
    std::nth_element(largest_.begin(), largest_.begin() + (k - 1), largest_.end(), descending);
    return largest_[k - 1];
  }
  // With `descending` the heap's front is the smallest of the k largest so far.
  largest_.assign(scores, scores + k);
  std::make_heap(largest_.begin(), largest_.end(), descending);
  for (int64_t i = k; i < vocab_size_; ++i) {
    if (scores[i] <= largest_.front()) continue;
    std::pop_heap(largest_.begin(), largest_.end(), descending);
    largest_.back() = scores[i];
    std::push_heap(largest_.begin(), largest_.end(), descending);
  }
  return largest_.front();
}

// Fills candidates_ with the tokens top-k leaves, without those too unlikely to have a weight.
void Sampler::Gather(const float* scores, float max_score) {
  const bool top_k = options_.top_k > 0 && options_.top_k < vocab_size_;
  const float threshold = top_k ? TopKThreshold(scores) : -kInfinity;
  // expf underflows to 0 below this.
  constexpr float kSmallestExponent = -104.0f;
  candidates_.clear();
  for (int64_t i = 0; i < vocab_size_; ++i) {
    if (scores[i] < threshold) continue;
    const float exponent = (scores[i] - max_score) / options_.temperature;
    if (exponent < kSmallestExponent) continue;
    const float weight = std::exp(exponent);
    if (weight > 0) candidates_.push_back({static_cast<int32_t>(i), weight});
  }
}

// Finds where the likeliest tokens reach top_p without sorting them all: sums the weights by
// bucket, walks the buckets from the likeliest down, and sorts only the bucket in which the sum
// passes top_p.
void Sampler::KeepTopP() {
  std::fill(bucket_weight_.begin(), bucket_weight_.end(), 0.0);
  for (const Candidate& c : candidates_) bucket_weight_[Bucket(c.weight)] += c.weight;
  // Summed in the order of the walk below, so that the walk is sure to end in a bucket with weight.
  double total = 0;
  for (int bucket = kBucketOfOne; bucket >= 0; --bucket) total += bucket_weight_[bucket];
  const double wanted = options_.top_p * total;
  double above = 0;
  int bucket = kBucketOfOne;
  while (above + bucket_weight_[bucket] < wanted) above += bucket_weight_[bucket--];

  boundary_.clear();
  for (const Candidate& c : candidates_) {
    if (Bucket(c.weight) == bucket) boundary_.push_back(c);
  }
  std::sort(boundary_.begin(), boundary_.end(), [](const Candidate& a, const Candidate& b) {
    return a.weight != b.weight ? a.weight > b.weight : a.id < b.id;
  });
  // A token stays while those before it have not reached top_p.
  Candidate last{-1, kInfinity};
  for (const Candidate& c : boundary_) {
    if (above >= wanted) break;
    last = c;
    above += c.weight;
  }
  const auto dropped = [&last](const Candidate& c) {
    return c.weight < last.weight || (c.weight == last.weight && c.id > last.id);
  };
  candidates_.erase(std::remove_if(candidates_.begin(), candidates_.end(), dropped),
                    candidates_.end());
}

// Draws one of the candidates that min-p leaves.
int32_t Sampler::Draw() {
  double total = 0;
  for (const Candidate& c : candidates_) {
    if (c.weight >= options_.min_p) total += c.weight;
  }
  double rest = random_.NextUnit() * total;
  int32_t last = -1;
  for (const Candidate& c : candidates_) {
    if (c.weight < options_.min_p) continue;
    last = c.id;
    rest -= c.weight;
    if (rest < 0) break;
  }
  // Rounding may leave a little of the rest: then the last candidate it is.
  return last;
}

}  // namespace lluda::engine
