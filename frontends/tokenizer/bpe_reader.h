// Reads the field `model` of a tokenizer.json.
//
//   {"type": "BPE", "vocab": {"a": 0, "b": 1, "ab": 2}, "merges": ["a b"]}
//
// Merges are strings "a b" or pairs ["a", "b"]; of equal ones the last counts.
#ifndef LLUDA_FRONTENDS_TOKENIZER_BPE_READER_H_
#define LLUDA_FRONTENDS_TOKENIZER_BPE_READER_H_

#include <absl/status/statusor.h>

#include "frontends/tokenizer/bpe.h"
#include "frontends/tokenizer/json_value.h"
#include "frontends/tokenizer/vocabulary.h"

namespace lluda::tokenizer {

// InvalidArgument, naming the field, for what is malformed or not supported.
absl::StatusOr<Bpe> ReadBpe(const JsonValue& model, const Vocabulary& vocabulary);

}  // namespace lluda::tokenizer

#endif  // LLUDA_FRONTENDS_TOKENIZER_BPE_READER_H_
