// Finds the added tokens of a tokenizer.json, such as <|im_start|>, in a text.
//
//   AddedTokenMatcher matcher({{"<s>", 7}});
//   matcher.Split("a<s>b", true)  ->  [0,1) text, [1,4) token 7, [4,5) text
//
// At each position the longest token wins; the search goes on behind its content. `lstrip` and
// `rstrip` tokens swallow the white space beside them; one that lies in what another has swallowed
// on its right is found all the same. A `single_word` token counts only where no word character
// touches it. These are the rules of Hugging Face's added_vocabulary.rs.
#ifndef LLUDA_FRONTENDS_TOKENIZER_ADDED_TOKENS_H_
#define LLUDA_FRONTENDS_TOKENIZER_ADDED_TOKENS_H_

#include <absl/container/flat_hash_map.h>
#include <absl/status/status.h>

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace lluda::tokenizer {

// The longest content accepted, in bytes: it bounds the work per position of a text.
inline constexpr size_t kLongestAddedToken = 1024;

struct AddedToken {
  std::string content;
  int32_t id = 0;
  bool lstrip = false;
  bool rstrip = false;
  bool single_word = false;
  bool normalized = false;  // Is looked for in the normalised text.
  bool special = false;
  bool in_model = false;  // Is a token of BPE as well, which text may become.
};

// The bytes [begin, end) of a text.
struct TextRange {
  size_t begin;
  size_t end;
};

class AddedTokenMatcher {
 public:
  // A stretch of the text: an added token, or text if `token` is null.
  struct Span {
    size_t begin;
    size_t end;
    const AddedToken* token;
  };

  // Contents must not be empty, nor longer than kLongestAddedToken. Of equal contents the last
  // counts.
  explicit AddedTokenMatcher(std::vector<AddedToken> tokens);

  // Cuts `text`, valid UTF-8, into non-empty spans in order, which overlap only where white space is
  // swallowed that holds a token. Unless `parse_special`, special tokens
  // are text; with `special_ranges`, which are in order and apart, they are so unless one of the
  // ranges holds all of their content.
  std::vector<Span> Split(std::string_view text, bool parse_special,
                          const std::vector<TextRange>* special_ranges = nullptr) const;

 private:
  static constexpr int32_t kNone = -1;

  // The token that starts at `begin`, the longest; null if there is none. A special one ends at
  // `special_end` at most.
  const AddedToken* LongestAt(std::string_view text, size_t begin, size_t special_end) const;

  std::vector<AddedToken> tokens_;
  // A trie: the children by (node << 8 | byte), and the token that ends at each node. Node 0 is the
  // root.
  absl::flat_hash_map<uint64_t, int32_t> children_;
  std::vector<int32_t> token_at_;
  std::array<bool, 256> starts_token_{};
};

}  // namespace lluda::tokenizer

#endif  // LLUDA_FRONTENDS_TOKENIZER_ADDED_TOKENS_H_
