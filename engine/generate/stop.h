// Decides where generation ends: at a stop token, or where a stop string appears in the text.
//
//   StopTokens tokens({151645, 151643});
//   absl::StatusOr<StopStrings> stops = StopStrings::Create({"\n\nUser:", "</s>"});
//   while (...) {
//     if (tokens.Contains(id)) break;
//     std::cout << stops->Push(decoded_piece);
//     if (stops->stopped()) break;
//   }
//   std::cout << stops->Flush();
//
// A stop string is never printed, not even its beginning: text that could still become one is held
// back until the next piece decides.
//
// Special tokens have a text, too, which is not printed. It is matched all the same, where it
// stands: "<|im_start|>" stops, so does "ok<|im_start|>", and "ok" does not where such a token
// parts the two letters.
#ifndef LLUDA_ENGINE_GENERATE_STOP_H_
#define LLUDA_ENGINE_GENERATE_STOP_H_

#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace lluda::engine {

// A set of token ids that end the text.
class StopTokens {
 public:
  explicit StopTokens(const std::vector<int32_t>& ids) : ids_(ids.begin(), ids.end()) {}
  bool Contains(int32_t id) const { return ids_.contains(id); }

 private:
  absl::flat_hash_set<int32_t> ids_;
};

// Searches streamed text for several strings at once, in time linear in the text whatever their
// number (Aho and Corasick 1975, "Efficient string matching"). The string that is complete first
// wins, and of two that end at the same byte the longer one: the result does not depend on how the
// text is cut into pieces.
class StopStrings {
 public:
  // InvalidArgument if one of `stops` is empty. No stops at all is fine: all text passes.
  static absl::StatusOr<StopStrings> Create(const std::vector<std::string>& stops);

  // Takes the next piece of text and returns what may be printed now, which can be less, or
  // more by what was held back. Valid until the next call. Returns nothing once stopped. If
  // pieces and stop strings are whole UTF-8 characters, so is what is returned.
  absl::string_view Push(absl::string_view piece);

  // The same for a piece that counts for the search, but is not printed.
  absl::string_view PushHidden(absl::string_view piece);

  // At the end of generation: what is held back, as no stop string came of it. Valid until the next
  // call.
  absl::string_view Flush();

  bool stopped() const { return stopped_; }

 private:
  // A node of the trie: a prefix of one or more stop strings.
  struct Node {
    int32_t depth = 0;        // bytes of the prefix
    int32_t fallback = 0;     // node of the longest proper suffix that is a prefix too
    int32_t match_bytes = 0;  // the longest stop string that ends here, 0 if none
  };

  StopStrings() : nodes_(1) {}
  int32_t AddChild(int32_t node, unsigned char byte);
  void LinkFallbacks();
  int32_t Child(int32_t node, unsigned char byte) const;
  int32_t Next(int32_t node, unsigned char byte) const;
  absl::string_view Search(absl::string_view piece, bool is_shown);

  std::vector<Node> nodes_;                         // 0 is the root
  absl::flat_hash_map<int64_t, int32_t> children_;  // node * 256 + byte -> node
  int32_t state_ = 0;
  bool stopped_ = false;
  // The text that leads from the root to state_ is held back: the last bytes of all that came, as
  // many as the state is deep. Of each, whether it is printed; and those that are.
  std::deque<bool> held_is_shown_;
  std::string held_;
  std::string out_;
};

}  // namespace lluda::engine

#endif  // LLUDA_ENGINE_GENERATE_STOP_H_
