// A component of a tokenizer.json that is a step, or a Sequence of steps.
//
//   "decoder": {"type": "Sequence", "decoders": [{"type": "Fuse"}, {"type": "Strip", ...}]}
//   ReadComponent(root, "decoder", "decoders")   // two steps: "Fuse", "Strip"
#ifndef LLUDA_FRONTENDS_TOKENIZER_READER_COMPONENT_H_
#define LLUDA_FRONTENDS_TOKENIZER_READER_COMPONENT_H_

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <string>
#include <string_view>
#include <vector>

#include "base/json/json_value.h"
#include "frontends/tokenizer/steps.h"

namespace lluda::tokenizer {

struct ComponentStep {
  base::JsonValue json;
  std::string_view type;

  // InvalidArgument: type "..." is not supported.
  absl::Status Unsupported() const;
  // `status` as an error of this step's field.
  absl::Status InField(const absl::Status& status) const;
};

// The steps of the member `key` of a file, Sequences (their steps are in the member `list`)
// unrolled; none if it is absent or null. Views and values live as long as the document.
absl::StatusOr<std::vector<ComponentStep>> ReadComponent(const base::JsonValue& root,
                                                         std::string_view key,
                                                         std::string_view list);

// The text of a member `pattern`, {"String": "..."}; a Regex is refused.
absl::StatusOr<std::string> ReadStringPattern(const base::JsonValue& step);

// A step of type Replace, of a normalizer or a decoder.
absl::StatusOr<ReplaceStep> ReadReplace(const base::JsonValue& step);

}  // namespace lluda::tokenizer

#endif  // LLUDA_FRONTENDS_TOKENIZER_READER_COMPONENT_H_
