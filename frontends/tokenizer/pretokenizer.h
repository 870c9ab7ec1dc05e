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

#include "frontends/tokenizer/json_value.h"
#include "frontends/tokenizer/split_pattern.h"

namespace lluda::tokenizer {

class Pretokenizer {
 public:
  // `json` is the value of the field; the error names the part that is not supported.
  static absl::StatusOr<Pretokenizer> FromJson(const JsonValue& json);

  // Calls `piece` with each piece of `text`, valid UTF-8, in order. Adds the number of regex
  // matches tried to `*steps`.
  void Split(std::string_view text, absl::FunctionRef<void(std::string_view)> piece,
             int64_t* steps) const;

 private:
  Pretokenizer() = default;

  absl::Status AddStep(const JsonValue& json);
  absl::Status AddSplit(const JsonValue& json);
  absl::Status AddDigits(const JsonValue& json);
  absl::Status SetByteLevel(const JsonValue& json);

  std::vector<SplitPattern> patterns_;
  bool has_byte_level_ = false;
  bool add_prefix_space_ = false;
  std::vector<SplitPattern> byte_level_pattern_;  // Empty or one, applied after the prefix space.
};

}  // namespace lluda::tokenizer

#endif  // LLUDA_FRONTENDS_TOKENIZER_PRETOKENIZER_H_
