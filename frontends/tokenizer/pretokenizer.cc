#include "frontends/tokenizer/pretokenizer.h"

#include <optional>
#include <string>
#include <utility>

#include "base/status_macros.h"
#include "frontends/tokenizer/text/strings.h"

namespace lluda::tokenizer {
namespace {

// What ByteLevel splits by when use_regex is true (encoder.py of OpenAI's GPT-2).
constexpr std::string_view kGpt2Regex =
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";

void Apply(const std::vector<SplitPattern>& patterns, std::string_view text,
           std::vector<std::string_view>* pieces, int64_t* steps) {
  pieces->assign(1, text);
  std::vector<std::string_view> next;
  for (const SplitPattern& pattern : patterns) {
    next.clear();
    for (const std::string_view piece : *pieces) pattern.Split(piece, &next, steps);
    pieces->swap(next);
  }
}

}  // namespace

absl::StatusOr<Pretokenizer> Pretokenizer::Create(const PretokenizerOptions& options) {
  Pretokenizer result;
  for (const SplitRule& rule : options.splits) {
    RETURN_IF_ERROR(result.AddSplit(rule));
  }
  RETURN_IF_ERROR(result.SetByteLevel(options.add_prefix_space, options.gpt2_regex));
  return result;
}

absl::Status Pretokenizer::AddSplit(const SplitRule& rule) {
  ASSIGN_OR_RETURN(SplitPattern pattern, rule.is_regex ? SplitPattern::Compile(rule.pattern)
                                                       : SplitPattern::Literal(rule.pattern));
  patterns_.push_back(std::move(pattern));
  options_.splits.push_back(rule);
  return absl::OkStatus();
}

absl::Status Pretokenizer::SetByteLevel(bool add_prefix_space, bool gpt2_regex) {
  options_.add_prefix_space = add_prefix_space;
  options_.gpt2_regex = gpt2_regex;
  if (!gpt2_regex) return absl::OkStatus();
  ASSIGN_OR_RETURN(SplitPattern pattern, SplitPattern::Compile(kGpt2Regex));
  byte_level_pattern_.push_back(std::move(pattern));
  return absl::OkStatus();
}

void Pretokenizer::Split(std::string_view text, absl::FunctionRef<void(std::string_view)> piece,
                         int64_t* steps) const {
  if (text.empty()) return;
  std::vector<std::string_view> pieces;
  std::vector<std::string_view> final_pieces;
  std::string prefixed;
  Apply(patterns_, text, &pieces, steps);
  for (std::string_view part : pieces) {
    if (options_.add_prefix_space && part[0] != ' ') {
      prefixed = Concat(" ", part);
      part = prefixed;
    }
    if (byte_level_pattern_.empty()) {
      piece(part);
      continue;
    }
    Apply(byte_level_pattern_, part, &final_pieces, steps);
    for (const std::string_view final_piece : final_pieces) piece(final_piece);
  }
}

}  // namespace lluda::tokenizer
