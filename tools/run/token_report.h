// What `lluda tokenize` tells: a text's tokens, and what they are decoded to.
//
//   TokensText(tokenizer, "Once upon", {});         // "454 483\n"
//   TokenLines(tokenizer, "stdin", "{\"text\": \"Once\"}\n", {}, write);
#ifndef LLUDA_TOOLS_RUN_TOKEN_REPORT_H_
#define LLUDA_TOOLS_RUN_TOKEN_REPORT_H_

#include <functional>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "frontends/tokenizer/tokenizer.h"

namespace lluda::tools {

std::string TokensText(const tokenizer::Tokenizer& tokenizer, const std::string& text,
                       const tokenizer::EncodeOptions& options);
std::string TokensJson(const tokenizer::Tokenizer& tokenizer, const std::string& text,
                       const tokenizer::EncodeOptions& options);

// Gives `write`, piece by piece, a line {"ids": ..., "decoded": ...} for each line {"text": ...} of
// `input`; empty lines are skipped. InvalidArgument, naming `label` and the line, for what is no
// such object; errors of `write`.
absl::Status TokenLines(const tokenizer::Tokenizer& tokenizer, const std::string& label,
                        absl::string_view input, const tokenizer::EncodeOptions& options,
                        const std::function<absl::Status(absl::string_view)>& write);

}  // namespace lluda::tools

#endif  // LLUDA_TOOLS_RUN_TOKEN_REPORT_H_
