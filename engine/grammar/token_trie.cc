#include "engine/grammar/token_trie.h"

#include <algorithm>
#include <numeric>

namespace lluda::grammar {
namespace {

// Longer tokens are left out: they say nothing that shorter ones cannot.
constexpr size_t kLongestToken = 1024;

}  // namespace

std::shared_ptr<const TokenTrie> TokenTrie::Create(const tokenizer::Tokenizer& tokenizer) {
  std::vector<std::string> bytes(static_cast<size_t>(tokenizer.vocabulary_size()));
  for (size_t id = 0; id < bytes.size(); ++id) {
    bytes[id] = tokenizer.TokenBytes(static_cast<int32_t>(id));
  }
  for (const tokenizer::AddedToken& added : tokenizer.Tables().added_tokens) {
    bytes[static_cast<size_t>(added.id)].clear();
  }
  return Create(std::move(bytes));
}

std::shared_ptr<const TokenTrie> TokenTrie::Create(std::vector<std::string> bytes_by_id) {
  std::shared_ptr<TokenTrie> trie(new TokenTrie);
  trie->offsets_.reserve(bytes_by_id.size() + 1);
  trie->offsets_.push_back(0);
  std::vector<int32_t> order;
  for (size_t id = 0; id < bytes_by_id.size(); ++id) {
    std::string& bytes = bytes_by_id[id];
    if (bytes.size() > kLongestToken) bytes.clear();
    if (!bytes.empty()) order.push_back(static_cast<int32_t>(id));
    trie->text_ += bytes;
    trie->offsets_.push_back(static_cast<uint32_t>(trie->text_.size()));
  }
  std::sort(order.begin(), order.end(), [&](int32_t a, int32_t b) {
    const int compared = bytes_by_id[static_cast<size_t>(a)].compare(  //
        bytes_by_id[static_cast<size_t>(b)]);
    return compared != 0 ? compared < 0 : a < b;
  });

  std::vector<uint32_t> open;  // the nodes on the way to the last token
  const auto close_to = [&](size_t depth) {
    for (; open.size() > depth; open.pop_back()) {
      trie->nodes_[open.back()].end = static_cast<uint32_t>(trie->nodes_.size());
    }
  };
  const std::string* last = nullptr;
  for (const int32_t id : order) {
    const std::string& bytes = bytes_by_id[static_cast<size_t>(id)];
    size_t shared = 0;
    if (last != nullptr) {
      const size_t most = std::min(last->size(), bytes.size());
      while (shared < most && (*last)[shared] == bytes[shared]) ++shared;
    }
    close_to(shared);
    for (size_t i = shared; i < bytes.size(); ++i) {
      open.push_back(static_cast<uint32_t>(trie->nodes_.size()));
      trie->nodes_.push_back({0, static_cast<uint32_t>(trie->tokens_.size()), 0,
                              static_cast<uint16_t>(i + 1), static_cast<uint8_t>(bytes[i])});
    }
    ++trie->nodes_[open.back()].token_count;
    trie->tokens_.push_back(id);
    trie->max_depth_ = std::max(trie->max_depth_, static_cast<int>(bytes.size()));
    last = &bytes;
  }
  close_to(0);
  return trie;
}

}  // namespace lluda::grammar
