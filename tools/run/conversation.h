// A conversation with a model, in its chat template: what was said, and the prompt that it becomes.
//
//   Conversation conversation({*chat_template, options}, "Be brief.", model, session);
//   absl::StatusOr<ChatPrompt> prompt = conversation.Ask("Hi");
//   absl::StatusOr<engine::Generation> answer = session->Generate(prompt->ids, options);
//   conversation.Add(answer->text);
#ifndef LLUDA_TOOLS_RUN_CONVERSATION_H_
#define LLUDA_TOOLS_RUN_CONVERSATION_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "engine/model.h"
#include "engine/session.h"
#include "frontends/tokenizer/chat_template.h"

namespace lluda::tools {

// How conversations are written: what the model's files say, and who asks.
struct ChatStyle {
  tokenizer::ChatTemplate chat_template;
  tokenizer::ChatOptions options;
};

struct ChatPrompt {
  std::string text;
  std::vector<int32_t> ids;
};

class Conversation {
 public:
  // `model`, which has a tokenizer, and `session` must outlive it. `system`: the system message; "": none.
  Conversation(ChatStyle style, const std::string& system, const engine::Model* model,
               const engine::Session* session);

  // What the conversation becomes with this message of the user. InvalidArgument if it cannot be
  // answered, as where it does not fit the context; the conversation is then as it was before it.
  absl::StatusOr<ChatPrompt> Ask(std::string message);

  // The model's answer to what was asked last.
  void Add(std::string answer);

  // Tokens that end an answer: the model's own, and what ends a turn.
  std::vector<int32_t> StopTokens() const;

  // Messages of the user so far, those that were left out included.
  int64_t asked() const { return asked_; }

 private:
  absl::StatusOr<ChatPrompt> Prompt() const;

  ChatStyle style_;
  const engine::Model* model_;
  const engine::Session* session_;
  std::vector<tokenizer::ChatMessage> messages_;
  int64_t asked_ = 0;
};

}  // namespace lluda::tools

#endif  // LLUDA_TOOLS_RUN_CONVERSATION_H_
