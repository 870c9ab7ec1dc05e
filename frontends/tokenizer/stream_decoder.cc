#include "frontends/tokenizer/stream_decoder.h"

namespace lluda::tokenizer {

std::string StreamDecoder::Add(int32_t id) {
  std::string text;
  const bool is_token = id >= 0 && id < tokenizer_->vocabulary_size();
  if (is_token && !(skip_special_ && tokenizer_->IsSpecial(id))) {
    run_.Add(tokenizer_->TokenText(id), &text);
  }
  return text;
}

std::string StreamDecoder::Finish() {
  std::string text;
  run_.Finish(&text);
  return text;
}

}  // namespace lluda::tokenizer
