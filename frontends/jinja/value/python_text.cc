#include "frontends/jinja/value/python_text.h"

#include <string.h>
#include <utf8proc.h>

#include <algorithm>

#include "absl/container/flat_hash_set.h"
#include "base/utf8.h"
#include "frontends/tokenizer/text/unicode.h"

namespace lluda::jinja {
namespace {

bool IsContinuation(char byte) { return (static_cast<uint8_t>(byte) & 0xC0) == 0x80; }

utf8proc_category_t CategoryOf(char32_t code_point) {
  return utf8proc_category(static_cast<utf8proc_int32_t>(code_point));
}

bool IsCased(char32_t code_point) {
  const utf8proc_category_t category = CategoryOf(code_point);
  return category == UTF8PROC_CATEGORY_LU || category == UTF8PROC_CATEGORY_LL ||
         category == UTF8PROC_CATEGORY_LT;
}

bool AllCasedAre(std::string_view text, utf8proc_category_t wanted) {
  bool has_letters = false;
  while (!text.empty()) {
    const base::Utf8Char next = base::ReadUtf8(text);
    if (IsCased(next.code_point)) {
      if (CategoryOf(next.code_point) != wanted) return false;
      has_letters = true;
    }
    text.remove_prefix(next.length);
  }
  return has_letters;
}

void AppendUpper(char32_t code_point, std::string* out) {
  constexpr char32_t kSharpS = 0xDF;
  if (code_point == kSharpS) {
    *out += "SS";
    return;
  }
  base::AppendUtf8(
      static_cast<char32_t>(utf8proc_toupper(static_cast<utf8proc_int32_t>(code_point))), out);
}

void AppendTitle(char32_t code_point, std::string* out) {
  constexpr char32_t kSharpS = 0xDF;
  if (code_point == kSharpS) {
    *out += "Ss";
    return;
  }
  base::AppendUtf8(
      static_cast<char32_t>(utf8proc_totitle(static_cast<utf8proc_int32_t>(code_point))), out);
}

void AppendLower(char32_t code_point, std::string* out) {
  base::AppendUtf8(
      static_cast<char32_t>(utf8proc_tolower(static_cast<utf8proc_int32_t>(code_point))), out);
}

// What a word of Case::kWords stands behind.
bool StartsWord(char32_t before) {
  constexpr std::u32string_view kOpening = U"-({[<";
  return kOpening.find(before) != std::u32string_view::npos || IsPythonSpace(before);
}

bool IsLineEnd(char32_t code_point) {
  return (code_point >= 0x0A && code_point <= 0x0D) || (code_point >= 0x1C && code_point <= 0x1E) ||
         code_point == 0x85 || code_point == 0x2028 || code_point == 0x2029;
}

}  // namespace

bool IsPythonSpace(char32_t code_point) {
  return tokenizer::IsWhitespace(code_point) || (code_point >= 0x1C && code_point <= 0x1F);
}

size_t CountCharacters(std::string_view text) {
  return text.size() - static_cast<size_t>(std::count_if(text.begin(), text.end(), IsContinuation));
}

std::vector<size_t> CharacterStarts(std::string_view text) {
  std::vector<size_t> starts;
  starts.reserve(text.size() + 1);
  for (size_t i = 0; i < text.size(); ++i) {
    if (!IsContinuation(text[i])) starts.push_back(i);
  }
  starts.push_back(text.size());
  return starts;
}

size_t LastCharacter(std::string_view text) {
  size_t last = text.size() - 1;
  while (last > 0 && IsContinuation(text[last])) --last;
  return last;
}

Text Strip(const Text& text, const std::string* characters, Side side) {
  const std::string_view bytes = text.bytes();
  absl::flat_hash_set<char32_t> stripped;
  for (size_t at = 0; characters != nullptr && at < characters->size();) {
    const base::Utf8Char next = base::ReadUtf8(std::string_view(*characters).substr(at));
    stripped.insert(next.code_point);
    at += next.length;
  }
  const auto is_stripped = [&](size_t at) {
    const base::Utf8Char next = base::ReadUtf8(bytes.substr(at));
    if (characters == nullptr) return IsPythonSpace(next.code_point);
    return stripped.contains(next.code_point);
  };
  size_t begin = 0, end = bytes.size();
  if (side != Side::kRight) {
    while (begin < end && is_stripped(begin)) begin += base::ReadUtf8(bytes.substr(begin)).length;
  }
  while (side != Side::kLeft && begin < end) {
    const size_t last = LastCharacter(bytes.substr(0, end));
    if (!is_stripped(last)) break;
    end = last;
  }
  return text.Part(begin, end);
}

Text ChangeCase(const Text& text, Case wanted) {
  Text changed;
  bool is_first = true;  // of the text
  bool in_word = false;
  size_t begin = 0;
  for (const Text::Run& run : text.runs()) {
    std::string part;
    std::string_view rest = std::string_view(text.bytes()).substr(begin, run.end - begin);
    while (!rest.empty()) {
      const base::Utf8Char next = base::ReadUtf8(rest);
      const bool starts = wanted == Case::kCapitalized ? is_first : !in_word;
      if (wanted == Case::kUpper) {
        AppendUpper(next.code_point, &part);
      } else if (wanted != Case::kLower && starts) {
        AppendTitle(next.code_point, &part);
      } else {
        AppendLower(next.code_point, &part);
      }
      is_first = false;
      in_word = wanted == Case::kTitle ? IsCased(next.code_point) : !StartsWord(next.code_point);
      rest.remove_prefix(next.length);
    }
    changed.Append(part, run.origin);
    begin = run.end;
  }
  return changed;
}

std::vector<Text> SplitLines(const Text& text, bool keep_ends, Budget* budget) {
  std::vector<Text> lines;
  const std::string_view bytes = text.bytes();
  size_t begin = 0;
  for (size_t at = 0; at < bytes.size() && !budget->spent();) {
    const base::Utf8Char next = base::ReadUtf8(bytes.substr(at));
    size_t end = at + next.length;
    if (IsLineEnd(next.code_point)) {
      if (next.code_point == '\r' && end < bytes.size() && bytes[end] == '\n') ++end;
      budget->ChargeParts(kPartsPerText);
      lines.push_back(text.Part(begin, keep_ends ? end : at));
      begin = end;
    }
    at = end;
  }
  if (begin < bytes.size()) lines.push_back(text.Part(begin, bytes.size()));
  return lines;
}

bool IsUpper(std::string_view text) { return AllCasedAre(text, UTF8PROC_CATEGORY_LU); }
bool IsLower(std::string_view text) { return AllCasedAre(text, UTF8PROC_CATEGORY_LL); }

size_t FindText(std::string_view text, std::string_view part, size_t from) {
  if (from > text.size()) return std::string_view::npos;
  if (part.empty()) return from;
  const void* found = memmem(text.data() + from, text.size() - from, part.data(), part.size());
  return found == nullptr ? std::string_view::npos
                          : static_cast<size_t>(static_cast<const char*>(found) - text.data());
}

size_t FindLastText(std::string_view text, std::string_view part) {
  if (part.empty()) return text.size();
  const std::string backwards(text.rbegin(), text.rend());
  const std::string wanted(part.rbegin(), part.rend());
  const size_t at = FindText(backwards, wanted);
  return at == std::string_view::npos ? at : text.size() - at - part.size();
}

}  // namespace lluda::jinja
