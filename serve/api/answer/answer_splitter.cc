#include "serve/api/answer/answer_splitter.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/json/json.h"
#include "base/sha256.h"

namespace lluda::api {
namespace {

constexpr std::string_view kMarkerTexts[] = {"<think>", "</think>", "<tool_call>", "</tool_call>"};
constexpr size_t kCallIdDigits = 24;

bool IsNewline(char c) { return c == '\n'; }
bool IsSpace(char c) { return c == '\n' || c == ' ' || c == '\t' || c == '\r'; }

}  // namespace

AnswerSplitter::AnswerSplitter(const tokenizer::Tokenizer* tokenizer, SplitOptions options)
    : tokenizer_(tokenizer), options_(std::move(options)), decoder_(tokenizer) {
  for (int kind = 0; kind < kMarkers; ++kind) {
    Marker& marker = markers_[kind];
    marker.id = tokenizer->TokenToId(kMarkerTexts[kind]);
    if (!marker.id || tokenizer->IsSpecial(*marker.id)) continue;
    marker.text = std::string(kMarkerTexts[kind]);
  }
  if (!options_.starts_in_thought) return;
  thinks_ = true;
  part_ = Part::kThought;
  skips_newlines_ = true;
}

AnswerDelta AnswerSplitter::Add(int32_t id, absl::string_view text) {
  AnswerDelta delta;
  if (done_) return delta;
  decoded_ += decoder_.Add(id).size();
  for (int kind = 0; kind < kMarkers; ++kind) {
    if (markers_[kind].id != id) continue;
    found_.push_back({decoded_ - markers_[kind].text.size(), static_cast<MarkerKind>(kind)});
    if (kind == kThinkBegin) thinks_ = true;
  }
  if (thinks_) ++reasoning_tokens_;
  if (markers_[kThinkEnd].id == id) thinks_ = false;
  waiting_.append(text.data(), text.size());
  Process(/*is_last=*/false, &delta);
  return delta;
}

AnswerDelta AnswerSplitter::Finish(absl::string_view rest) {
  AnswerDelta delta;
  if (done_) return delta;
  waiting_.append(rest.data(), rest.size());
  Process(/*is_last=*/true, &delta);
  // A call that was cut off stays one as far as it came. Before its arguments it can not be given
  // out, and is no content either.
  if (part_ == Part::kCall && !call_is_open_ && !reader_.may_have_arguments()) {
    part_ = Part::kContent;
    const std::string call = std::exchange(call_, "");
    AddContent(absl::StrCat(base::ToAbsl(kMarkerTexts[kCallBegin]), call), &delta);
  }
  if (part_ == Part::kContent) delta.content += held_;
  held_.clear();
  return delta;
}

void AnswerSplitter::Process(bool is_last, AnswerDelta* delta) {
  const auto take = [this](size_t count) {
    std::string text = waiting_.substr(0, count);
    waiting_.erase(0, text.size());
    taken_ += text.size();
    return text;
  };
  while (!found_.empty() && !done_) {
    const Found& next = found_.front();
    const std::string& marker = markers_[next.kind].text;
    if (next.begin > taken_) AddText(take(next.begin - taken_), delta);
    if (taken_ < next.begin || waiting_.size() < marker.size()) break;
    const MarkerKind kind = next.kind;
    found_.pop_front();
    const std::string text = take(marker.size());
    Means(kind) ? Enter(kind, delta) : AddText(text, delta);
  }
  if (done_ || (!found_.empty() && !is_last)) return;
  AddText(take(waiting_.size()), delta);
}

bool AnswerSplitter::Means(MarkerKind kind) const {
  switch (kind) {
    case kThinkBegin:
      return part_ == Part::kContent;
    case kThinkEnd:
      return part_ == Part::kThought;
    case kCallBegin:
      return part_ == Part::kContent && !options_.tool_names.empty();
    case kCallEnd:
    case kMarkers:
      break;
  }
  return part_ == Part::kCall;
}

void AnswerSplitter::Enter(MarkerKind kind, AnswerDelta* delta) {
  switch (kind) {
    case kThinkBegin:
      delta->content += std::exchange(held_, "");
      part_ = Part::kThought;
      skips_newlines_ = true;
      return;
    case kThinkEnd:
      held_.clear();
      part_ = Part::kContent;
      skips_newlines_ = true;
      return;
    case kCallBegin:
      part_ = Part::kCall;
      reader_ = CallReader();
      return;
    case kCallEnd:
    case kMarkers:
      break;
  }
  EndCall(delta);
}

void AnswerSplitter::AddText(absl::string_view text, AnswerDelta* delta) {
  if (part_ == Part::kCall) {
    AddToCall(text, delta);
    return;
  }
  if (skips_newlines_) {
    while (!text.empty() && IsNewline(text.front())) text.remove_prefix(1);
    if (text.empty()) return;
    skips_newlines_ = false;
  }
  if (part_ == Part::kContent) {
    AddContent(text, delta);
    return;
  }
  held_.append(text.data(), text.size());
  size_t end = held_.size();
  while (end > 0 && IsNewline(held_[end - 1])) --end;
  delta->reasoning += held_.substr(0, end);
  held_.erase(0, end);
}

// White space before a call is no content, so it waits where a call may come.
void AnswerSplitter::AddContent(absl::string_view text, AnswerDelta* delta) {
  held_.append(text.data(), text.size());
  size_t end = held_.size();
  while (!options_.tool_names.empty() && end > 0 && IsSpace(held_[end - 1])) --end;
  delta->content += held_.substr(0, end);
  held_.erase(0, end);
}

void AnswerSplitter::AddToCall(absl::string_view text, AnswerDelta* delta) {
  reader_.Add(text);
  if (!call_is_open_) {
    call_.append(text.data(), text.size());
    if (!reader_.has_arguments() || !IsDeclared(reader_.name())) return;
    call_is_open_ = true;
    call_.clear();
    held_.clear();
    const std::string key = absl::StrCat(options_.call_key, ":", calls_);
    const std::string id = "call_" + base::HexOf(base::Sha256(key)).substr(0, kCallIdDigits);
    delta->calls.push_back({calls_, id, reader_.name(), reader_.TakeArguments()});
    return;
  }
  std::string arguments = reader_.TakeArguments();
  if (arguments.empty()) return;
  ToolCall more;
  more.index = calls_;
  more.arguments = std::move(arguments);
  AddCall(std::move(more), &delta->calls);
}

bool AnswerSplitter::IsDeclared(const std::string& name) const {
  const std::vector<std::string>& names = options_.tool_names;
  return std::find(names.begin(), names.end(), name) != names.end();
}

void AnswerSplitter::EndCall(AnswerDelta* delta) {
  part_ = Part::kContent;
  if (!std::exchange(call_is_open_, false)) {
    const std::string text = std::exchange(call_, "");
    AddContent(absl::StrCat(base::ToAbsl(kMarkerTexts[kCallBegin]), text,
                            base::ToAbsl(kMarkerTexts[kCallEnd])),
               delta);
    return;
  }
  ++calls_;
  done_ = !options_.parallel_calls;
}

}  // namespace lluda::api
