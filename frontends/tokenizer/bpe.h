// Byte-pair encoding of one piece of text (Sennrich et al. 2016, arXiv:1508.07909), on bytes or on
// characters.
//
//   With the merges  a b -> ab  and  ab c -> abc  the piece "abcab" becomes the tokens abc, ab.
//
// On bytes, each byte is a character of the byte-level alphabet; on characters, one that has no token
// may fall back to the tokens of its bytes, such as <0xE6>.
//
// While any adjacent pair of tokens has a merge, the one of lowest rank (the leftmost of equals) is
// applied. A priority queue of candidates over a linked list of tokens makes this O(n log n) in the
// bytes of the piece; a piece of 1 MB is as fast per byte as a word.
#ifndef LLUDA_FRONTENDS_TOKENIZER_BPE_H_
#define LLUDA_FRONTENDS_TOKENIZER_BPE_H_

#include <absl/container/flat_hash_set.h>
#include <absl/status/statusor.h>

#include <array>
#include <cstdint>
#include <string>
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
  // `byte_level`: whether pieces are bytes, else valid UTF-8. Text never becomes one of the added
  // tokens that are not `in_model`.
  Bpe(const BpeOptions& options, MergeTable merges, const Vocabulary& vocabulary, bool byte_level,
      const std::vector<AddedToken>& added_tokens);

  // Appends the tokens of `piece`. A character that has no token becomes its bytes' with
  // byte_fallback, else `unk_token`, or nothing where the file names none, as in Hugging Face's
  // library. Adds the candidates looked at to `*steps`. Pieces are shorter than 2 GiB.
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

  // The token of BPE that is `content`, or kNone.
  int32_t Find(std::string_view content, const Vocabulary& vocabulary) const;
  // The same for the first character of `text`, a byte or `length` bytes.
  int32_t FirstCharacter(std::string_view text, const Vocabulary& vocabulary, size_t* length) const;
  // Appends what the character falls back to; false if it does not.
  bool FallBack(std::string_view character, std::vector<Node>* nodes) const;
  std::vector<Node> InitialNodes(std::string_view piece, const Vocabulary& vocabulary) const;

  // What a byte is in a piece: in the byte-level alphabet, or as it is.
  std::string Content(std::string_view bytes) const;

  bool byte_level_;
  absl::flat_hash_set<int32_t> only_added_;  // Tokens that text does not become.
  std::array<int32_t, 256> byte_ids_{};      // Of a piece of this byte alone, or kNone.
  std::array<int32_t, 256> fallback_ids_{};  // Of the tokens <0x00> to <0xFF>, or kNone.
  BpeOptions options_;
  MergeTable merges_;
};

}  // namespace lluda::tokenizer

#endif  // LLUDA_FRONTENDS_TOKENIZER_BPE_H_
