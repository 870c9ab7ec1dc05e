#include "frontends/tokenizer/bpe_reader.h"

#include <absl/status/status.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "frontends/tokenizer/strings.h"

namespace lluda::tokenizer {
namespace {

constexpr int32_t kNoToken = -1;

using Sides = std::pair<std::string_view, std::string_view>;

// The two sides of a merge, "a b" or ["a", "b"]; nothing if it is neither.
std::optional<Sides> ReadMerge(simdjson::dom::element merge) {
  std::string_view text;
  if (merge.get(text) == simdjson::SUCCESS) {
    const size_t space = text.find(' ');
    if (space == std::string_view::npos || space != text.rfind(' ')) return std::nullopt;
    return Sides(text.substr(0, space), text.substr(space + 1));
  }
  simdjson::dom::array pair;
  Sides sides;
  if (merge.get(pair) != simdjson::SUCCESS || pair.size() != 2 ||
      pair.at(0).get(sides.first) != simdjson::SUCCESS ||
      pair.at(1).get(sides.second) != simdjson::SUCCESS) {
    return std::nullopt;
  }
  return sides;
}

// What is wrong with a merge that ReadMerge cannot read.
absl::Status BadMerge(const JsonValue& merge, bool is_string) {
  if (is_string) {
    const absl::StatusOr<std::string_view> text = merge.String();
    if (!text.ok()) return text.status();
    return merge.Error(Concat(QuoteForMessage(*text), " is not two tokens with one space"));
  }
  const absl::StatusOr<simdjson::dom::array> pair = merge.Array();
  if (!pair.ok()) return pair.status();
  return merge.Error("is not a pair of two strings");
}

// Whether the object's member `key` is absent, null, or equal to what leaves BPE plain.
absl::Status RequireEmptyString(const JsonValue& model, std::string_view key) {
  const absl::StatusOr<std::optional<JsonValue>> value = model.GetOptional(key);
  if (!value.ok()) return value.status();
  if (!value->has_value()) return absl::OkStatus();
  const absl::StatusOr<std::string_view> text = (*value)->String();
  if (!text.ok()) return text.status();
  if (text->empty()) return absl::OkStatus();
  return (*value)->Error(Concat(QuoteForMessage(*text), " is not supported"));
}

absl::StatusOr<BpeOptions> ReadOptions(const JsonValue& model, const Vocabulary& vocabulary) {
  BpeOptions options;
  for (const std::string_view key : {"continuing_subword_prefix", "end_of_word_suffix"}) {
    absl::Status status = RequireEmptyString(model, key);
    if (!status.ok()) return status;
  }
  const absl::StatusOr<std::optional<JsonValue>> dropout = model.GetOptional("dropout");
  if (!dropout.ok()) return dropout.status();
  if (dropout->has_value()) return (*dropout)->Error("dropout is not supported");
  const absl::StatusOr<bool> byte_fallback = model.GetBool("byte_fallback", false);
  if (!byte_fallback.ok()) return byte_fallback.status();
  if (*byte_fallback) return model.Error("byte_fallback is not supported: not byte-level BPE");

  const absl::StatusOr<bool> ignore_merges = model.GetBool("ignore_merges", false);
  if (!ignore_merges.ok()) return ignore_merges.status();
  options.ignore_merges = *ignore_merges;
  const absl::StatusOr<bool> fuse_unknown = model.GetBool("fuse_unk", false);
  if (!fuse_unknown.ok()) return fuse_unknown.status();
  options.fuse_unknown = *fuse_unknown;

  const absl::StatusOr<std::optional<JsonValue>> unknown = model.GetOptional("unk_token");
  if (!unknown.ok()) return unknown.status();
  if (!unknown->has_value()) return options;
  const absl::StatusOr<std::string_view> content = (*unknown)->String();
  if (!content.ok()) return content.status();
  const std::optional<int32_t> id = vocabulary.Find(*content);
  if (!id.has_value()) {
    return (*unknown)->Error(Concat("token ", QuoteForMessage(*content), " is unknown"));
  }
  options.unknown_id = *id;
  return options;
}

absl::StatusOr<MergeTable> ReadMerges(const JsonValue& merges, const Vocabulary& vocabulary) {
  const absl::StatusOr<simdjson::dom::array> array = merges.Array();
  if (!array.ok()) return array.status();
  MergeTable table(array->size());
  std::string merged;
  int32_t rank = 0;
  int32_t previous_merged = kNoToken;
  for (const simdjson::dom::element element : *array) {
    const auto at = [&] { return merges.Child(element, Concat("[", rank, "]")); };
    const std::optional<Sides> sides = ReadMerge(element);
    if (!sides.has_value()) return BadMerge(at(), element.is_string());
    const std::optional<int32_t> left = vocabulary.Find(sides->first);
    const std::optional<int32_t> right = vocabulary.Find(sides->second);
    merged.assign(sides->first).append(sides->second);
    // Files list most merges in the order of what they make, so the next id is tried before the
    // hash table.
    const int32_t next_id = previous_merged + 1;
    const std::optional<int32_t> result =
        next_id < vocabulary.size() && vocabulary.Content(next_id) == merged
            ? next_id
            : vocabulary.Find(merged);
    if (!left.has_value() || !right.has_value() || !result.has_value()) {
      const std::string_view unknown = !left.has_value()    ? sides->first
                                       : !right.has_value() ? sides->second
                                                            : std::string_view(merged);
      return at().Error(Concat("token ", QuoteForMessage(unknown), " is not in the vocabulary"));
    }
    previous_merged = *result;
    table.Set(*left, *right, rank, *result);
    ++rank;
  }
  return table;
}

}  // namespace

absl::StatusOr<Bpe> ReadBpe(const JsonValue& model, const Vocabulary& vocabulary) {
  const absl::StatusOr<BpeOptions> options = ReadOptions(model, vocabulary);
  if (!options.ok()) return options.status();
  const absl::StatusOr<JsonValue> merges = model.Get("merges");
  if (!merges.ok()) return merges.status();
  absl::StatusOr<MergeTable> table = ReadMerges(*merges, vocabulary);
  if (!table.ok()) return table.status();
  return Bpe(*options, *std::move(table), vocabulary);
}

}  // namespace lluda::tokenizer
