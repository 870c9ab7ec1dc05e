// The tokens that end a turn, whether or not there is a template to write one with.
//
//   for (const int32_t id : TurnEnds(tokenizer)) options.stop_tokens.push_back(id);
#ifndef LLUDA_FRONTENDS_TOKENIZER_TURN_ENDS_H_
#define LLUDA_FRONTENDS_TOKENIZER_TURN_ENDS_H_

#include <cstdint>
#include <vector>

#include "frontends/tokenizer/tokenizer.h"

namespace lluda::tokenizer {

// Those of templates that people use, as far as the tokenizer has them: not every
// generation_config.json names them.
std::vector<int32_t> TurnEnds(const Tokenizer& tokenizer);

}  // namespace lluda::tokenizer

#endif  // LLUDA_FRONTENDS_TOKENIZER_TURN_ENDS_H_
