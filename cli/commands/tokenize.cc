// lluda tokenize: text to token ids, as `generate` takes it. Needs a folder with a tokenizer, no model; or a bundle.
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "base/json.h"
#include "base/json_writer.h"
#include "base/status_macros.h"
#include "cli/commands/commands.h"
#include "cli/flags/model_flags.h"
#include "cli/terminal/output.h"
#include "frontends/tokenizer/tokenizer.h"

namespace lluda::cli {
namespace {

constexpr size_t kWriteBytes = size_t{1} << 16;

std::string TokensJson(const tokenizer::Tokenizer& tokenizer, const std::string& text,
                       const tokenizer::EncodeOptions& options) {
  const std::vector<int32_t> ids = tokenizer.Encode(text, options);
  base::JsonWriter json;
  json.BeginObject();
  json.Key("ids").Numbers(ids);
  json.Key("decoded").String(tokenizer.Decode(ids, /*skip_special=*/false));
  json.EndObject();
  return absl::StrCat(json.text(), "\n");
}

absl::StatusOr<int> TokenizeLines(const tokenizer::Tokenizer& tokenizer, const std::string& label,
                                  const std::string& input,
                                  const tokenizer::EncodeOptions& options) {
  std::string output;
  int64_t number = 0;
  for (absl::string_view line : absl::StrSplit(input, '\n')) {
    ++number;
    if (absl::StripAsciiWhitespace(line).empty()) continue;
    ASSIGN_OR_RETURN(base::JsonDocument document,
                     base::JsonDocument::Parse(absl::StrCat(label, ":", number), line));
    ASSIGN_OR_RETURN(std::string text, document.root().String("text"));
    output += TokensJson(tokenizer, text, options);
    if (output.size() < kWriteBytes) continue;
    RETURN_IF_ERROR(WriteStdout(output));
    output.clear();
  }
  RETURN_IF_ERROR(WriteStdout(output));
  return 0;
}

}  // namespace

absl::StatusOr<int> RunTokenize(const TokenizeFlags& flags) {
  // Outlives the tokenizer that reads from it.
  ASSIGN_OR_RETURN(std::shared_ptr<engine::ModelSource> source, OpenSource(flags.model));
  ASSIGN_OR_RETURN(tokenizer::Tokenizer tokenizer, source->ReadTokenizer());
  ASSIGN_OR_RETURN(std::string text, ReadPrompt(flags.prompt));
  tokenizer::EncodeOptions options;
  options.add_special_tokens = !flags.text_only;
  if (flags.jsonl) {
    const std::string file = flags.prompt.file.value_or("-");
    const std::string label = flags.prompt.text ? "prompt" : file == "-" ? "stdin" : file;
    return TokenizeLines(tokenizer, label, text, options);
  }
  const std::string output =
      flags.json ? TokensJson(tokenizer, text, options)
                 : absl::StrCat(absl::StrJoin(tokenizer.Encode(text, options), " "), "\n");
  RETURN_IF_ERROR(WriteStdout(output));
  return 0;
}

}  // namespace lluda::cli
