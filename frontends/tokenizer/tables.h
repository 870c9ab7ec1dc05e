// A tokenizer as plain data: what a bundle stores of it. The arrays are views, so that a tokenizer
// can run from a mapped file without reading it first.
//
//   TokenizerTables tables = tokenizer->Tables();            // views into the tokenizer
//   auto mapped = Tokenizer::FromTables(tables_of_the_file);  // views into the mapping
#ifndef LLUDA_FRONTENDS_TOKENIZER_TABLES_H_
#define LLUDA_FRONTENDS_TOKENIZER_TABLES_H_

#include <absl/types/span.h>

#include <cstdint>
#include <vector>

#include "frontends/tokenizer/added_tokens.h"
#include "frontends/tokenizer/steps.h"

namespace lluda::tokenizer {

// One slot of the table of merges, see hash_table.h; free if `merged` is -1.
struct MergeSlot {
  uint64_t pair = 0;  // left id << 32 | right id
  int32_t rank = 0;   // the lowest is applied first
  int32_t merged = -1;
};
static_assert(sizeof(MergeSlot) == 16, "a bundle stores it as it lies in memory");

struct VocabularyTables {
  absl::Span<const char> text;         // content and bytes of each token in turn
  absl::Span<const uint32_t> offsets;  // of those texts, and the end: 2 * tokens + 1
  absl::Span<const int32_t> slots;     // ids by the hash of their content; -1 is free
};

struct BpeOptions {
  int32_t unknown_id = -1;  // of a character that has no token; -1: it is left out
  bool fuse_unknown = false;
  bool ignore_merges = false;  // a piece that is a token is that token
  // A character without a token is its bytes, <0xE6> and the like, where each of them has one.
  bool byte_fallback = false;
};

// The tokens that the file's post_processor puts around a text.
struct TextFrame {
  std::vector<int32_t> before;
  std::vector<int32_t> after;
};

struct TokenizerTables {
  VocabularyTables vocabulary;
  absl::Span<const MergeSlot> merges;
  BpeOptions bpe;
  NormalizerSteps normalizer;
  PretokenizerSteps pretokenizer;
  DecoderSteps decoder;
  TextFrame frame;
  std::vector<AddedToken> added_tokens;
};

}  // namespace lluda::tokenizer

#endif  // LLUDA_FRONTENDS_TOKENIZER_TABLES_H_
