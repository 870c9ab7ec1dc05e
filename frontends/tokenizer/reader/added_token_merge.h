// Which added tokens a folder has, from what its files say of them.
//
//   tokenizer.json:        added_tokens: <|im_end|> 258
//   tokenizer_config.json: added_tokens_decoder: 258 <|im_end|>, 259 <think>; eos_token: <end>
//   together:              <|im_end|> 258, <think> 259, <end> 260
//
// The result is that of transformers' AutoTokenizer: a token that the vocabulary has keeps its id
// there, whatever other files say. But a new token whose id is another's or leaves a gap is refused,
// where transformers gives it another id in silence; and a token of tokenizer.json stays one where
// added_tokens_decoder leaves it out, which makes text of it for Qwen2Tokenizer.
#ifndef LLUDA_FRONTENDS_TOKENIZER_READER_ADDED_TOKEN_MERGE_H_
#define LLUDA_FRONTENDS_TOKENIZER_READER_ADDED_TOKEN_MERGE_H_

#include <absl/container/flat_hash_map.h>
#include <absl/container/flat_hash_set.h>
#include <absl/status/status.h>

#include <cstdint>
#include <string>
#include <vector>

#include "frontends/tokenizer/added_tokens.h"
#include "frontends/tokenizer/reader/tokenizer_config.h"

namespace lluda::tokenizer {

// The tokens of a vocabulary that may be added tokens as well, and how many it has in all.
struct KnownTokens {
  absl::flat_hash_map<std::string, int32_t> ids;
  int32_t count = 0;
};

// The contents that MergeAddedTokens looks for in KnownTokens.
absl::flat_hash_set<std::string> ContentsOf(const std::vector<AddedToken>& tokens,
                                            const TokenizerConfig& config);

// Adds to `tokens`, those of tokenizer.json, what the config says. InvalidArgument, naming file and
// field, for a token with two ids, for an id of two added tokens, and for ids with a gap.
absl::Status MergeAddedTokens(const TokenizerConfig& config, const KnownTokens& vocabulary,
                              std::vector<AddedToken>* tokens);

}  // namespace lluda::tokenizer

#endif  // LLUDA_FRONTENDS_TOKENIZER_READER_ADDED_TOKEN_MERGE_H_
