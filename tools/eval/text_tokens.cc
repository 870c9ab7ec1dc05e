#include "tools/eval/text_tokens.h"

#include <algorithm>
#include <utility>

#include "base/files/whole_file.h"
#include "base/status_macros.h"

namespace lluda::tools {

absl::StatusOr<EvalText> ReadEvalText(const std::string& file) {
  ASSIGN_OR_RETURN(std::string text, base::ReadInput(file));
  return EvalText{file == "-" ? "stdin" : file, std::move(text)};
}

TextTokens TokensOf(const tokenizer::Tokenizer& tokenizer, const std::string& text) {
  TextTokens tokens;
  tokens.text = tokenizer.Encode(text);
  tokenizer::EncodeOptions framed;
  framed.add_special_tokens = true;
  // Of a text of no tokens, what is left is what stands around it; the end is not asked for here.
  const std::vector<int32_t> whole = tokenizer.Encode(text, framed);
  const auto found =
      std::search(whole.begin(), whole.end(), tokens.text.begin(), tokens.text.end());
  if (found != whole.end()) tokens.front.assign(whole.begin(), found);
  return tokens;
}

}  // namespace lluda::tools
