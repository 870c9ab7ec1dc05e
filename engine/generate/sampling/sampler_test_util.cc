#include "engine/generate/sampling/sampler_test_util.h"

#include <gtest/gtest.h>

#include <cmath>

namespace lluda::engine {

OneSampler::OneSampler(const SamplerOptions& options, int64_t vocab_size)
    : sampler_(Sampler::Create(options, vocab_size)) {
  EXPECT_TRUE(sampler_.ok()) << sampler_.status();
}

std::map<int32_t, int> Frequencies(const SamplerOptions& options, const std::vector<float>& logits,
                                   int draws) {
  SamplerOptions seeded = options;
  std::map<int32_t, int> count;
  for (int i = 0; i < draws; ++i) {
    seeded.seed = options.seed + static_cast<uint64_t>(i);
    OneSampler sampler(seeded, logits.size());
    const auto id = sampler.Sample(logits);
    EXPECT_TRUE(id.ok()) << id.status();
    if (!id.ok()) break;
    ++count[*id];
  }
  return count;
}

void ExpectDistribution(const std::map<int32_t, int>& count, const std::vector<double>& expected,
                        int draws) {
  for (size_t id = 0; id < expected.size(); ++id) {
    const double p = expected[id];
    const auto found = count.find(static_cast<int32_t>(id));
    const double seen = found == count.end() ? 0 : found->second;
    EXPECT_NEAR(seen, p * draws, 4.5 * std::sqrt(draws * p * (1 - p))) << "token " << id;
  }
}

std::vector<int32_t> Support(const SamplerOptions& options, const std::vector<float>& logits) {
  std::vector<int32_t> ids;
  for (const auto& [id, count] : Frequencies(options, logits, 8000)) ids.push_back(id);
  return ids;
}

}  // namespace lluda::engine
