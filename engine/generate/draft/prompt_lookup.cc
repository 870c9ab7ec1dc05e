#include "engine/generate/draft/prompt_lookup.h"

#include <algorithm>

namespace lluda::engine {

void PromptLookup::Begin(absl::Span<const int32_t> tokens) {
  tokens_.clear();
  followed_.clear();
  found_.reset();
  tokens_.reserve(tokens.size());
  for (const int32_t token : tokens) Add(token);
}

void PromptLookup::Add(int32_t token) {
  tokens_.push_back(token);
  found_.reset();
  if (tokens_.size() < kContext) return;
  Key key;
  std::copy(tokens_.end() - kContext, tokens_.end(), key.begin());
  const auto [it, is_new] = followed_.try_emplace(key, tokens_.size());
  if (is_new) return;
  found_ = it->second;
  it->second = tokens_.size();
}

int64_t PromptLookup::Most(int64_t limit) {
  if (!found_) return 0;
  return std::min(limit, static_cast<int64_t>(tokens_.size() - *found_));
}

absl::Span<const int32_t> PromptLookup::Guess(int64_t count) {
  if (!found_) return {};
  return absl::MakeConstSpan(tokens_).subspan(*found_, static_cast<size_t>(count));
}

}  // namespace lluda::engine
