// The tokens of a tokenizer: id to text and bytes, and text to id.
//
//   auto vocabulary = Vocabulary::Build({{"a", 0}, {"Ġa", 1}});
//   vocabulary->Find("Ġa")   // 1
//   vocabulary->Bytes(1)     // " a"
//
// Ids are dense: n tokens have the ids 0 to n - 1.
#ifndef LLUDA_FRONTENDS_TOKENIZER_VOCABULARY_H_
#define LLUDA_FRONTENDS_TOKENIZER_VOCABULARY_H_

#include <absl/container/flat_hash_map.h>
#include <absl/status/statusor.h>
#include <absl/strings/string_view.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace lluda::tokenizer {

// A token as the file writes it, that is in the byte-level alphabet.
struct VocabularyEntry {
  std::string_view content;
  int32_t id;
};

class Vocabulary {
 public:
  // Copies the entries. InvalidArgument if two have one content or one id, or if the ids have a
  // gap. Contents must be valid UTF-8.
  static absl::StatusOr<Vocabulary> Build(const std::vector<VocabularyEntry>& entries);

  // Moving keeps the views that were handed out; copying would not keep the map's.
  Vocabulary(Vocabulary&&) = default;
  Vocabulary& operator=(Vocabulary&&) = default;

  int32_t size() const { return static_cast<int32_t>(offsets_.size() / 2); }

  std::optional<int32_t> Find(std::string_view content) const;

  // `id` must be from 0 to size() - 1.
  std::string_view Content(int32_t id) const { return Text(2 * static_cast<size_t>(id)); }
  // What the token adds to a decoded text, not necessarily whole characters.
  std::string_view Bytes(int32_t id) const { return Text(2 * static_cast<size_t>(id) + 1); }

 private:
  Vocabulary() = default;

  // The text from offsets_[i] to offsets_[i + 1].
  std::string_view Text(size_t i) const {
    return {arena_.data() + offsets_[i], offsets_[i + 1] - offsets_[i]};
  }

  // Content and bytes of each token in turn; filled once, so that views into it last.
  std::vector<char> arena_;
  std::vector<uint32_t> offsets_;  // Of those texts in the arena, and its end.
  absl::flat_hash_map<absl::string_view, int32_t> ids_;
};

}  // namespace lluda::tokenizer

#endif  // LLUDA_FRONTENDS_TOKENIZER_VOCABULARY_H_
