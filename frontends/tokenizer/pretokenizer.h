// The `pre_tokenizer` of a tokenizer.json: cuts a normalised text into the pieces within which BPE
// merges.
//
//   {"type": "Sequence", "pretokenizers": [
//      {"type": "Split", "pattern": {"Regex": "..."}, "behavior": "Isolated"},
//      {"type": "ByteLevel", "add_prefix_space": false, "use_regex": false}]}
//
// Supported: none, which leaves a text whole; Split (a Regex that SplitPattern takes, or a String),
// Digits, which is one too, and Metaspace in any order; and ByteLevel as the last step. The pieces
// are the bytes of the text: the byte-level alphabet is the vocabulary's concern.
#ifndef LLUDA_FRONTENDS_TOKENIZER_PRETOKENIZER_H_
#define LLUDA_FRONTENDS_TOKENIZER_PRETOKENIZER_H_

#include <absl/functional/function_ref.h>
#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "frontends/tokenizer/steps.h"
#include "frontends/tokenizer/text/split_pattern.h"

namespace lluda::tokenizer {

class Pretokenizer {
 public:
  // One that leaves a text whole, until steps are added.
  Pretokenizer() = default;
  // With these steps; InvalidArgument or Unimplemented for one that Add refuses.
  static absl::StatusOr<Pretokenizer> Create(const PretokenizerSteps& steps);

  // The next step. InvalidArgument or Unimplemented for a bad expression, for a step after
  // ByteLevel, and for a Metaspace whose replacement is not one character.
  absl::Status Add(const PretokenizerStep& step);

  // Whether pieces are bytes, each a character of the byte-level alphabet to BPE.
  bool is_byte_level() const { return is_byte_level_; }

  // Calls `piece` with each piece of `text`, valid UTF-8, in order. `begins_text`: whether the whole
  // text begins with it. Adds the number of regex matches tried to `*matches`.
  void Split(std::string_view text, bool begins_text,
             absl::FunctionRef<void(std::string_view)> piece, int64_t* matches) const;

  const PretokenizerSteps& steps() const { return steps_; }

 private:
  PretokenizerSteps steps_;
  std::vector<std::optional<SplitPattern>> patterns_;  // what each step cuts by, if by something
  bool is_byte_level_ = false;
};

}  // namespace lluda::tokenizer

#endif  // LLUDA_FRONTENDS_TOKENIZER_PRETOKENIZER_H_
