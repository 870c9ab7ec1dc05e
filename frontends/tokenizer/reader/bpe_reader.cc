#include "frontends/tokenizer/reader/bpe_reader.h"

#include <absl/status/status.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/status_macros.h"
#include "frontends/tokenizer/text/strings.h"

namespace lluda::tokenizer {
namespace {

// The two sides of a merge, "a b" or ["a", "b"]; nothing if it is neither.
std::optional<MergeSides> ReadMerge(simdjson::dom::element merge) {
  std::string_view text;
  if (merge.get(text) == simdjson::SUCCESS) return SplitMerge(text);
  simdjson::dom::array pair;
  MergeSides sides;
  if (merge.get(pair) != simdjson::SUCCESS || pair.size() != 2 ||
      pair.at(0).get(sides.first) != simdjson::SUCCESS ||
      pair.at(1).get(sides.second) != simdjson::SUCCESS) {
    return std::nullopt;
  }
  return sides;
}

// What is wrong with a merge that ReadMerge cannot read.
absl::Status BadMerge(const base::JsonValue& merge, bool is_string) {
  if (is_string) {
    ASSIGN_OR_RETURN(const std::string_view text, merge.String());
    return merge.ErrorIn(NotAMerge(text));
  }
  RETURN_IF_ERROR(merge.Array());
  return merge.Error("is not a pair of two strings");
}

// Whether the object's member `key` is absent, null, or equal to what leaves BPE plain.
absl::Status RequireEmptyString(const base::JsonValue& model, std::string_view key) {
  ASSIGN_OR_RETURN(const std::optional<base::JsonValue> value, model.GetOptional(key));
  if (!value.has_value()) return absl::OkStatus();
  ASSIGN_OR_RETURN(const std::string_view text, value->String());
  if (text.empty()) return absl::OkStatus();
  return value->ErrorIn(Concat(base::QuoteForMessage(text), " is not supported"));
}

absl::StatusOr<BpeOptions> ReadOptions(const base::JsonValue& model, const Vocabulary& vocabulary) {
  BpeOptions options;
  for (const std::string_view key : {"continuing_subword_prefix", "end_of_word_suffix"}) {
    RETURN_IF_ERROR(RequireEmptyString(model, key));
  }
  ASSIGN_OR_RETURN(const std::optional<base::JsonValue> dropout, model.GetOptional("dropout"));
  if (dropout.has_value()) return dropout->ErrorIn("dropout is not supported");
  ASSIGN_OR_RETURN(options.byte_fallback, model.GetBool("byte_fallback", false));
  ASSIGN_OR_RETURN(options.ignore_merges, model.GetBool("ignore_merges", false));
  ASSIGN_OR_RETURN(options.fuse_unknown, model.GetBool("fuse_unk", false));

  ASSIGN_OR_RETURN(const std::optional<base::JsonValue> unknown, model.GetOptional("unk_token"));
  if (!unknown.has_value()) return options;
  ASSIGN_OR_RETURN(const std::string_view content, unknown->String());
  const std::optional<int32_t> id = vocabulary.Find(content);
  if (!id.has_value()) {
    return unknown->ErrorIn(Concat("token ", base::QuoteForMessage(content), " is unknown"));
  }
  options.unknown_id = *id;
  return options;
}

absl::StatusOr<MergeTable> ReadMerges(const base::JsonValue& merges, const Vocabulary& vocabulary) {
  ASSIGN_OR_RETURN(const simdjson::dom::array array, merges.Array());
  MergeBuilder builder(array.size(), vocabulary);
  int64_t index = 0;
  for (const simdjson::dom::element element : array) {
    const auto at = [&] { return merges.Item(element, index); };
    const std::optional<MergeSides> sides = ReadMerge(element);
    if (!sides.has_value()) return BadMerge(at(), element.is_string());
    if (absl::Status status = builder.Add(*sides); !status.ok()) {
      return at().ErrorIn(status.message());
    }
    ++index;
  }
  return std::move(builder).Table();
}

}  // namespace

std::optional<MergeSides> SplitMerge(std::string_view text) {
  const size_t space = text.find(' ');
  if (space == std::string_view::npos || space != text.rfind(' ')) return std::nullopt;
  return MergeSides(text.substr(0, space), text.substr(space + 1));
}

std::string NotAMerge(std::string_view text) {
  return Concat(base::QuoteForMessage(text), " is not two tokens with one space");
}

absl::Status MergeBuilder::Add(const MergeSides& sides) {
  const std::optional<int32_t> left = vocabulary_.Find(sides.first);
  const std::optional<int32_t> right = vocabulary_.Find(sides.second);
  merged_.assign(sides.first).append(sides.second);
  // Files list most merges in the order of what they make, so the next id is tried before the hash
  // table.
  const int32_t next_id = previous_merged_ + 1;
  const std::optional<int32_t> result =
      next_id < vocabulary_.size() && vocabulary_.Content(next_id) == merged_
          ? next_id
          : vocabulary_.Find(merged_);
  if (!left.has_value() || !right.has_value() || !result.has_value()) {
    const std::string_view unknown = !left.has_value()    ? sides.first
                                     : !right.has_value() ? sides.second
                                                          : std::string_view(merged_);
    return absl::InvalidArgumentError(
        Concat("token ", base::QuoteForMessage(unknown), " is not in the vocabulary"));
  }
  previous_merged_ = *result;
  table_.Set(*left, *right, rank_++, *result);
  return absl::OkStatus();
}

absl::StatusOr<BpeParts> ReadBpe(const base::JsonValue& model, const Vocabulary& vocabulary) {
  ASSIGN_OR_RETURN(const BpeOptions options, ReadOptions(model, vocabulary));
  ASSIGN_OR_RETURN(const base::JsonValue merges, model.Get("merges"));
  ASSIGN_OR_RETURN(MergeTable table, ReadMerges(merges, vocabulary));
  return BpeParts{options, std::move(table)};
}

}  // namespace lluda::tokenizer
