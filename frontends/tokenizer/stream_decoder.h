// Decodes tokens one at a time, and never gives out half a character.
//
//   StreamDecoder decoder(&tokenizer);
//   decoder.Add(id);    // "" while the last character is incomplete
//   decoder.Add(id2);   // "日"
//   decoder.Finish();   // what is left: U+FFFD if the last character never came to an end
//
// The texts that Add and Finish return make up what Tokenizer::Decode returns for the same ids. With
// byte_fallback a run of tokens such as <0xE6> is held back until it ends: one byte that fits no
// character makes U+FFFD of all of them.
#ifndef LLUDA_FRONTENDS_TOKENIZER_STREAM_DECODER_H_
#define LLUDA_FRONTENDS_TOKENIZER_STREAM_DECODER_H_

#include <cstdint>
#include <string>

#include "frontends/tokenizer/decoder.h"
#include "frontends/tokenizer/tokenizer.h"

namespace lluda::tokenizer {

class StreamDecoder {
 public:
  // `tokenizer` must outlive this object.
  explicit StreamDecoder(const Tokenizer* tokenizer, bool skip_special = true)
      : tokenizer_(tokenizer), skip_special_(skip_special), run_(&tokenizer->decoder()) {}

  // Of a new decoder: the tokens that come follow others, and a space at the start of their text
  // stays where the tokenizer takes one from the start of a whole text.
  void Continue() { run_.Continue(); }

  // The characters that `id` completes: valid UTF-8, maybe empty.
  std::string Add(int32_t id);

  // The rest; the decoder is then as new.
  std::string Finish();

 private:
  const Tokenizer* tokenizer_;
  bool skip_special_;
  DecoderRun run_;
};

}  // namespace lluda::tokenizer

#endif  // LLUDA_FRONTENDS_TOKENIZER_STREAM_DECODER_H_
