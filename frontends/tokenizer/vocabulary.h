// The tokens of a tokenizer: id to text and bytes, and text to id.
//
//   auto vocabulary = Vocabulary::Build({{"a", 0}, {"Ġa", 1}}, *byte_level);
//   vocabulary->Find("Ġa")   // 1
//   vocabulary->TextOf(1)    // " a"
//
// Ids are dense: n tokens have the ids 0 to n - 1.
#ifndef LLUDA_FRONTENDS_TOKENIZER_VOCABULARY_H_
#define LLUDA_FRONTENDS_TOKENIZER_VOCABULARY_H_

#include <absl/status/statusor.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "frontends/tokenizer/decoder.h"
#include "frontends/tokenizer/tables.h"

namespace lluda::tokenizer {

// A token as the file writes it.
struct VocabularyEntry {
  std::string_view content;
  int32_t id;
};

class Vocabulary {
 public:
  // Copies the entries, and beside each content what `decoder` makes of it alone. InvalidArgument
  // if two have one content or one id, or if the ids have a gap. Contents must be valid UTF-8.
  static absl::StatusOr<Vocabulary> Build(const std::vector<VocabularyEntry>& entries,
                                          const Decoder& decoder);

  // A vocabulary that lies elsewhere and stays there. InvalidArgument if the tables do not fit
  // together; a table whose slots are in the wrong places only fails to find tokens.
  static absl::StatusOr<Vocabulary> FromTables(const VocabularyTables& tables);

  // Moving keeps the views that were handed out.
  Vocabulary(Vocabulary&&) = default;
  Vocabulary& operator=(Vocabulary&&) = default;

  int32_t size() const { return static_cast<int32_t>(tables_.offsets.size() / 2); }
  // Valid as long as the vocabulary.
  const VocabularyTables& tables() const { return tables_; }

  std::optional<int32_t> Find(std::string_view content) const;

  // `id` must be from 0 to size() - 1.
  std::string_view Content(int32_t id) const { return Text(2 * static_cast<size_t>(id)); }
  // Decoder::TokenText of the token, not necessarily whole characters.
  std::string_view TextOf(int32_t id) const { return Text(2 * static_cast<size_t>(id) + 1); }

 private:
  Vocabulary() = default;

  // The text from offsets[i] to offsets[i + 1].
  std::string_view Text(size_t i) const {
    const uint32_t begin = tables_.offsets[i];
    return {tables_.text.data() + begin, tables_.offsets[i + 1] - begin};
  }

  VocabularyTables tables_;
  // What the tables point to if they were built here.
  std::vector<char> text_;
  std::vector<uint32_t> offsets_;
  std::vector<int32_t> slots_;
};

}  // namespace lluda::tokenizer

#endif  // LLUDA_FRONTENDS_TOKENIZER_VOCABULARY_H_
