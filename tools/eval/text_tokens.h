// A text as a model reads it.
//
//   TextTokens tokens = TokensOf(tokenizer, "Once upon");
//   tokens.front;   // {1}, of a tokenizer that puts <s> in front of texts
#ifndef LLUDA_TOOLS_EVAL_TEXT_TOKENS_H_
#define LLUDA_TOOLS_EVAL_TEXT_TOKENS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "frontends/tokenizer/tokenizer.h"

namespace lluda::tools {

struct EvalText {
  std::string name;  // for error messages
  std::string text;
};

// The contents of a file, or of stdin if it is "-". Errors of reading it.
absl::StatusOr<EvalText> ReadEvalText(const std::string& file);

// A text's tokens, and those that the tokenizer puts in front of texts.
struct TextTokens {
  std::vector<int32_t> front, text;
};

TextTokens TokensOf(const tokenizer::Tokenizer& tokenizer, const std::string& text);

}  // namespace lluda::tools

#endif  // LLUDA_TOOLS_EVAL_TEXT_TOKENS_H_
