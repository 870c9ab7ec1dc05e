#include "frontends/tokenizer/text/nfc.h"

#include <glog/logging.h>
#include <utf8proc.h>

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <vector>

#include "base/utf8.h"

namespace lluda::tokenizer {
namespace {

// The longest full canonical decomposition of a single code point has four code points (Unicode FAQ
// on normalization).
constexpr int kLongestDecomposition = 4;

// No code point below U+0300 (UTF-8 lead byte 0xCC) decomposes in NFC or composes with its
// predecessor.
bool IsTriviallyNfc(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return static_cast<uint8_t>(c) < 0xCC; });
}

struct Range {
  char32_t first;
  char32_t last;
};

// The characters newer than Unicode 9 that have a combining class, or take part in a composition,
// up to Unicode 16.
constexpr Range kNewer[] = {
    {0x07FD, 0x07FD},   {0x0897, 0x089F},   {0x08CA, 0x08D3},   {0x09FE, 0x09FE},
    {0x0C3C, 0x0C3C},   {0x0D3B, 0x0D3C},   {0x0EBA, 0x0EBA},   {0x1715, 0x1715},
    {0x1ABF, 0x1ACE},   {0x1DF6, 0x1DFA},   {0xA82C, 0xA82C},   {0x105C0, 0x105FF},
    {0x10D24, 0x10D27}, {0x10D69, 0x10D6D}, {0x10EAB, 0x10EAC}, {0x10EFC, 0x10EFF},
    {0x10F46, 0x10F50}, {0x10F82, 0x10F85}, {0x11070, 0x11070}, {0x1133B, 0x1133B},
    {0x11380, 0x113FF}, {0x1145E, 0x1145E}, {0x11839, 0x1183A}, {0x11930, 0x11938},
    {0x1193D, 0x1193E}, {0x11943, 0x11943}, {0x119E0, 0x119E0}, {0x11A34, 0x11A34},
    {0x11A47, 0x11A47}, {0x11A99, 0x11A99}, {0x11D42, 0x11D42}, {0x11D44, 0x11D45},
    {0x11D97, 0x11D97}, {0x11F41, 0x11F42}, {0x16100, 0x1613F}, {0x16D40, 0x16D7F},
    {0x16FF0, 0x16FF1}, {0x1E08F, 0x1E08F}, {0x1E130, 0x1E136}, {0x1E2AE, 0x1E2AE},
    {0x1E2EC, 0x1E2EF}, {0x1E4EC, 0x1E4EF}};

// One before the first trailing consonant of Hangul. It has no combining class and takes part in no
// composition, but utf8proc 2.8 counts from here and takes it for trailing consonant number 0: it
// would vanish behind a syllable.
constexpr char32_t kHangulTrailingBase = 0x11A7;

bool IsNewer(char32_t code_point) {
  const Range* range = std::lower_bound(
      std::begin(kNewer), std::end(kNewer), code_point,
      [](const Range& candidate, char32_t value) { return candidate.last < value; });
  return range != std::end(kNewer) && range->first <= code_point;
}

// A character that stays as it is and that nothing is ordered or composed across. So the text
// before it and the text behind it can be normalised each by itself.
bool StandsAlone(char32_t code_point) {
  return code_point == kHangulTrailingBase || IsNewer(code_point);
}

int CombiningClass(utf8proc_int32_t code_point) {
  return utf8proc_get_property(code_point)->combining_class;
}

void AppendDecomposition(char32_t code_point, std::vector<utf8proc_int32_t>* out) {
  utf8proc_int32_t parts[kLongestDecomposition];
  int boundary_class = 0;
  const utf8proc_ssize_t count = utf8proc_decompose_char(
      static_cast<utf8proc_int32_t>(code_point), parts, kLongestDecomposition,
      static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_DECOMPOSE), &boundary_class);
  CHECK(count >= 0 && count <= kLongestDecomposition) << "U+" << std::hex << code_point;
  out->insert(out->end(), parts, parts + count);
}

// The Canonical Ordering Algorithm (Unicode Standard, D109): a stable sort of each run of marks by
// combining class.
void OrderMarks(std::vector<utf8proc_int32_t>* text) {
  const auto is_mark = [](utf8proc_int32_t c) { return CombiningClass(c) != 0; };
  for (auto begin = text->begin(); begin != text->end();) {
    begin = std::find_if(begin, text->end(), is_mark);
    const auto end = std::find_if_not(begin, text->end(), is_mark);
    std::stable_sort(begin, end, [](utf8proc_int32_t a, utf8proc_int32_t b) {
      return CombiningClass(a) < CombiningClass(b);
    });
    begin = end;
  }
}

// Orders and composes what was decomposed, and moves it to `out`.
void Compose(std::vector<utf8proc_int32_t>* decomposed, std::string* out) {
  OrderMarks(decomposed);
  const utf8proc_ssize_t length = utf8proc_normalize_utf32(
      decomposed->data(), static_cast<utf8proc_ssize_t>(decomposed->size()),
      static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_COMPOSE));
  CHECK_GE(length, 0);
  for (utf8proc_ssize_t i = 0; i < length; ++i) {
    base::AppendUtf8(static_cast<char32_t>((*decomposed)[i]), out);
  }
  decomposed->clear();
}

}  // namespace

std::string ToNfc(std::string_view text) {
  if (IsTriviallyNfc(text)) return std::string(text);
  std::string out;
  out.reserve(text.size());
  std::vector<utf8proc_int32_t> decomposed;
  decomposed.reserve(text.size());
  while (!text.empty()) {
    const base::Utf8Char next = base::ReadUtf8(text);
    if (StandsAlone(next.code_point)) {
      Compose(&decomposed, &out);
      base::AppendUtf8(next.code_point, &out);
    } else {
      AppendDecomposition(next.code_point, &decomposed);
    }
    text.remove_prefix(next.length);
  }
  Compose(&decomposed, &out);
  return out;
}

}  // namespace lluda::tokenizer
