// lluda chat: a conversation, in the model's chat template. Each line of stdin is a message of the
// user; answers go to stdout, everything else to stderr. Ctrl-C ends an answer, and the program
// where no answer is being written.
#include <unistd.h>

#include <iostream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "bundle/reader.h"
#include "cli/commands.h"
#include "cli/interrupt.h"
#include "cli/model_flags.h"
#include "cli/output.h"
#include "frontends/tokenizer/chat_template.h"

namespace lluda::cli {
namespace {

using tokenizer::ChatMessage;
using tokenizer::ChatRole;

class Chat {
 public:
  Chat(const ChatFlags& flags, engine::Model* model, engine::Session* session)
      : flags_(flags), model_(model), session_(session) {
    if (!flags.system.empty()) messages_.push_back({ChatRole::kSystem, flags.system});
  }

  // Answers one message; true if Ctrl-C cut the answer short.
  absl::StatusOr<bool> Answer(std::string message) {
    messages_.push_back({ChatRole::kUser, std::move(message)});
    tokenizer::ChatOptions chat;
    chat.enable_thinking = flags_.thinking;
    absl::StatusOr<std::string> text = tokenizer::RenderChat(messages_, chat);
    if (!text.ok()) return text.status();

    const Interrupt interrupt;
    absl::Status written;
    engine::GenerateOptions options;
    options.max_new_tokens = flags_.generate.max_new_tokens;
    options.sampler = SamplerOf(flags_.generate.sampler, model_->DefaultSampler());
    options.stop_tokens = model_->StopTokens();
    if (const auto end = model_->tokenizer()->TokenToId("<|im_end|>")) {
      options.stop_tokens.push_back(*end);
    }
    options.stop_strings = flags_.generate.stops;
    options.cancel = interrupt.flag();
    options.on_text = [&](absl::string_view piece) {
      written = WriteStdout(piece);
      return written.ok();
    };
    absl::StatusOr<engine::Generation> generation =
        session_->Generate(model_->tokenizer()->Encode(*text), options);
    if (!generation.ok()) return generation.status();
    if (written.ok()) written = WriteStdout("\n");
    if (!written.ok()) return written;
    if (generation->finish == engine::FinishReason::kContext) {
      std::cerr << "lluda: the context of " << session_->context() << " tokens is full\n";
    }
    if (flags_.generate.stats) std::cerr << StatsText(*model_, *session_, *generation);
    messages_.push_back({ChatRole::kAssistant, std::move(generation->text)});
    return interrupt.flag()->load();
  }

 private:
  const ChatFlags& flags_;
  engine::Model* model_;
  engine::Session* session_;
  std::vector<ChatMessage> messages_;
};

// Whether the model of a folder or a bundle takes the chat template.
absl::Status CheckChatTemplate(const std::string& model) {
  if (!bundle::Bundle::Looks(model)) return tokenizer::CheckChatTemplate(model);
  absl::StatusOr<std::unique_ptr<bundle::Bundle>> bundle = bundle::Bundle::Open(model);
  if (!bundle.ok()) return bundle.status();
  const std::string& problem = (*bundle)->model().chat_template_problem;
  if (problem.empty()) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat(model, ": when it was compiled, ", problem));
}

}  // namespace

absl::StatusOr<int> RunChat(const ChatFlags& flags) {
  const PromptFlags& prompt = flags.generate.prompt;
  const bool one_message = prompt.text || prompt.file;
  std::string message;
  if (one_message) {
    absl::StatusOr<std::string> read = ReadPrompt(prompt);
    if (!read.ok()) return read.status();
    message = *std::move(read);
  }
  absl::StatusOr<std::string> folder = ModelFolder(flags.generate.model.model);
  if (!folder.ok()) return folder.status();
  if (absl::Status status = CheckChatTemplate(*folder); !status.ok()) return status;
  absl::StatusOr<std::unique_ptr<engine::Model>> model = LoadModel(flags.generate.model, true);
  if (!model.ok()) return model.status();
  absl::StatusOr<std::unique_ptr<engine::Session>> session =
      engine::Session::Create(model->get(), {});
  if (!session.ok()) return session.status();

  Chat chat(flags, model->get(), session->get());
  if (one_message) {
    absl::StatusOr<bool> interrupted = chat.Answer(std::move(message));
    if (!interrupted.ok()) return interrupted.status();
    return *interrupted ? kInterruptedExitCode : 0;
  }
  const bool is_terminal = isatty(STDIN_FILENO) == 1;
  while (true) {
    if (is_terminal) std::cerr << "> " << std::flush;
    if (!std::getline(std::cin, message)) break;
    if (message.empty()) continue;
    absl::StatusOr<bool> interrupted = chat.Answer(std::move(message));
    if (!interrupted.ok()) return interrupted.status();
    if (*interrupted && !is_terminal) return kInterruptedExitCode;
  }
  if (is_terminal) std::cerr << "\n";
  return 0;
}

}  // namespace lluda::cli
