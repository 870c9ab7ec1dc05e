#include "frontends/tokenizer/vocabulary.h"

#include <absl/status/status.h>

#include <algorithm>
#include <limits>

#include "base/quote.h"
#include "frontends/tokenizer/hash_table.h"
#include "frontends/tokenizer/text/strings.h"

namespace lluda::tokenizer {
namespace {

constexpr int32_t kFree = -1;

}  // namespace

absl::StatusOr<Vocabulary> Vocabulary::Build(const std::vector<VocabularyEntry>& entries,
                                             const Decoder& decoder) {
  const size_t count = entries.size();
  size_t content_size = 0;
  std::vector<const VocabularyEntry*> by_id(count, nullptr);
  for (const VocabularyEntry& entry : entries) {
    content_size += entry.content.size();
    if (entry.id < 0 || static_cast<size_t>(entry.id) >= count) {
      return absl::InvalidArgumentError(Concat(
          "token ", base::QuoteForMessage(entry.content), " has id ", entry.id, ", but ", count,
          " tokens without a gap have the ids 0 to ", static_cast<int64_t>(count) - 1));
    }
    const VocabularyEntry*& slot = by_id[entry.id];
    if (slot != nullptr) {
      return absl::InvalidArgumentError(Concat("tokens ", base::QuoteForMessage(slot->content),
                                               " and ", base::QuoteForMessage(entry.content),
                                               " share id ", entry.id));
    }
    slot = &entry;
  }

  // Offsets have 32 bits.
  constexpr size_t kMostText = std::numeric_limits<uint32_t>::max();
  const auto too_much = [] {
    return absl::InvalidArgumentError("the tokens have more than 4 GiB of text");
  };
  if (content_size > kMostText / 2) return too_much();
  Vocabulary result;
  result.text_.reserve(2 * content_size);
  result.offsets_.reserve(2 * count + 1);
  result.offsets_.push_back(0);
  const auto store = [&result](std::string_view text) {
    result.text_.insert(result.text_.end(), text.begin(), text.end());
    result.offsets_.push_back(static_cast<uint32_t>(result.text_.size()));
  };
  for (const VocabularyEntry* entry : by_id) {
    store(entry->content);
    store(decoder.TokenText(entry->content));
    if (result.text_.size() > kMostText) return too_much();
  }
  result.slots_.assign(TableSize(count), kFree);
  result.tables_ = {result.text_, result.offsets_, result.slots_};
  const size_t mask = result.slots_.size() - 1;
  for (int32_t id = 0; id < static_cast<int32_t>(count); ++id) {
    const std::string_view content = result.Content(id);
    size_t slot = HashText(content) & mask;
    for (; result.slots_[slot] != kFree; slot = (slot + 1) & mask) {
      if (result.Content(result.slots_[slot]) != content) continue;
      return absl::InvalidArgumentError(
          Concat("token ", base::QuoteForMessage(content), " is listed twice"));
    }
    result.slots_[slot] = id;
  }
  return result;
}

absl::StatusOr<Vocabulary> Vocabulary::FromTables(const VocabularyTables& tables) {
  const auto& offsets = tables.offsets;
  if (offsets.size() % 2 != 1 || offsets.size() / 2 > std::numeric_limits<int32_t>::max() ||
      offsets.front() != 0 || offsets.back() != tables.text.size() ||
      !std::is_sorted(offsets.begin(), offsets.end())) {
    return absl::InvalidArgumentError("the tokens' offsets do not fit their text");
  }
  const auto count = static_cast<int32_t>(offsets.size() / 2);
  const size_t size = tables.slots.size();
  const auto is_bad = [count](int32_t id) { return id < kFree || id >= count; };
  if (size == 0 || (size & (size - 1)) != 0 ||
      std::any_of(tables.slots.begin(), tables.slots.end(), is_bad) ||
      std::find(tables.slots.begin(), tables.slots.end(), kFree) == tables.slots.end()) {
    return absl::InvalidArgumentError("the tokens' hash table does not fit them");
  }
  Vocabulary result;
  result.tables_ = tables;
  return result;
}

std::optional<int32_t> Vocabulary::Find(std::string_view content) const {
  const size_t mask = tables_.slots.size() - 1;
  for (size_t slot = HashText(content) & mask;; slot = (slot + 1) & mask) {
    const int32_t id = tables_.slots[slot];
    if (id == kFree) return std::nullopt;
    if (Content(id) == content) return id;
  }
}

}  // namespace lluda::tokenizer
