// The `decoder` of a tokenizer.json: the text that a list of tokens is, token by token.
//
//   Replace "▁" by " ", ByteFallback, Fuse, Strip " " once:
//   "▁Hi", "▁", "<0xE6>", "<0x97>", "<0xA5>"  ->  "Hi 日"
//
//   DecoderRun run(&decoder);
//   run.Add(decoder.TokenText("▁Hi"), &text);   // appends what is certain by now
//   run.Finish(&text);                          // the rest
//
// Supported: ByteLevel, Replace (a String), ByteFallback, Fuse, Strip of the start, Metaspace. Behind
// a step that makes one text of the tokens (ByteLevel, Fuse) only those may stand that need not see
// all of it: Fuse, Strip, and Replace of one character.
#ifndef LLUDA_FRONTENDS_TOKENIZER_DECODER_H_
#define LLUDA_FRONTENDS_TOKENIZER_DECODER_H_

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "frontends/tokenizer/steps.h"

namespace lluda::tokenizer {

// The byte that a token such as "<0xE6>" is for ByteFallback.
std::optional<char> ByteOfToken(std::string_view content);

class Decoder {
 public:
  // One that puts tokens' texts together as they are, until steps are added.
  Decoder() = default;
  static absl::StatusOr<Decoder> Create(const DecoderSteps& steps);

  // The next step. InvalidArgument if it is malformed, or may not stand there.
  absl::Status Add(const DecoderStep& step);

  // What the first steps make of a token whatever stands beside it: those that replace, and
  // ByteLevel, whose bytes need not be whole characters.
  std::string TokenText(std::string_view content) const;

  // Whether tokens such as <0xE6> are bytes.
  bool has_byte_fallback() const { return has_byte_fallback_; }

  const DecoderSteps& steps() const { return steps_; }

 private:
  friend class DecoderRun;

  DecoderSteps steps_;
  size_t alone_ = 0;          // the number of steps that TokenText runs
  size_t joined_ = SIZE_MAX;  // steps from this one on see one text
  bool has_byte_fallback_ = false;
};

// Decodes one list of tokens. What is appended is valid UTF-8; together it does not depend on when
// Add gave it out.
class DecoderRun {
 public:
  // `decoder` must outlive this object.
  explicit DecoderRun(const Decoder* decoder);

  // The next token, as TokenText or tables made it.
  void Add(std::string_view token_text, std::string* out);
  // The end; the run is then as new.
  void Finish(std::string* out);
  // Of a new run: the tokens that come follow others, so that their text goes on and nothing is
  // taken from its start.
  void Continue();

 private:
  struct State {
    std::string held;   // ByteLevel: the start of a character; ByteFallback: a run of bytes
    int64_t count = 0;  // Metaspace: tokens; Strip: characters that may still go
  };
  class Stepper;

  // A text that comes to the step `at`: a token, or a part of the one text.
  void Push(size_t at, std::string text, std::string* out);
  // What the step `at` holds goes on.
  void Flush(size_t at, std::string* out);
  void Reset();

  const Decoder* decoder_;
  std::vector<State> states_;
};

}  // namespace lluda::tokenizer

#endif  // LLUDA_FRONTENDS_TOKENIZER_DECODER_H_
