// Byte-pair encoding of one piece of text (Sennrich et al. 2016, arXiv:1508.07909), on bytes.
//
//   With the merges  a b -> ab  and  ab c -> abc  the piece "abcab" becomes the tokens abc, ab.
//
// While any adjacent pair of tokens has a merge, the one of lowest rank (the leftmost of equals) is
// applied. A priority queue of candidates over a linked list of tokens makes this O(n log n) in the
// bytes of the piece; a piece of 1 MB is as fast per byte as a word.
#ifndef LLUDA_FRONTENDS_TOKENIZER_BPE_H_
#define LLUDA_FRONTENDS_TOKENIZER_BPE_H_

#include <absl/status/statusor.h>

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include "frontends/tokenizer/tables.h"
#include "frontends/tokenizer/vocabulary.h"

namespace lluda::tokenizer {

// Which pairs of tokens merge, and into what: a hash table, built here or lying elsewhere.
class MergeTable {
 public:
  // For at most `count` merges.
  explicit MergeTable(size_t count);
  // A table that lies elsewhere and stays there. InvalidArgument if it names other tokens than
  // those of the vocabulary, or has no free slot.
  static absl::StatusOr<MergeTable> FromSlots(absl::Span<const MergeSlot> slots,
                                              int32_t vocabulary_size);

  MergeTable(MergeTable&&) = default;
  MergeTable& operator=(MergeTable&&) = default;

  // Of equal pairs the last counts. Only for a table that was built here.
  void Set(int32_t left, int32_t right, int32_t rank, int32_t merged);
  // Null if the pair does not merge.
  const MergeSlot* Find(int32_t left, int32_t right) const;

  absl::Span<const MergeSlot> slots() const { return slots_; }

 private:
  MergeTable() = default;

  absl::Span<const MergeSlot> slots_;
  std::vector<MergeSlot> owned_;  // what slots_ points to, if it was built here
};

class Bpe {
 public:
  Bpe(const BpeOptions& options, MergeTable merges, const Vocabulary& vocabulary);

  // Appends the tokens of `piece`, any bytes. A byte that has no token becomes `unk_token`, or
  // nothing where the file names none, as in Hugging Face's library. Adds the candidates looked at
  // to `*steps`. Pieces are shorter than 2 GiB.
  void Encode(std::string_view piece, const Vocabulary& vocabulary, std::vector<int32_t>* ids,
              int64_t* steps) const;

  const BpeOptions& options() const { return options_; }
  absl::Span<const MergeSlot> merges() const { return merges_.slots(); }

 private:
  static constexpr int32_t kNone = -1;

  // A token in the linked list of a piece. A dead one was merged into its left neighbour.
  struct Node {
    int32_t id;
    int32_t previous;
    int32_t next;
  };
  // A pair that can merge: its rank, then the index of its left node. The smallest is applied
  // first.
  using Candidate = uint64_t;

  std::vector<Node> InitialNodes(std::string_view piece) const;

  std::array<int32_t, 256> byte_ids_{};  // kNone where no token is this byte alone.
  BpeOptions options_;
  MergeTable merges_;
};

}  // namespace lluda::tokenizer

#endif  // LLUDA_FRONTENDS_TOKENIZER_BPE_H_
