#include "tools/run/token_report.h"

#include <cstdint>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/json/json_lines.h"
#include "base/json/json_writer.h"
#include "base/status_macros.h"

namespace lluda::tools {
namespace {

constexpr size_t kWriteBytes = size_t{1} << 16;

// The fields of an object that is begun.
base::JsonWriter& AddFields(const tokenizer::Tokenizer& tokenizer, const std::string& text,
                            const tokenizer::EncodeOptions& options, base::JsonWriter* json) {
  const std::vector<int32_t> ids = tokenizer.Encode(text, options);
  json->Key("ids").Numbers(ids);
  return json->Key("decoded").String(tokenizer.Decode(ids, /*skip_special=*/false));
}

}  // namespace

std::string TokensText(const tokenizer::Tokenizer& tokenizer, const std::string& text,
                       const tokenizer::EncodeOptions& options) {
  return absl::StrCat(absl::StrJoin(tokenizer.Encode(text, options), " "), "\n");
}

std::string TokensJson(const tokenizer::Tokenizer& tokenizer, const std::string& text,
                       const tokenizer::EncodeOptions& options) {
  base::JsonWriter json;
  return AddFields(tokenizer, text, options, &json.BeginDocument("lluda.tokenize/1")).EndDocument();
}

absl::Status TokenLines(const tokenizer::Tokenizer& tokenizer, const std::string& label,
                        absl::string_view input, const tokenizer::EncodeOptions& options,
                        const std::function<absl::Status(absl::string_view)>& write) {
  std::string output;
  RETURN_IF_ERROR(
      base::ForEachJsonLine(label, input, [&](const base::JsonObject& object, const std::string&) {
        ASSIGN_OR_RETURN(std::string text, object.String("text"));
        base::JsonWriter json;
        output += AddFields(tokenizer, text, options, &json.BeginObject()).EndDocument();
        if (output.size() < kWriteBytes) return absl::OkStatus();
        const absl::Status written = write(output);
        output.clear();
        return written;
      }));
  return write(output);
}

}  // namespace lluda::tools
