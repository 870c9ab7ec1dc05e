#include "engine/model.h"

#include <sys/resource.h>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "runtime/machine/cpu_count.h"

namespace lluda::engine {
namespace {

constexpr int kMaxThreads = 1024;

}  // namespace

Model::Model() = default;
Model::~Model() = default;

absl::StatusOr<std::shared_ptr<ModelSource>> SourceOf(
    const LoadOptions& options,
    absl::StatusOr<std::shared_ptr<ModelSource>> (*open)(const std::string& path)) {
  if (options.source != nullptr) return options.source;
  return open(options.folder);
}

absl::StatusOr<int> ThreadsOf(const LoadOptions& options) {
  if (options.threads < 0 || options.threads > kMaxThreads) {
    return absl::InvalidArgumentError(
        absl::StrCat("threads must be 0 to ", kMaxThreads, ", is ", options.threads));
  }
  return options.threads == 0 ? runtime::UsablePhysicalCores() : options.threads;
}

engine::SamplerOptions Model::DefaultSampler() const {
  const frontends::GenerationConfig& config = generation_config_;
  engine::SamplerOptions sampler;
  sampler.temperature = config.do_sample ? static_cast<float>(config.temperature) : 0.0f;
  sampler.top_k = config.top_k;
  sampler.top_p = static_cast<float>(config.top_p);
  sampler.min_p = static_cast<float>(config.min_p);
  sampler.repetition_penalty = static_cast<float>(config.repetition_penalty);
  return sampler;
}

std::vector<int32_t> Model::StopTokens() const {
  return {generation_config_.eos_token_ids.begin(), generation_config_.eos_token_ids.end()};
}

std::shared_ptr<const grammar::TokenTrie> Model::trie() const {
  if (!tokenizer_) return nullptr;
  std::call_once(trie_once_, [this] { trie_ = grammar::TokenTrie::Create(*tokenizer_); });
  return trie_;
}

int64_t PeakMemoryBytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_maxrss * int64_t{1024};
}

}  // namespace lluda::engine
