#include "frontends/tokenizer/vocabulary.h"

#include <absl/status/status.h>

#include <limits>

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

  // The bytes of a token are no longer than its content.
  if (content_size > std::numeric_limits<uint32_t>::max() / 2) {
    return absl::InvalidArgumentError("the tokens have more than 2 GiB of text");
  }
  Vocabulary result;
  result.arena_.reserve(2 * content_size);
  result.offsets_.reserve(2 * count + 1);
  result.offsets_.push_back(0);
  result.ids_.reserve(count);
  const auto store = [&result](std::string_view text) {
    result.arena_.insert(result.arena_.end(), text.begin(), text.end());
    result.offsets_.push_back(static_cast<uint32_t>(result.arena_.size()));
  };
  for (size_t id = 0; id < count; ++id) {
    store(by_id[id]->content);
    store(DecodeByteLevel(by_id[id]->content));
    const int32_t token = static_cast<int32_t>(id);
    const std::string_view content = result.Content(token);
    if (!result.ids_.emplace(ToAbsl(content), token).second) {
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

}  // namespace lluda::tokenizer
