#include "frontends/tokenizer/text/unicode.h"

#include <utf8proc.h>

#include <cstdint>

namespace lluda::tokenizer {
namespace {

struct Range {
  char32_t first;
  char32_t last;
};

constexpr Range kWhitespace[] = {
    {0x09, 0x0D},     {0x20, 0x20},     {0x85, 0x85},     {0xA0, 0xA0},     {0x1680, 0x1680},
    {0x2000, 0x200A}, {0x2028, 0x2029}, {0x202F, 0x202F}, {0x205F, 0x205F}, {0x3000, 0x3000},
};

// Join_Control, and the symbols with the property Alphabetic: neither follows from the general
// category.
constexpr Range kOtherWord[] = {
    {0x200C, 0x200D}, {0x24B6, 0x24E9}, {0x1F130, 0x1F149}, {0x1F150, 0x1F169}, {0x1F170, 0x1F189},
};

constexpr uint32_t Bit(utf8proc_category_t category) { return uint32_t{1} << category; }

constexpr uint32_t kWordCategories =
    Bit(UTF8PROC_CATEGORY_LU) | Bit(UTF8PROC_CATEGORY_LL) | Bit(UTF8PROC_CATEGORY_LT) |
    Bit(UTF8PROC_CATEGORY_LM) | Bit(UTF8PROC_CATEGORY_LO) | Bit(UTF8PROC_CATEGORY_MN) |
    Bit(UTF8PROC_CATEGORY_MC) | Bit(UTF8PROC_CATEGORY_ME) | Bit(UTF8PROC_CATEGORY_ND) |
    Bit(UTF8PROC_CATEGORY_NL) | Bit(UTF8PROC_CATEGORY_PC);

template <size_t kSize>
bool Contains(const Range (&ranges)[kSize], char32_t code_point) {
  for (const Range& range : ranges) {
    if (code_point >= range.first && code_point <= range.last) return true;
  }
  return false;
}

}  // namespace

bool IsWhitespace(char32_t code_point) { return Contains(kWhitespace, code_point); }

bool IsWordCharacter(char32_t code_point) {
  const utf8proc_category_t category = utf8proc_category(static_cast<utf8proc_int32_t>(code_point));
  return ((kWordCategories >> category) & 1) != 0 || Contains(kOtherWord, code_point);
}

}  // namespace lluda::tokenizer
