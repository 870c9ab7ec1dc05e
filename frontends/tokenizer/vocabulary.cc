#include "frontends/tokenizer/vocabulary.h"

#include <absl/status/status.h>

#include <string>

#include "frontends/tokenizer/byte_level.h"
#include "frontends/tokenizer/json_value.h"
#include "frontends/tokenizer/strings.h"

namespace lluda::tokenizer {

absl::StatusOr<Vocabulary> Vocabulary::Build(const std::vector<VocabularyEntry>& entries) {
  const size_t count = entries.size();
  size_t content_size = 0;
  std::vector<const VocabularyEntry*> by_id(count, nullptr);
  for (const VocabularyEntry& entry : entries) {
    content_size += entry.content.size();
    if (entry.id < 0 || static_cast<size_t>(entry.id) >= count) {
      return absl::InvalidArgumentError(
          Concat("token ", QuoteForMessage(entry.content), " has id ", entry.id, ", but ", count,
                 " tokens without a gap have the ids 0 to ", static_cast<int64_t>(count) - 1));
    }
    const VocabularyEntry*& slot = by_id[entry.id];
    if (slot != nullptr) {
      return absl::InvalidArgumentError(Concat("tokens ", QuoteForMessage(slot->content), " and ",
                                               QuoteForMessage(entry.content), " share id ",
                                               entry.id));
    }
    slot = &entry;
  }

  Vocabulary result;
  // The bytes of a token are no longer than its content, so the arena never moves and views into it
  // last.
  result.arena_.reserve(2 * content_size);
  result.spans_.reserve(count);
  result.ids_.reserve(count);
  const auto store = [&result](std::string_view text) {
    const size_t begin = result.arena_.size();
    result.arena_.insert(result.arena_.end(), text.begin(), text.end());
    return begin;
  };
  for (size_t id = 0; id < count; ++id) {
    const std::string_view content = by_id[id]->content;
    const std::string bytes = DecodeByteLevel(content);
    result.spans_.push_back({store(content), store(bytes), static_cast<uint32_t>(content.size()),
                             static_cast<uint32_t>(bytes.size())});
    const int32_t token = static_cast<int32_t>(id);
    if (!result.ids_.emplace(ToAbsl(result.Content(token)), token).second) {
      return absl::InvalidArgumentError(
          Concat("token ", QuoteForMessage(content), " is listed twice"));
    }
  }
  return result;
}

std::optional<int32_t> Vocabulary::Find(std::string_view content) const {
  const auto it = ids_.find(ToAbsl(content));
  if (it == ids_.end()) return std::nullopt;
  return it->second;
}

std::string_view Vocabulary::Content(int32_t id) const {
  const Span& span = spans_[id];
  return {arena_.data() + span.content_begin, span.content_size};
}

std::string_view Vocabulary::Bytes(int32_t id) const {
  const Span& span = spans_[id];
  return {arena_.data() + span.bytes_begin, span.bytes_size};
}

}  // namespace lluda::tokenizer
