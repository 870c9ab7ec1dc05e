// The `pre_tokenizer` of a tokenizer.json: cuts a normalised text into the pieces within which BPE
// merges.
//
//   {"type": "Sequence", "pretokenizers": [
//      {"type": "Split", "pattern": {"Regex": "..."}, "behavior": "Isolated"},
//      {"type": "ByteLevel", "add_prefix_space": false, "use_regex": false}]}
//
// Supported: ByteLevel, alone (with GPT-2's expression) or last in a Sequence after any number of
// Split (Isolated; a Regex that SplitPattern takes, or a String) and Digits. The pieces are the
// bytes of the text: the byte-level alphabet is the vocabulary's concern.
#ifndef LLUDA_FRONTENDS_TOKENIZER_PRETOKENIZER_H_
#define LLUDA_FRONTENDS_TOKENIZER_PRETOKENIZER_H_

#include <absl/functional/function_ref.h>
#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <cstdint>
#include <string_view>
#include <vector>

#include "frontends/tokenizer/text/split_pattern.h"
#include "frontends/tokenizer/tables.h"

namespace lluda::tokenizer {

class Pretokenizer {
 public:
  // One that leaves a text whole, until steps are added.
  Pretokenizer() = default;
  // With these steps; InvalidArgument or Unimplemented for a bad expression.
  static absl::StatusOr<Pretokenizer> Create(const PretokenizerOptions& options);

  // The next Split step. The same errors.
  absl::Status AddSplit(const SplitRule& rule);
  // The ByteLevel step, the last one.
  absl::Status SetByteLevel(bool add_prefix_space, bool gpt2_regex);

  // Calls `piece` with each piece of `text`, valid UTF-8, in order. Adds the number of regex
  // matches tried to `*steps`.
  void Split(std::string_view text, absl::FunctionRef<void(std::string_view)> piece,
             int64_t* steps) const;

  const PretokenizerOptions& options() const { return options_; }

 private:
  PretokenizerOptions options_;
  std::vector<SplitPattern> patterns_;
  std::vector<SplitPattern> byte_level_pattern_;  // Empty or one, applied after the prefix space.
};

}  // namespace lluda::tokenizer

#endif  // LLUDA_FRONTENDS_TOKENIZER_PRETOKENIZER_H_
