#include "engine/generate/draft/prompt_lookup.h"

#include <algorithm>

namespace lluda::engine {

PromptLookup::PromptLookup(absl::Span<const int32_t> tokens) {
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

absl::Span<const int32_t> PromptLookup::Guess(size_t most) const {
  if (!found_) return {};
  return absl::MakeConstSpan(tokens_).subspan(*found_, most);
}

}  // namespace lluda::engine
