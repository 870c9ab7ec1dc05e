#include "frontends/tokenizer/reader/vocabulary_files.h"

#include <absl/status/status.h>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <utility>

#include "frontends/tokenizer/text/strings.h"

namespace lluda::tokenizer {
namespace {

constexpr char kQwen2Regex[] =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|)"
    R"(\s*[\r\n]+|\s+(?!\S)|\s+)";

constexpr std::string_view kHeader = "#version";
constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

}  // namespace

absl::StatusOr<Preparation> PreparationOf(const TokenizerConfig& config) {
  Preparation preparation;
  ByteLevelStep byte_level;
  byte_level.add_prefix_space = config.add_prefix_space.value_or(false);
  switch (config.tokenizer_class) {
    case TokenizerClass::kQwen2:
      preparation.normalizer = {NfcStep{}};
      preparation.pretokenizer = {SplitStep{/*is_regex=*/true, kQwen2Regex}, byte_level};
      return preparation;
    case TokenizerClass::kGpt2:
      byte_level.gpt2_regex = true;
      preparation.pretokenizer = {byte_level};
      return preparation;
    case TokenizerClass::kOther:
      break;
  }
  return absl::InvalidArgumentError(
      Concat(config.class_field, " is not supported without a tokenizer.json"));
}

absl::StatusOr<BpeParts> ReadMergesText(std::string_view text, const std::string& name,
                                        const Vocabulary& vocabulary) {
  if (StartsWith(text, kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  MergeBuilder merges(std::count(text.begin(), text.end(), '\n') + 1, vocabulary);
  for (int64_t number = 1; !text.empty(); ++number) {
    const size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (EndsWith(line, "\r")) line.remove_suffix(1);
    if (line.empty() || StartsWith(line, kHeader)) continue;
    const std::optional<MergeSides> sides = SplitMerge(line);
    const absl::Status status =
        sides.has_value() ? merges.Add(*sides) : absl::InvalidArgumentError(NotAMerge(line));
    if (!status.ok()) {
      return absl::InvalidArgumentError(
          Concat(name, ":", number, ": ", FromAbsl(status.message())));
    }
  }
  return BpeParts{BpeOptions(), std::move(merges).Table()};
}

}  // namespace lluda::tokenizer
