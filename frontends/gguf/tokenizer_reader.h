// The tokenizer that a GGUF file holds.
//
//   absl::StatusOr<tokenizer::Tokenizer> tokenizer = ReadTokenizer(*file);
//
// Two kinds of tokenizers are read. `gpt2` is byte-level BPE with merges, and a name for how texts
// are cut (pretokenizers.h). `llama` has scores instead: two neighbours become the token that their
// texts make, the one of the highest score first, and what is no token becomes its bytes. Control
// tokens are special, user-defined ones are found in any text. Errors name the key:
//
//   model.gguf: key 'tokenizer.ggml.pre' is missing: the file is from before it was written; ...
#ifndef LLUDA_FRONTENDS_GGUF_TOKENIZER_READER_H_
#define LLUDA_FRONTENDS_GGUF_TOKENIZER_READER_H_

#include "absl/status/statusor.h"
#include "frontends/gguf/file/gguf_file.h"
#include "frontends/tokenizer/tokenizer.h"

namespace lluda::frontends::gguf {

// NotFound if the file has none; InvalidArgument or Unimplemented, naming the key, if it has one
// that is not sound or not supported.
absl::StatusOr<tokenizer::Tokenizer> ReadTokenizer(const GgufFile& file);

}  // namespace lluda::frontends::gguf

#endif  // LLUDA_FRONTENDS_GGUF_TOKENIZER_READER_H_
