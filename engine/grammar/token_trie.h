// The tokens of a vocabulary by the bytes that they add to a text, as a trie.
//
//   std::shared_ptr<const TokenTrie> trie = TokenTrie::Create(*tokenizer);
//   trie->bytes(9707)   // "Hello"
//
// Added tokens, such as <|im_end|> and <tool_call>, are left out: they steer a model, and are no
// part of a text that a grammar describes. So are tokens that add no bytes. The trie is made once
// for a model (tens of ms and some MB for 150,000 tokens) and shared by all that is generated.
#ifndef LLUDA_ENGINE_GRAMMAR_TOKEN_TRIE_H_
#define LLUDA_ENGINE_GRAMMAR_TOKEN_TRIE_H_

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "frontends/tokenizer/tokenizer.h"

namespace lluda::grammar {

class TokenTrie {
 public:
  // A node of the trie, one byte. Those below it follow it.
  struct Node {
    uint32_t end;          // the first node that is not below this one
    uint32_t first_token;  // of the tokens that end here, in tokens()
    uint32_t token_count;
    uint16_t depth;  // bytes from the root, its own included
    uint8_t byte;
  };

  static std::shared_ptr<const TokenTrie> Create(const tokenizer::Tokenizer& tokenizer);
  // Of tokens given by their bytes; an id that has none is left out.
  static std::shared_ptr<const TokenTrie> Create(std::vector<std::string> bytes_by_id);

  // In the order of a walk that goes down first; children by ascending byte.
  absl::Span<const Node> nodes() const { return nodes_; }
  absl::Span<const int32_t> tokens() const { return tokens_; }
  // Bytes of the longest token.
  int max_depth() const { return max_depth_; }

  // The tokens that have bytes here are below this.
  int32_t size() const { return static_cast<int32_t>(offsets_.size()) - 1; }
  // Empty for a token that the trie leaves out, and for an id outside [0, size()).
  absl::string_view bytes(int32_t token) const {
    if (token < 0 || token >= size()) return {};
    const uint32_t begin = offsets_[static_cast<size_t>(token)];
    return {text_.data() + begin, offsets_[static_cast<size_t>(token) + 1] - begin};
  }

 private:
  TokenTrie() = default;

  std::vector<Node> nodes_;
  std::vector<int32_t> tokens_;  // by node, and by id within a node
  std::vector<uint32_t> offsets_;
  std::string text_;
  int max_depth_ = 0;
};

}  // namespace lluda::grammar

#endif  // LLUDA_ENGINE_GRAMMAR_TOKEN_TRIE_H_
