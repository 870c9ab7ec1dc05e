#include "tools/run/conversation.h"

#include <utility>

#include "base/status_macros.h"
#include "frontends/tokenizer/turn_ends.h"

namespace lluda::tools {

using tokenizer::ChatRole;

Conversation::Conversation(ChatStyle style, const std::string& system, const engine::Model* model,
                           const engine::Session* session)
    : style_(std::move(style)), model_(model), session_(session) {
  if (!system.empty()) messages_.push_back({ChatRole::kSystem, system});
}

absl::StatusOr<ChatPrompt> Conversation::Ask(std::string message) {
  ++asked_;
  messages_.push_back({ChatRole::kUser, std::move(message)});
  absl::StatusOr<ChatPrompt> prompt = Prompt();
  if (!prompt.ok()) messages_.pop_back();
  return prompt;
}

void Conversation::Add(std::string answer) {
  messages_.push_back({ChatRole::kAssistant, std::move(answer)});
}

std::vector<int32_t> Conversation::StopTokens() const {
  std::vector<int32_t> tokens = model_->StopTokens();
  for (const int32_t id : tokenizer::TurnEnds(*model_->tokenizer())) tokens.push_back(id);
  return tokens;
}

absl::StatusOr<ChatPrompt> Conversation::Prompt() const {
  ASSIGN_OR_RETURN(const jinja::Text text, style_.chat_template.Render(messages_, style_.options));
  ChatPrompt prompt = {std::string(text.bytes()),
                       tokenizer::EncodeChat(*model_->tokenizer(), text)};
  RETURN_IF_ERROR(session_->CheckPrompt(prompt.ids));
  return prompt;
}

}  // namespace lluda::tools
