#include "frontends/tokenizer/turn_ends.h"

#include <optional>
#include <string_view>

namespace lluda::tokenizer {

std::vector<int32_t> TurnEnds(const Tokenizer& tokenizer) {
  std::vector<int32_t> ids;
  for (const std::string_view content :
       {"<|im_end|>", "<|eot_id|>", "<end_of_turn>", "<|end|>", "<|end_of_text|>"}) {
    if (const std::optional<int32_t> id = tokenizer.TokenToId(content)) ids.push_back(*id);
  }
  return ids;
}

}  // namespace lluda::tokenizer
