// Reads the field `pre_tokenizer` of a tokenizer.json; pretokenizer.h says what is supported.
//
//   absl::StatusOr<Pretokenizer> pretokenizer = ReadPretokenizer(*root.Get("pre_tokenizer"));
#ifndef LLUDA_FRONTENDS_TOKENIZER_READER_PRETOKENIZER_READER_H_
#define LLUDA_FRONTENDS_TOKENIZER_READER_PRETOKENIZER_READER_H_

#include <absl/status/statusor.h>

#include "frontends/tokenizer/text/json_value.h"
#include "frontends/tokenizer/pretokenizer.h"

namespace lluda::tokenizer {

// The error names the part that is not supported.
absl::StatusOr<Pretokenizer> ReadPretokenizer(const JsonValue& json);

}  // namespace lluda::tokenizer

#endif  // LLUDA_FRONTENDS_TOKENIZER_READER_PRETOKENIZER_READER_H_
