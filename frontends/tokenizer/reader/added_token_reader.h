// Reads added tokens as the files of Hugging Face's tokenizers write them.
//
//   {"id": 7, "content": "<s>", "lstrip": false, "rstrip": false, "single_word": false,
//    "normalized": false, "special": true}
//
// A flag that is absent is false; `normalized` is then what `special` is not.
#ifndef LLUDA_FRONTENDS_TOKENIZER_READER_ADDED_TOKEN_READER_H_
#define LLUDA_FRONTENDS_TOKENIZER_READER_ADDED_TOKEN_READER_H_

#include <absl/status/statusor.h>

#include <vector>

#include "base/json/json_value.h"
#include "frontends/tokenizer/added_tokens.h"

namespace lluda::tokenizer {

// One token's content and flags; an id is not looked for. InvalidArgument, naming the field, for a
// wrong type and for a content that is empty or longer than kLongestAddedToken.
absl::StatusOr<AddedToken> ReadAddedToken(const base::JsonValue& json);

// A token with these flags, as `json`, a string, names it. The same errors.
absl::StatusOr<AddedToken> ReadPlainToken(const base::JsonValue& json, bool special);

// The list `added_tokens` of a tokenizer.json, with ids. InvalidArgument if one is listed twice.
absl::StatusOr<std::vector<AddedToken>> ReadAddedTokenList(const base::JsonValue& root);

}  // namespace lluda::tokenizer

#endif  // LLUDA_FRONTENDS_TOKENIZER_READER_ADDED_TOKEN_READER_H_
