// Reads the steps around BPE from a tokenizer.json; steps.h says which there are.
//
//   absl::StatusOr<Decoder> decoder = ReadDecoder(root);
//   // -> InvalidArgument: t.json: decoder.decoders[1]: type "CTC" is not supported
//
// `root` is the document. InvalidArgument, naming the step's field, for what is malformed or not
// supported.
#ifndef LLUDA_FRONTENDS_TOKENIZER_READER_STEP_READERS_H_
#define LLUDA_FRONTENDS_TOKENIZER_READER_STEP_READERS_H_

#include <absl/status/statusor.h>

#include "base/json/json_value.h"
#include "frontends/tokenizer/decoder.h"
#include "frontends/tokenizer/normalizer.h"
#include "frontends/tokenizer/pretokenizer.h"
#include "frontends/tokenizer/tables.h"

namespace lluda::tokenizer {

// The field `normalizer`.
absl::StatusOr<Normalizer> ReadNormalizer(const base::JsonValue& root);

// The field `pre_tokenizer`.
absl::StatusOr<Pretokenizer> ReadPretokenizer(const base::JsonValue& root);

// The field `decoder`, which must be there.
absl::StatusOr<Decoder> ReadDecoder(const base::JsonValue& root);

// The field `post_processor`: what its template for a single text puts around it. Ids must be below
// `vocabulary_size`.
absl::StatusOr<TextFrame> ReadTextFrame(const base::JsonValue& root, int32_t vocabulary_size);

}  // namespace lluda::tokenizer

#endif  // LLUDA_FRONTENDS_TOKENIZER_READER_STEP_READERS_H_
