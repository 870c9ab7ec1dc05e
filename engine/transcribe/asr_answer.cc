#include "engine/transcribe/asr_answer.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "engine/transcribe/asr_prompt.h"

namespace lluda::engine {
namespace {

constexpr absl::string_view kLanguage = "language ";
constexpr absl::string_view kNobody = "None";
constexpr size_t kLongestHead = 64;  // bytes; no language's name is near it

// Whether an answer that begins so may come to <asr_text>.
bool MayBeHead(absl::string_view head) {
  const size_t shorter = std::min(head.size(), kLanguage.size());
  return head.size() <= kLongestHead && head.substr(0, shorter) == kLanguage.substr(0, shorter);
}

std::string LanguageOf(absl::string_view head) {
  if (!absl::ConsumePrefix(&head, kLanguage)) return "";
  head = absl::StripAsciiWhitespace(head);
  return absl::EqualsIgnoreCase(head, kNobody) ? "" : std::string(head);
}

}  // namespace

AsrAnswer::AsrAnswer(std::string language)
    : language_(std::move(language)), in_text_(!language_.empty()) {}

std::string AsrAnswer::Give(absl::string_view piece) {
  if (text_.empty()) piece = absl::StripLeadingAsciiWhitespace(piece);
  const absl::string_view visible = absl::StripTrailingAsciiWhitespace(piece);
  std::string given;
  if (!visible.empty()) given = absl::StrCat(std::exchange(space_, {}), visible);
  if (!text_.empty() || !visible.empty()) absl::StrAppend(&space_, piece.substr(visible.size()));
  text_ += given;
  return given;
}

std::string AsrAnswer::Add(absl::string_view piece) {
  if (in_text_) return Give(piece);
  absl::StrAppend(&head_, piece);
  const size_t tag = absl::string_view(head_).find(kAsrText);
  if (tag != std::string::npos) {
    in_text_ = true;
    language_ = LanguageOf(absl::string_view(head_).substr(0, tag));
    return Give(absl::string_view(head_).substr(tag + kAsrText.size()));
  }
  if (MayBeHead(head_)) return "";
  in_text_ = true;
  return Give(head_);
}

std::string AsrAnswer::Finish() {
  if (in_text_) return "";
  in_text_ = true;
  return absl::StartsWith(head_, kLanguage) ? "" : Give(head_);
}

}  // namespace lluda::engine
