#include "engine/transcribe/asr_prompt.h"

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/utf8.h"

namespace lluda::engine {
namespace {

constexpr absl::string_view kTokens[] = {"<|im_start|>", "<|im_end|>",    "<|audio_start|>",
                                         kAudioPad,      "<|audio_end|>", kAsrText};
constexpr absl::string_view kBeforeContext = "<|im_start|>system\n";
constexpr absl::string_view kAfterContext =
    "<|im_end|>\n"
    "<|im_start|>user\n<|audio_start|><|audio_pad|><|audio_end|><|im_end|>\n"
    "<|im_start|>assistant\n";

}  // namespace

absl::StatusOr<std::vector<int32_t>> AsrPrompt(const tokenizer::Tokenizer& tokenizer,
                                               const AsrQuestion& question) {
  for (const absl::string_view token : kTokens) {
    if (tokenizer.TokenToId({token.data(), token.size()}).has_value()) continue;
    return absl::FailedPreconditionError(
        absl::StrCat("the tokenizer has no token '", token,
                     "'; a model that transcribes is of the family Qwen3-ASR"));
  }
  std::string text = absl::StrCat(kBeforeContext, base::ReplaceInvalidUtf8(question.context));
  const size_t context_end = text.size();
  absl::StrAppend(&text, kAfterContext);
  if (!question.language.empty()) {
    absl::StrAppend(&text, "language ", question.language, kAsrText);
  }
  const std::vector<tokenizer::TextRange> ours = {{0, kBeforeContext.size()},
                                                  {context_end, text.size()}};
  tokenizer::EncodeOptions options;
  options.special_ranges = &ours;
  return tokenizer.Encode(text, options);
}

}  // namespace lluda::engine
