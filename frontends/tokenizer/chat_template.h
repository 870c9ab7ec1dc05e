// Chat templates: how a conversation is written for a model, as the model's own files say it.
//
//   absl::StatusOr<ChatFormat> format = ReadChatFormat("/models/Qwen3-0.6B");  // reader/
//   absl::StatusOr<ChatTemplate> chat = ChatTemplate::Create(*format);
//   absl::StatusOr<jinja::Text> text = chat->Render({{ChatRole::kUser, "Hi"}}, {});
//   text->bytes();  // "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n"
//   EncodeChat(tokenizer, *text);
//
// The template is a program in Jinja (frontends/jinja). What a user wrote is never read as a part
// of it, and makes no special tokens.
#ifndef LLUDA_FRONTENDS_TOKENIZER_CHAT_TEMPLATE_H_
#define LLUDA_FRONTENDS_TOKENIZER_CHAT_TEMPLATE_H_

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <cstdint>
#include <ctime>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "frontends/jinja/template.h"
#include "frontends/tokenizer/chat_format.h"  // IWYU pragma: export
#include "frontends/tokenizer/tokenizer.h"

namespace lluda::tokenizer {

enum class ChatRole : uint8_t { kSystem, kUser, kAssistant, kTool };

struct ChatMessage {
  ChatRole role;
  std::string content;
  // An assistant's reasoning, where it is not in the content between <think> and </think>.
  std::optional<std::string> reasoning = std::nullopt;
  // JSON: a list of the calls of tools in an assistant's message, as transformers takes them. Empty:
  // none.
  std::string tool_calls_json = {};
  // Of a tool's message, the call that it answers; and the name of who speaks, or of the tool.
  std::optional<std::string> tool_call_id = std::nullopt;
  std::optional<std::string> name = std::nullopt;
};

struct ChatOptions {
  // Ends the text with the start of the assistant's answer.
  bool add_generation_prompt = true;
  // The template's variable `enable_thinking`; without a value the template decides.
  std::optional<bool> enable_thinking = std::nullopt;
  // JSON: a list of the tools that the model may call, as transformers takes them. Empty: none.
  std::string tools_json = {};
  std::tm now = {};  // local time, for templates that write the date
};

// The local time now.
std::tm LocalTime();

class ChatTemplate {
 public:
  // InvalidArgument, naming origin, line and column, if a template is none; Unimplemented for what
  // is not supported; ResourceExhausted for one beyond the limits.
  static absl::StatusOr<ChatTemplate> Create(const ChatFormat& format);

  // Takes the template "tool_use" where there are tools and such a template, else "default".
  // InvalidArgument if there is no message, if tools or calls of them are no JSON list of objects, and
  // where the template fails; FailedPrecondition for an error that the template raises.
  absl::StatusOr<jinja::Text> Render(const std::vector<ChatMessage>& messages,
                                     const ChatOptions& options) const;

 private:
  struct Named {
    std::string name;
    jinja::Template parsed;
  };
  ChatTemplate() = default;

  absl::StatusOr<const jinja::Template*> Select(bool has_tools) const;

  std::vector<Named> templates_;
  std::vector<std::pair<std::string, std::string>> special_tokens_;
};

// "system", "user", "assistant" or "tool". InvalidArgument for anything else.
absl::StatusOr<ChatRole> ParseChatRole(std::string_view name);

// OK for what ChatOptions::tools_json takes; InvalidArgument else, without naming a file.
absl::Status CheckTools(const std::string& json);

// The template of a format; nothing of one that is NotFound, as nobody says how conversations are written.
absl::StatusOr<std::optional<ChatTemplate>> TemplateIfAny(const absl::StatusOr<ChatFormat>& format);

// The ids of a rendered conversation. Special tokens are those that the template wrote.
std::vector<int32_t> EncodeChat(const Tokenizer& tokenizer, const jinja::Text& text);

}  // namespace lluda::tokenizer

#endif  // LLUDA_FRONTENDS_TOKENIZER_CHAT_TEMPLATE_H_
