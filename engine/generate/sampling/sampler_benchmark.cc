// The time to pick a token from a vocabulary of Qwen3's size.
#include <benchmark/benchmark.h>

#include <cstdint>
#include <random>
#include <vector>

#include "engine/generate/sampling/sampler.h"

namespace lluda::engine {
namespace {

constexpr int64_t kVocabulary = 151936;

void Run(benchmark::State& state, const SamplerOptions& options) {
  std::mt19937 random(1);
  std::normal_distribution<float> normal(0, 3);
  std::vector<float> logits(kVocabulary);
  for (float& x : logits) x = normal(random);
  auto sampler = Sampler::Create(options, kVocabulary);
  SamplerScratch scratch;
  while (state.KeepRunning()) benchmark::DoNotOptimize(*sampler->Sample(logits, &scratch));
}

void BM_Greedy(benchmark::State& state) {
  SamplerOptions options;
  options.temperature = 0;
  Run(state, options);
}
BENCHMARK(BM_Greedy);

void BM_Qwen3Defaults(benchmark::State& state) {
  SamplerOptions options;
  options.temperature = 0.6f;
  options.top_k = 20;
  options.top_p = 0.95f;
  Run(state, options);
}
BENCHMARK(BM_Qwen3Defaults);

void BM_TopK(benchmark::State& state) {
  SamplerOptions options;
  options.top_k = state.range(0);
  Run(state, options);
}
BENCHMARK(BM_TopK)->Arg(40)->Arg(1000)->Arg(50000);

void BM_TopP(benchmark::State& state) {
  SamplerOptions options;
  options.top_p = 0.95f;
  Run(state, options);
}
BENCHMARK(BM_TopP);

void BM_NoFilter(benchmark::State& state) { Run(state, {}); }
BENCHMARK(BM_NoFilter);

void BM_RepetitionPenalty(benchmark::State& state) {
  SamplerOptions options;
  options.temperature = 0;
  options.repetition_penalty = 1.1f;
  Run(state, options);
}
BENCHMARK(BM_RepetitionPenalty);

}  // namespace
}  // namespace lluda::engine
