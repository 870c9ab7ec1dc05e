// The `normalizer` of a tokenizer.json: what is done to a text before anything is looked for in it
// but the added tokens that are not `normalized`.
//
//   Prepend "▁", then Replace " " by "▁":   "a b" -> "▁a▁b"
//
// An empty text stays empty. Time is linear in the text and in what becomes of it.
#ifndef LLUDA_FRONTENDS_TOKENIZER_NORMALIZER_H_
#define LLUDA_FRONTENDS_TOKENIZER_NORMALIZER_H_

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <string>
#include <string_view>

#include "frontends/tokenizer/steps.h"

namespace lluda::tokenizer {

class Normalizer {
 public:
  // One that changes nothing, until steps are added.
  Normalizer() = default;
  static absl::StatusOr<Normalizer> Create(const NormalizerSteps& steps);

  // The next step. InvalidArgument if it replaces the empty text.
  absl::Status Add(const NormalizerStep& step);

  // `text` must be valid UTF-8.
  std::string Apply(std::string_view text) const;

  const NormalizerSteps& steps() const { return steps_; }

 private:
  NormalizerSteps steps_;
};

}  // namespace lluda::tokenizer

#endif  // LLUDA_FRONTENDS_TOKENIZER_NORMALIZER_H_
