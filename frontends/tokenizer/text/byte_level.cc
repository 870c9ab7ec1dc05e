#include "frontends/tokenizer/text/byte_level.h"

#include <array>
#include <cstdint>

#include "base/utf8.h"

namespace lluda::tokenizer {
namespace {

constexpr int kAlphabetEnd = 0x100 + 68;

constexpr bool StandsForItself(int byte) {
  return (byte >= '!' && byte <= '~') || (byte >= 0xA1 && byte <= 0xAC) || byte >= 0xAE;
}

struct Alphabet {
  std::array<uint16_t, 256> code_point{};
  std::array<int16_t, kAlphabetEnd> byte{};  // -1 where no byte has this code point.
};

constexpr Alphabet MakeAlphabet() {
  Alphabet alphabet;
  for (int code_point = 0; code_point < kAlphabetEnd; ++code_point) {
    alphabet.byte[code_point] = -1;
  }
  int next = 0x100;
  for (int byte = 0; byte < 256; ++byte) {
    const int code_point = StandsForItself(byte) ? byte : next++;
    alphabet.code_point[byte] = static_cast<uint16_t>(code_point);
    alphabet.byte[code_point] = static_cast<int16_t>(byte);
  }
  return alphabet;
}

constexpr Alphabet kAlphabet = MakeAlphabet();

}  // namespace

std::string EncodeByteLevel(std::string_view bytes) {
  std::string out;
  out.reserve(bytes.size() * 2);
  for (const char c : bytes) base::AppendUtf8(kAlphabet.code_point[static_cast<uint8_t>(c)], &out);
  return out;
}

std::string DecodeByteLevel(std::string_view content) {
  std::string out;
  out.reserve(content.size());
  for (size_t i = 0; i < content.size();) {
    const base::Utf8Char next = base::ReadUtf8(content.substr(i));
    const int byte = next.code_point < kAlphabetEnd ? kAlphabet.byte[next.code_point] : -1;
    if (byte < 0) return std::string(content);
    out.push_back(static_cast<char>(byte));
    i += next.length;
  }
  return out;
}

}  // namespace lluda::tokenizer
