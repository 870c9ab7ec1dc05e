#include "base/utf8.h"

#include <algorithm>
#include <cstdint>

namespace lluda::base {
namespace {

constexpr char32_t kReplacementCharacter = 0xFFFD;

// One row of table 3-7 of the Unicode Standard: the lead bytes, and the range of the second byte.
// Further bytes are all 80..BF.
struct LeadRow {
  uint8_t first;
  uint8_t last;
  uint8_t length;
  uint8_t second_first;
  uint8_t second_last;
};
constexpr LeadRow kLeadRows[] = {
    {0x00, 0x7F, 1, 0, 0},       {0xC2, 0xDF, 2, 0x80, 0xBF}, {0xE0, 0xE0, 3, 0xA0, 0xBF},
    {0xE1, 0xEC, 3, 0x80, 0xBF}, {0xED, 0xED, 3, 0x80, 0x9F}, {0xEE, 0xEF, 3, 0x80, 0xBF},
    {0xF0, 0xF0, 4, 0x90, 0xBF}, {0xF1, 0xF3, 4, 0x80, 0xBF}, {0xF4, 0xF4, 4, 0x80, 0x8F},
};

}  // namespace

Utf8Char ReadUtf8(std::string_view text) {
  const uint8_t lead = static_cast<uint8_t>(text[0]);
  for (const LeadRow& row : kLeadRows) {
    if (lead < row.first || lead > row.last) continue;
    if (row.length == 1) return {lead, 1, true, false};
    char32_t code_point = lead & (0x7F >> row.length);
    for (size_t i = 1; i < row.length; ++i) {
      if (i == text.size()) return {kReplacementCharacter, i, false, true};
      const uint8_t byte = static_cast<uint8_t>(text[i]);
      const uint8_t first = i == 1 ? row.second_first : 0x80;
      const uint8_t last = i == 1 ? row.second_last : 0xBF;
      if (byte < first || byte > last) return {kReplacementCharacter, i, false, false};
      code_point = (code_point << 6) | (byte & 0x3F);
    }
    return {code_point, row.length, true, false};
  }
  return {kReplacementCharacter, 1, false, false};
}

void AppendUtf8(char32_t code_point, std::string* out) {
  const auto put = [out](uint32_t byte) { out->push_back(static_cast<char>(byte)); };
  if (code_point < 0x80) {
    put(code_point);
  } else if (code_point < 0x800) {
    put(0xC0 | (code_point >> 6));
    put(0x80 | (code_point & 0x3F));
  } else if (code_point < 0x10000) {
    put(0xE0 | (code_point >> 12));
    put(0x80 | ((code_point >> 6) & 0x3F));
    put(0x80 | (code_point & 0x3F));
  } else {
    put(0xF0 | (code_point >> 18));
    put(0x80 | ((code_point >> 12) & 0x3F));
    put(0x80 | ((code_point >> 6) & 0x3F));
    put(0x80 | (code_point & 0x3F));
  }
}

bool IsOneCharacter(std::string_view text) {
  if (text.empty()) return false;
  const Utf8Char first = ReadUtf8(text);
  return first.valid && first.length == text.size();
}

std::string ReplaceInvalidUtf8(std::string_view text) {
  std::string result;
  result.reserve(text.size());
  size_t copied = 0;  // all before it is in `result`
  for (size_t pos = 0; pos < text.size();) {
    const Utf8Char next = ReadUtf8(text.substr(pos));
    if (!next.valid) {
      result.append(text.substr(copied, pos - copied));
      AppendUtf8(kReplacementCharacter, &result);
      copied = pos + next.length;
    }
    pos += next.length;
  }
  return result.append(text.substr(copied));
}

size_t CompleteUtf8Prefix(std::string_view bytes) {
  for (size_t tail = 1; tail <= std::min<size_t>(3, bytes.size()); ++tail) {
    const std::string_view last = bytes.substr(bytes.size() - tail);
    if ((static_cast<uint8_t>(last[0]) & 0xC0) == 0x80) continue;
    const Utf8Char next = ReadUtf8(last);
    return next.truncated && next.length == tail ? bytes.size() - tail : bytes.size();
  }
  return bytes.size();
}

}  // namespace lluda::base
