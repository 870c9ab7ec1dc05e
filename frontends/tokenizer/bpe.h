// Byte-pair encoding of one piece of text (Sennrich et al. 2016, arXiv:1508.07909), on bytes.
//
//   With the merges  a b -> ab  and  ab c -> abc  the piece "abcab" becomes the tokens abc, ab.
//
// While any adjacent pair of tokens has a merge, the one of lowest rank (the leftmost of equals) is
// applied. A priority queue of candidates over a linked list of tokens makes this O(n log n) in the
// bytes of the piece; a piece of 1 MB is as fast per byte as a word.
#ifndef LLUDA_FRONTENDS_TOKENIZER_BPE_H_
#define LLUDA_FRONTENDS_TOKENIZER_BPE_H_

#include <absl/container/flat_hash_map.h>
#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include "frontends/tokenizer/json_value.h"
#include "frontends/tokenizer/vocabulary.h"

namespace lluda::tokenizer {

class Bpe {
 public:
  // `model` is the field `model` of the file, `vocabulary` its tokens. Merges are strings "a b" or
  // pairs ["a", "b"]; of equal ones the last counts.
  static absl::StatusOr<Bpe> FromJson(const JsonValue& model, const Vocabulary& vocabulary);

  // Appends the tokens of `piece`, any bytes. A byte that has no token becomes `unk_token`, or
  // nothing where the file names none, as in Hugging Face's library. Adds the candidates looked at
  // to `*steps`. Pieces are shorter than 2 GiB.
  void Encode(std::string_view piece, const Vocabulary& vocabulary, std::vector<int32_t>* ids,
              int64_t* steps) const;

 private:
  static constexpr int32_t kNone = -1;

  struct Merge {
    int32_t rank;
    int32_t merged;
  };
  // A token in the linked list of a piece. A dead one was merged into its left neighbour.
  struct Node {
    int32_t id;
    int32_t previous;
    int32_t next;
  };
  // A pair that can merge: its rank, then the index of its left node. The smallest is applied
  // first.
  using Candidate = uint64_t;

  Bpe() = default;

  absl::Status ReadOptions(const JsonValue& model, const Vocabulary& vocabulary);
  absl::Status ReadMerges(const JsonValue& merges, const Vocabulary& vocabulary);

  std::vector<Node> InitialNodes(std::string_view piece) const;
  const Merge* FindMerge(int32_t left, int32_t right) const;

  std::array<int32_t, 256> byte_ids_{};  // kNone where no token is this byte alone.
  int32_t unknown_id_ = kNone;
  bool fuse_unknown_ = false;
  bool ignore_merges_ =
      false;  // A piece that is a token is that token, whatever the merges make of it.
  absl::flat_hash_map<uint64_t, Merge> merges_;  // By (left id << 32 | right id).
};

}  // namespace lluda::tokenizer

#endif  // LLUDA_FRONTENDS_TOKENIZER_BPE_H_
