// The conversation that Qwen3-ASR is asked in, as tokens: what a person tells of the sound, the sound
// alone, and maybe the beginning of the answer.
//
//   <|im_start|>system
//   Names: Ada, Bob.<|im_end|>
//   <|im_start|>user
//   <|audio_start|><|audio_pad|><|audio_end|><|im_end|>
//   <|im_start|>assistant
//   language English<asr_text>
//
// The one <|audio_pad|> stands for all of the sound's rows (engine/media/media_rows.h). The model was
// trained on this text and no other, so it is not a template's, which its files may have beside it.
#ifndef LLUDA_ENGINE_TRANSCRIBE_ASR_PROMPT_H_
#define LLUDA_ENGINE_TRANSCRIBE_ASR_PROMPT_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "frontends/tokenizer/tokenizer.h"

namespace lluda::engine {

// The token that stands for a sound.
inline constexpr absl::string_view kAudioPad = "<|audio_pad|>";
// What an answer has before its text, behind the language.
inline constexpr absl::string_view kAsrText = "<asr_text>";

struct AsrQuestion {
  std::string context;   // names, words, what it is about; may be empty
  std::string language;  // as LanguageName has it; empty: the model finds out
};

// FailedPrecondition if the tokenizer lacks one of these tokens. Special tokens that are spelt out in
// the context are text.
absl::StatusOr<std::vector<int32_t>> AsrPrompt(const tokenizer::Tokenizer& tokenizer,
                                               const AsrQuestion& question);

}  // namespace lluda::engine

#endif  // LLUDA_ENGINE_TRANSCRIBE_ASR_PROMPT_H_
