// The two character classes the added tokens need, as Unicode properties.
//
//   IsWhitespace(0x3000)   (White_Space: ideographic space)
//   IsWordCharacter(U'é')  (\w of Unicode Technical Standard 18, Annex C)
#ifndef LLUDA_FRONTENDS_TOKENIZER_TEXT_UNICODE_H_
#define LLUDA_FRONTENDS_TOKENIZER_TEXT_UNICODE_H_

namespace lluda::tokenizer {

// The property White_Space, as the inside of an RE2 character class.
inline constexpr char kWhitespaceClass[] =
    R"(\t-\r \x{85}\x{A0}\x{1680}\x{2000}-\x{200A}\x{2028}\x{2029}\x{202F}\x{205F}\x{3000})";

bool IsWhitespace(char32_t code_point);

bool IsWordCharacter(char32_t code_point);

}  // namespace lluda::tokenizer

#endif  // LLUDA_FRONTENDS_TOKENIZER_TEXT_UNICODE_H_
