// Reads the field `model` of a tokenizer.json.
//
//   {"type": "BPE", "vocab": {"a": 0, "b": 1, "ab": 2}, "merges": ["a b"]}
//
// Merges are strings "a b" or pairs ["a", "b"]; of equal ones the last counts.
#ifndef LLUDA_FRONTENDS_TOKENIZER_READER_BPE_READER_H_
#define LLUDA_FRONTENDS_TOKENIZER_READER_BPE_READER_H_

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/json/json_value.h"
#include "frontends/tokenizer/bpe.h"
#include "frontends/tokenizer/vocabulary.h"

namespace lluda::tokenizer {

// What the two tokens of a merge are.
using MergeSides = std::pair<std::string_view, std::string_view>;

// Of "a b"; nothing if it is not two texts with one space.
std::optional<MergeSides> SplitMerge(std::string_view text);
// What an error says of such a text.
std::string NotAMerge(std::string_view text);

// Collects merges in the order of their rank.
class MergeBuilder {
 public:
  // For at most `count` merges of tokens of `vocabulary`, which must outlive this object.
  MergeBuilder(size_t count, const Vocabulary& vocabulary)
      : table_(count), vocabulary_(vocabulary) {}

  // InvalidArgument if a side, or what they make together, is no token.
  absl::Status Add(const MergeSides& sides);

  MergeTable Table() && { return std::move(table_); }

 private:
  MergeTable table_;
  const Vocabulary& vocabulary_;
  std::string merged_;
  int32_t rank_ = 0;
  int32_t previous_merged_ = -1;
};

// What a Bpe is made of.
struct BpeParts {
  BpeOptions options;
  MergeTable merges;
};

// InvalidArgument, naming the field, for what is malformed or not supported.
absl::StatusOr<BpeParts> ReadBpe(const base::JsonValue& model, const Vocabulary& vocabulary);

}  // namespace lluda::tokenizer

#endif  // LLUDA_FRONTENDS_TOKENIZER_READER_BPE_READER_H_
