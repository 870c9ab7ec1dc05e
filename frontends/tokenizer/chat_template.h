// Qwen3's chat template: the text a conversation is given to the model as.
//
//   RenderChat({{ChatRole::kUser, "Hi"}}, {})
//     == "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n"
//
// It is a function rather than an interpreter of Jinja: it gives what the `chat_template` of
// Qwen3's tokenizer_config.json gives for messages of the system, the user and the assistant. Tools
// are not supported. As in the original, what earlier assistant messages thought is left out: the
// reasoning of an assistant message is kept only behind the last message of the user.
#ifndef LLUDA_FRONTENDS_TOKENIZER_CHAT_TEMPLATE_H_
#define LLUDA_FRONTENDS_TOKENIZER_CHAT_TEMPLATE_H_

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace lluda::tokenizer {

enum class ChatRole { kSystem, kUser, kAssistant };

struct ChatMessage {
  ChatRole role;
  std::string content;
  // An assistant's reasoning, where it is not in the content between <think> and </think>.
  std::optional<std::string> reasoning = std::nullopt;
};

struct ChatOptions {
  // Ends the text with the start of the assistant's answer.
  bool add_generation_prompt = true;
  // False starts that answer with an empty thought, so that the model answers at once.
  bool enable_thinking = true;
};

// "system", "user" or "assistant". Unimplemented for "tool"; InvalidArgument for anything else.
absl::StatusOr<ChatRole> ParseChatRole(std::string_view name);

// InvalidArgument if there is no message.
absl::StatusOr<std::string> RenderChat(const std::vector<ChatMessage>& messages,
                                       const ChatOptions& options);

// OK if the folder's model takes Qwen3's template, as far as its `chat_template` tells (in
// tokenizer_config.json, or in chat_template.jinja): it must name the markers that RenderChat
// writes and the switch `enable_thinking`. NotFound if the folder has no template, Unimplemented,
// naming the file and what it lacks, if it has another one.
absl::Status CheckChatTemplate(const std::string& folder);

}  // namespace lluda::tokenizer

#endif  // LLUDA_FRONTENDS_TOKENIZER_CHAT_TEMPLATE_H_
