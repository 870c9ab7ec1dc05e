// The byte-level alphabet of GPT-2: every byte is written as one printable character, so that a
// vocabulary of strings can hold any bytes. Printable ASCII and Latin-1 stand for themselves; the
// other 68 bytes are U+0100, U+0101, ... Source: bytes_to_unicode() in OpenAI's GPT-2 encoder.py.
//
//   EncodeByteLevel(" a\n")  == "ĠaĊ"
//   DecodeByteLevel("ĠaĊ")   == " a\n"
#ifndef LLUDA_FRONTENDS_TOKENIZER_TEXT_BYTE_LEVEL_H_
#define LLUDA_FRONTENDS_TOKENIZER_TEXT_BYTE_LEVEL_H_

#include <string>
#include <string_view>

namespace lluda::tokenizer {

std::string EncodeByteLevel(std::string_view bytes);

// The bytes that `content`, valid UTF-8, stands for. A content with a character outside the
// alphabet stands for itself, as in Hugging Face's ByteLevel decoder.
std::string DecodeByteLevel(std::string_view content);

}  // namespace lluda::tokenizer

#endif  // LLUDA_FRONTENDS_TOKENIZER_TEXT_BYTE_LEVEL_H_
