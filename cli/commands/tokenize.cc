// lluda tokenize: text to token ids, as `generate` takes it. Needs a folder with a tokenizer, no
// model; or a bundle.
#include <memory>
#include <string>

#include "base/status_macros.h"
#include "cli/commands/commands.h"
#include "cli/flags/model_flags.h"
#include "cli/terminal/output.h"
#include "frontends/tokenizer/tokenizer.h"
#include "tools/run/token_report.h"

namespace lluda::cli {

absl::StatusOr<int> Run(const TokenizeFlags& flags) {
  // Outlives the tokenizer that reads from it.
  ASSIGN_OR_RETURN(std::shared_ptr<engine::ModelSource> source,
                   OpenSource(flags.model, flags.tokenizer));
  ASSIGN_OR_RETURN(tokenizer::Tokenizer tokenizer, source->ReadTokenizer());
  ASSIGN_OR_RETURN(std::string text, ReadPrompt(flags.prompt));
  tokenizer::EncodeOptions options;
  options.add_special_tokens = !flags.text_only;
  if (flags.jsonl) {
    const std::string file = flags.prompt.file.value_or("-");
    const std::string label = flags.prompt.text ? "prompt" : file == "-" ? "stdin" : file;
    RETURN_IF_ERROR(tools::TokenLines(tokenizer, label, text, options, WriteStdout));
    return 0;
  }
  return Print(flags.json ? tools::TokensJson(tokenizer, text, options)
                          : tools::TokensText(tokenizer, text, options));
}

}  // namespace lluda::cli
