// What the files of a folder say of its model's conversations.
//
//   absl::StatusOr<ChatFormat> format = ReadChatFormat("/models/Qwen3-0.6B");
//   format->templates[0].name;      // "default"
//   format->special_tokens;         // {"eos_token", "<|im_end|>"}, ...
#ifndef LLUDA_FRONTENDS_TOKENIZER_READER_CHAT_FORMAT_READER_H_
#define LLUDA_FRONTENDS_TOKENIZER_READER_CHAT_FORMAT_READER_H_

#include <absl/status/statusor.h>

#include <string>

#include "frontends/tokenizer/chat_format.h"

namespace lluda::tokenizer {

// chat_template.jinja, with further ones in additional_chat_templates/NAME.jinja; without it
// `chat_template` of tokenizer_config.json, a text or a list of {name, template}; without that the
// one of chat_template.json. NotFound if there is none; else InvalidArgument or PermissionDenied,
// naming file and field. What the templates say is not looked at.
absl::StatusOr<ChatFormat> ReadChatFormat(const std::string& folder);

// One template alone, of any file, with the special tokens of the model's own, where that could be
// read; without a path the model's own as it is.
absl::StatusOr<ChatFormat> WithTemplateOf(const std::string& path, absl::StatusOr<ChatFormat> own);

}  // namespace lluda::tokenizer

#endif  // LLUDA_FRONTENDS_TOKENIZER_READER_CHAT_FORMAT_READER_H_
