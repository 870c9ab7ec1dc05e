// Reads an answer of Qwen3-ASR while it is written: "language English<asr_text>Hello." is the text
// "Hello." in English, and "language None<asr_text>" says that nobody speaks.
//
//   AsrAnswer answer("");             // the language was not given
//   answer.Add("language Eng");       // ""
//   answer.Add("lish<asr_text> Hel"); // "Hel"
//   answer.Add("lo.");                // "lo."
//   answer.Finish();                  // ""
//   answer.language();                // "English"
#ifndef LLUDA_ENGINE_TRANSCRIBE_ASR_ANSWER_H_
#define LLUDA_ENGINE_TRANSCRIBE_ASR_ANSWER_H_

#include <string>

#include "absl/strings/string_view.h"

namespace lluda::engine {

class AsrAnswer {
 public:
  // `language` is the one that the prompt named, so that the answer is nothing but the text; or "".
  explicit AsrAnswer(std::string language);

  // The part of the text that became certain by this piece of the answer. Space before and behind
  // the text is no part of it.
  std::string Add(absl::string_view piece);
  // The same at the end. An answer without <asr_text> is all text, unless it begins as one with it.
  std::string Finish();

  const std::string& text() const { return text_; }
  // Empty if the answer names none, or says that nobody speaks.
  const std::string& language() const { return language_; }

 private:
  std::string Give(absl::string_view piece);

  std::string language_;
  bool in_text_;
  std::string head_;   // of the answer, until the text begins
  std::string space_;  // that came last; it may be the end
  std::string text_;
};

}  // namespace lluda::engine

#endif  // LLUDA_ENGINE_TRANSCRIBE_ASR_ANSWER_H_
