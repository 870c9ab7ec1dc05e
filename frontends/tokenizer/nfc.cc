#include "frontends/tokenizer/nfc.h"

#include <glog/logging.h>
#include <utf8proc.h>

#include <algorithm>
#include <cstdint>
#include <vector>

#include "frontends/tokenizer/utf8.h"

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

int CombiningClass(utf8proc_int32_t code_point) {
  return utf8proc_get_property(code_point)->combining_class;
}

std::vector<utf8proc_int32_t> Decompose(std::string_view text) {
  std::vector<utf8proc_int32_t> out;
  out.reserve(text.size());
  while (!text.empty()) {
    const Utf8Char next = ReadUtf8(text);
    utf8proc_int32_t parts[kLongestDecomposition];
    int boundary_class = 0;
    const utf8proc_ssize_t count = utf8proc_decompose_char(
        static_cast<utf8proc_int32_t>(next.code_point), parts, kLongestDecomposition,
        static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_DECOMPOSE), &boundary_class);
    CHECK(count >= 0 && count <= kLongestDecomposition) << "U+" << std::hex << next.code_point;
    out.insert(out.end(), parts, parts + count);
    text.remove_prefix(next.length);
  }
  return out;
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

}  // namespace

std::string ToNfc(std::string_view text) {
  if (IsTriviallyNfc(text)) return std::string(text);
  std::vector<utf8proc_int32_t> code_points = Decompose(text);
  OrderMarks(&code_points);
  const utf8proc_ssize_t length = utf8proc_normalize_utf32(
      code_points.data(), static_cast<utf8proc_ssize_t>(code_points.size()),
      static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_COMPOSE));
  CHECK_GE(length, 0);
  std::string out;
  out.reserve(text.size());
  for (utf8proc_ssize_t i = 0; i < length; ++i) {
    AppendUtf8(static_cast<char32_t>(code_points[i]), &out);
  }
  return out;
}

}  // namespace lluda::tokenizer
