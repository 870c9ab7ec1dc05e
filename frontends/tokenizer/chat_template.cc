#include "frontends/tokenizer/chat_template.h"

#include <simdjson.h>

#include <filesystem>
#include <system_error>

#include "base/status_macros.h"
#include "frontends/tokenizer/text/json_value.h"
#include "frontends/tokenizer/text/strings.h"

namespace lluda::tokenizer {
namespace {

constexpr std::string_view kThinkStart = "<think>";
constexpr std::string_view kThinkEnd = "</think>";

// Parts of the template without which it is not Qwen3's.
constexpr std::string_view kTemplateParts[] = {
    "<|im_start|>", "<|im_end|>", kThinkStart, kThinkEnd, "reasoning_content", "enable_thinking"};

struct RoleName {
  ChatRole role;
  std::string_view name;
};
constexpr RoleName kRoleNames[] = {
    {ChatRole::kSystem, "system"},
    {ChatRole::kUser, "user"},
    {ChatRole::kAssistant, "assistant"},
};

std::string_view NameOf(ChatRole role) { return kRoleNames[static_cast<int>(role)].name; }

// Python's lstrip('\n') and rstrip('\n').
std::string_view StripLeft(std::string_view text) {
  const size_t begin = text.find_first_not_of('\n');
  return begin == std::string_view::npos ? std::string_view() : text.substr(begin);
}
std::string_view StripRight(std::string_view text) {
  return text.substr(0, text.find_last_not_of('\n') + 1);
}

// Python's split(separator)[0] and split(separator)[-1].
std::string_view BeforeFirst(std::string_view text, std::string_view separator) {
  return text.substr(0, text.find(separator));
}
std::string_view AfterLast(std::string_view text, std::string_view separator) {
  const size_t at = text.rfind(separator);
  return at == std::string_view::npos ? text : text.substr(at + separator.size());
}

struct Answer {
  std::string_view content;
  std::string_view reasoning;
};

Answer SplitAnswer(const ChatMessage& message) {
  if (message.reasoning.has_value()) return {message.content, *message.reasoning};
  if (!Contains(message.content, kThinkEnd)) return {message.content, ""};
  const std::string_view thought = StripRight(BeforeFirst(message.content, kThinkEnd));
  return {StripLeft(AfterLast(message.content, kThinkEnd)),
          StripLeft(AfterLast(thought, kThinkStart))};
}

// The index of the last message of the user that is not the wrapped answer of a tool; the last
// index if there is none.
size_t LastQuery(const std::vector<ChatMessage>& messages) {
  for (size_t i = messages.size(); i-- > 0;) {
    const std::string& content = messages[i].content;
    const bool is_tool_answer =
        StartsWith(content, "<tool_response>") && EndsWith(content, "</tool_response>");
    if (messages[i].role == ChatRole::kUser && !is_tool_answer) return i;
  }
  return messages.size() - 1;
}

absl::StatusOr<std::string> ReadChatTemplate(const std::string& folder, std::string* file) {
  std::error_code error;
  simdjson::padded_string text;
  const std::filesystem::path jinja = std::filesystem::path(folder) / "chat_template.jinja";
  if (std::filesystem::is_regular_file(jinja, error)) {
    *file = jinja.string();
    if (simdjson::padded_string::load(*file).get(text) != simdjson::SUCCESS) {
      return absl::PermissionDeniedError(Concat(*file, ": cannot be read"));
    }
    return std::string(std::string_view(text));
  }
  const std::filesystem::path config = std::filesystem::path(folder) / "tokenizer_config.json";
  *file = config.string();
  if (!std::filesystem::is_regular_file(config, error)) {
    return absl::NotFoundError(Concat(*file, ": no such file, so no chat_template"));
  }
  simdjson::dom::parser parser;
  simdjson::dom::element document;
  const simdjson::error_code code = parser.load(*file).get(document);
  if (code != simdjson::SUCCESS) {
    return absl::InvalidArgumentError(
        Concat(*file, ": is not valid JSON: ", simdjson::error_message(code)));
  }
  ASSIGN_OR_RETURN(const std::optional<JsonValue> value,
                   JsonValue(document, *file).GetOptional("chat_template"));
  if (!value.has_value()) {
    return absl::NotFoundError(Concat(*file, ": chat_template: is missing"));
  }
  ASSIGN_OR_RETURN(const std::string_view source, value->String());
  return std::string(source);
}

}  // namespace

absl::StatusOr<ChatRole> ParseChatRole(std::string_view name) {
  for (const RoleName& row : kRoleNames) {
    if (row.name == name) return row.role;
  }
  if (name == "tool") return absl::UnimplementedError("role \"tool\": tools are not supported");
  return absl::InvalidArgumentError(Concat("role ", QuoteForMessage(name), " is unknown"));
}

absl::StatusOr<std::string> RenderChat(const std::vector<ChatMessage>& messages,
                                       const ChatOptions& options) {
  if (messages.empty()) return absl::InvalidArgumentError("the conversation has no message");
  const size_t last_query = LastQuery(messages);
  std::string text;
  for (size_t i = 0; i < messages.size(); ++i) {
    const ChatMessage& message = messages[i];
    text += Concat("<|im_start|>", NameOf(message.role), "\n");
    if (message.role == ChatRole::kAssistant) {
      const Answer answer = SplitAnswer(message);
      const bool is_last = i + 1 == messages.size();
      if (i > last_query && (is_last || !answer.reasoning.empty())) {
        text += Concat(kThinkStart, "\n", StripLeft(StripRight(answer.reasoning)), "\n", kThinkEnd,
                       "\n\n", StripLeft(answer.content));
      } else {
        text += answer.content;
      }
    } else {
      text += message.content;
    }
    text += "<|im_end|>\n";
  }
  if (options.add_generation_prompt) {
    text += "<|im_start|>assistant\n";
    if (!options.enable_thinking) {
      text += Concat(kThinkStart, "\n\n", kThinkEnd, "\n\n");
    }
  }
  return text;
}

absl::Status CheckChatTemplate(const std::string& folder) {
  std::string file;
  ASSIGN_OR_RETURN(const std::string source, ReadChatTemplate(folder, &file));
  for (const std::string_view part : kTemplateParts) {
    if (Contains(source, part)) continue;
    return absl::UnimplementedError(Concat(file, ": chat_template: is not Qwen3's (no ", part,
                                           "); other templates are not supported"));
  }
  return absl::OkStatus();
}

}  // namespace lluda::tokenizer
