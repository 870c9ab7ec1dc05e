#include "frontends/tokenizer/chat_template.h"

#include "base/quote.h"
#include "base/status_macros.h"
#include "base/utf8.h"
#include "frontends/jinja/value/from_json.h"
#include "frontends/tokenizer/text/strings.h"

namespace lluda::tokenizer {
namespace {

using jinja::Origin;
using jinja::Value;

constexpr std::string_view kDefaultName = "default";
constexpr std::string_view kToolsName = "tool_use";

struct RoleName {
  ChatRole role;
  std::string_view name;
};
constexpr RoleName kRoleNames[] = {
    {ChatRole::kSystem, "system"},
    {ChatRole::kUser, "user"},
    {ChatRole::kAssistant, "assistant"},
    {ChatRole::kTool, "tool"},
};

Value UserText(std::string_view text) {
  return Value::String(base::ReplaceInvalidUtf8(text), Origin::kUser);
}

// A list of objects, out of JSON that a user wrote.
absl::StatusOr<Value> ObjectsOf(const std::string& json, std::string_view of_what,
                                jinja::Heap* heap) {
  ASSIGN_OR_RETURN(const Value list, jinja::ParseJson(json, Origin::kUser, heap));
  if (!list.is(jinja::Type::kList)) {
    return absl::InvalidArgumentError(Concat("is not a list of ", of_what));
  }
  const std::vector<Value>& items = list.list()->items;
  for (size_t i = 0; i < items.size(); ++i) {
    if (items[i].is(jinja::Type::kDict)) continue;
    return absl::InvalidArgumentError(Concat("[", i, "]: is not an object"));
  }
  return list;
}

// Templates put the role's name between the halves of a special token: it is one of ours, not what
// a user wrote.
absl::StatusOr<Value> MessagesOf(const std::vector<ChatMessage>& messages, jinja::Heap* heap) {
  jinja::List* list = heap->NewList();
  for (const ChatMessage& message : messages) {
    jinja::Dict* dict = heap->NewDict();
    const std::string_view role = kRoleNames[static_cast<int>(message.role)].name;
    dict->Set("role", Value::String(std::string(role), Origin::kTemplate));
    dict->Set("content", UserText(message.content));
    if (message.reasoning.has_value()) {
      dict->Set("reasoning_content", UserText(*message.reasoning));
    }
    if (!message.tool_calls_json.empty()) {
      ASSIGN_OR_RETURN(const Value calls, ObjectsOf(message.tool_calls_json, "tool calls", heap));
      dict->Set("tool_calls", calls);
    }
    if (message.tool_call_id) dict->Set("tool_call_id", UserText(*message.tool_call_id));
    if (message.name) dict->Set("name", UserText(*message.name));
    list->items.push_back(Value::Of(dict));
  }
  return Value::Of(list);
}

// None without tools.
absl::StatusOr<Value> ToolsOf(const std::string& json, jinja::Heap* heap) {
  if (json.empty()) return Value();
  ASSIGN_OR_RETURN(const Value tools, ObjectsOf(json, "tools", heap));
  return tools.list()->items.empty() ? Value() : tools;
}

}  // namespace

absl::StatusOr<ChatRole> ParseChatRole(std::string_view name) {
  for (const RoleName& row : kRoleNames) {
    if (row.name == name) return row.role;
  }
  return absl::InvalidArgumentError(Concat("role ", base::QuoteForMessage(name), " is unknown"));
}

absl::Status CheckTools(const std::string& json) {
  jinja::Heap heap;
  return ToolsOf(json, &heap).status();
}

absl::StatusOr<ChatTemplate> ChatTemplate::Create(const ChatFormat& format) {
  ChatTemplate chat;
  for (const NamedTemplate& named : format.templates) {
    ASSIGN_OR_RETURN(jinja::Template parsed, jinja::Template::Parse(named.source, named.origin));
    chat.templates_.push_back({named.name, std::move(parsed)});
  }
  chat.special_tokens_ = format.special_tokens;
  RETURN_IF_ERROR(chat.Select(/*has_tools=*/false).status());
  return chat;
}

absl::StatusOr<const jinja::Template*> ChatTemplate::Select(bool has_tools) const {
  const Named* selected = nullptr;
  for (const Named& named : templates_) {
    if (has_tools && named.name == kToolsName) return &named.parsed;
    if (named.name == kDefaultName) selected = &named;
  }
  if (selected != nullptr) return &selected->parsed;
  std::string names;
  for (const Named& named : templates_) {
    names += Concat(names.empty() ? "" : ", ", base::QuoteForMessage(named.name));
  }
  return absl::InvalidArgumentError(
      Concat("chat_template: has no template named \"default\", but ",
             names.empty() ? "none at all" : std::string_view(names)));
}

absl::StatusOr<jinja::Text> ChatTemplate::Render(const std::vector<ChatMessage>& messages,
                                                 const ChatOptions& options) const {
  if (messages.empty()) return absl::InvalidArgumentError("the conversation has no message");
  jinja::Heap heap;
  ASSIGN_OR_RETURN(const Value tools, ToolsOf(options.tools_json, &heap));
  ASSIGN_OR_RETURN(const jinja::Template* selected, Select(!tools.is_none()));
  ASSIGN_OR_RETURN(const Value rendered, MessagesOf(messages, &heap));
  jinja::Template::Variables variables = {
      {"messages", rendered},
      {"tools", tools},
      {"documents", Value()},
      {"add_generation_prompt", Value::Bool(options.add_generation_prompt)},
  };
  for (const auto& [name, token] : special_tokens_) {
    variables.emplace_back(name, Value::String(base::ReplaceInvalidUtf8(token), Origin::kTemplate));
  }
  if (options.enable_thinking.has_value()) {
    variables.emplace_back("enable_thinking", Value::Bool(*options.enable_thinking));
  }
  return selected->Render(variables, &heap, options.now);
}

std::tm LocalTime() {
  const std::time_t now = std::time(nullptr);
  std::tm local = {};
  localtime_r(&now, &local);
  return local;
}

absl::StatusOr<std::optional<ChatTemplate>> TemplateIfAny(
    const absl::StatusOr<ChatFormat>& format) {
  if (absl::IsNotFound(format.status())) return std::optional<ChatTemplate>();
  if (!format.ok()) return format.status();
  ASSIGN_OR_RETURN(ChatTemplate parsed, ChatTemplate::Create(*format));
  return std::optional<ChatTemplate>(std::move(parsed));
}

std::vector<int32_t> EncodeChat(const Tokenizer& tokenizer, const jinja::Text& text) {
  std::vector<TextRange> trusted;
  size_t begin = 0;
  for (const jinja::Text::Run& run : text.runs()) {
    if (run.origin == Origin::kTemplate) trusted.push_back({begin, run.end});
    begin = run.end;
  }
  EncodeOptions options;
  options.special_ranges = &trusted;
  return tokenizer.Encode(text.bytes(), options);
}

}  // namespace lluda::tokenizer
