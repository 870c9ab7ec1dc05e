// Parts what a chat model writes into thoughts, content and calls of tools. Markers are told by the
// token's id, never by its text: a "<tool_call>" that is spelt out in letters is content.
//
//   AnswerSplitter splitter(&tokenizer, options);
//   AnswerDelta delta = splitter.Add(token.id, token.text);   // what became certain by this token
//   delta = splitter.Finish(rest);
//
// The deltas' texts in a row are the same however the text was released. A call of a declared tool is
// given out from where its arguments begin, and they follow as they come; one that is cut off before
// them is left out; what is no such call stays content, markers and all.
#ifndef LLUDA_SERVE_API_ANSWER_ANSWER_SPLITTER_H_
#define LLUDA_SERVE_API_ANSWER_ANSWER_SPLITTER_H_

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "frontends/tokenizer/stream_decoder.h"
#include "serve/api/answer/answer.h"
#include "serve/api/answer/call_reader.h"

namespace lluda::api {

struct SplitOptions {
  bool starts_in_thought = false;       // the prompt ends within one
  std::vector<std::string> tool_names;  // none: calls are content
  bool parallel_calls = true;           // false: the answer ends with the first call
  std::string call_key;                 // what ids of calls are made of
};

class AnswerSplitter {
 public:
  AnswerSplitter(const tokenizer::Tokenizer* tokenizer, SplitOptions options);

  // A token, and the text that became certain by it, which may be of earlier ones.
  AnswerDelta Add(int32_t id, absl::string_view text);
  AnswerDelta Finish(absl::string_view rest);

  // Whether the answer has ended though the model goes on.
  bool done() const { return done_; }
  // Those that have ended.
  int64_t calls() const { return calls_; }
  int64_t reasoning_tokens() const { return reasoning_tokens_; }
  // Whether the tokenizer has the tokens that thoughts stand between.
  bool can_think() const { return markers_[kThinkEnd].id.has_value(); }

 private:
  enum MarkerKind : uint8_t { kThinkBegin, kThinkEnd, kCallBegin, kCallEnd, kMarkers };
  struct Marker {
    std::optional<int32_t> id;
    std::string text;  // that stands in the output for it; empty where it is hidden
  };
  struct Found {
    uint64_t begin;  // in the output's bytes
    MarkerKind kind;
  };
  enum class Part : uint8_t { kThought, kContent, kCall };

  void Process(bool is_last, AnswerDelta* delta);
  // Whether the marker means something here.
  bool Means(MarkerKind kind) const;
  void Enter(MarkerKind kind, AnswerDelta* delta);
  void AddText(absl::string_view text, AnswerDelta* delta);
  void AddContent(absl::string_view text, AnswerDelta* delta);
  void AddToCall(absl::string_view text, AnswerDelta* delta);
  bool IsDeclared(const std::string& name) const;
  void EndCall(AnswerDelta* delta);

  const tokenizer::Tokenizer* tokenizer_;
  SplitOptions options_;
  Marker markers_[kMarkers];
  tokenizer::StreamDecoder decoder_;
  uint64_t decoded_ = 0;  // bytes of the output, those that are held back included
  uint64_t taken_ = 0;    // of them, those before waiting_
  std::string waiting_;
  std::deque<Found> found_;

  Part part_ = Part::kContent;
  bool skips_newlines_ = false;  // at the start of a part
  std::string held_;             // newlines or white space that may be its end
  std::string call_;             // until it is known to be one
  CallReader reader_;
  bool call_is_open_ = false;  // its beginning was given out
  bool thinks_ = false;        // by the tokens so far
  bool done_ = false;
  int64_t calls_ = 0;
  int64_t reasoning_tokens_ = 0;
};

}  // namespace lluda::api

#endif  // LLUDA_SERVE_API_ANSWER_ANSWER_SPLITTER_H_
