// Guesses what comes next by what came before: texts repeat themselves, code and quotes above all.
//
//   PromptLookup lookup;
//   lookup.Begin({7, 1, 2, 3, 9, 4, 1, 2, 3});   // prompt and what was generated
//   lookup.Guess(2);                             // {9, 4}: they followed 1 2 3 before
//   lookup.Add(9);
//
// The last kContext tokens are looked for, and what followed them where they stood last is the
// guess (Saxena 2023, Prompt Lookup Decoding).
#ifndef LLUDA_ENGINE_GENERATE_DRAFT_PROMPT_LOOKUP_H_
#define LLUDA_ENGINE_GENERATE_DRAFT_PROMPT_LOOKUP_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/types/span.h"
#include "engine/generate/draft/drafter.h"

namespace lluda::engine {

class PromptLookup : public Drafter {
 public:
  // Fewer find more, and find wrong ones more often.
  static constexpr size_t kContext = 3;

  void Begin(absl::Span<const int32_t> tokens) override;
  void Add(int32_t token) override;
  // 0 where the last tokens are new.
  int64_t Most(int64_t limit) override;
  absl::Span<const int32_t> Guess(int64_t count) override;
  double Seconds(int64_t) const override { return 0; }

 private:
  using Key = std::array<int32_t, kContext>;

  std::vector<int32_t> tokens_;
  // Of each run of kContext tokens that others followed, where those began last.
  absl::flat_hash_map<Key, size_t> followed_;
  std::optional<size_t> found_;  // where the tokens began that followed the last ones
};

}  // namespace lluda::engine

#endif  // LLUDA_ENGINE_GENERATE_DRAFT_PROMPT_LOOKUP_H_
