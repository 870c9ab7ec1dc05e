// What a GGUF file says of conversations, of sampling and of vectors.
//
//   absl::StatusOr<tokenizer::ChatFormat> chat = ReadChatFormat(file->metadata());
//   absl::StatusOr<GenerationConfig> generation = ReadGenerationConfig(file->metadata());
#ifndef LLUDA_FRONTENDS_GGUF_CHAT_READER_H_
#define LLUDA_FRONTENDS_GGUF_CHAT_READER_H_

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "frontends/generation_config.h"
#include "frontends/gguf/file/metadata.h"
#include "frontends/tokenizer/chat_format.h"

namespace lluda::frontends::gguf {

// NotFound if there is no template.
absl::StatusOr<tokenizer::ChatFormat> ReadChatFormat(const Metadata& metadata);

// What ends a text: the end-of-text, end-of-turn and end-of-message tokens, and control tokens of a
// known text that the chat template writes. How the model's makers want it sampled, if the file
// says.
absl::StatusOr<GenerationConfig> ReadGenerationConfig(const Metadata& metadata);

// Unimplemented, naming the key, if texts are to become vectors otherwise than by the last token.
absl::Status CheckPooling(const Metadata& metadata);

}  // namespace lluda::frontends::gguf

#endif  // LLUDA_FRONTENDS_GGUF_CHAT_READER_H_
