// lluda chat: a conversation, in the model's chat template. Each line of stdin is a message of the
// user; answers go to stdout, everything else to stderr. Ctrl-C ends an answer, and the program
// where no answer is being written. A message that does not fit the context is left out, with a
// line on stderr; the conversation goes on as it was before it.
#include <unistd.h>

#include <ctime>
#include <iostream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "cli/commands/commands.h"
#include "cli/flags/draft.h"
#include "cli/flags/generation_flags.h"
#include "cli/flags/grammar.h"
#include "cli/flags/model_flags.h"
#include "cli/terminal/interrupt.h"
#include "cli/terminal/line_reader.h"
#include "cli/terminal/output.h"
#include "frontends/tokenizer/chat_template.h"
#include "frontends/tokenizer/reader/chat_format_reader.h"
#include "frontends/tokenizer/turn_ends.h"
#include "tools/run/generation_report.h"

namespace lluda::cli {
namespace {

using tokenizer::ChatMessage;
using tokenizer::ChatRole;

// How conversations are written: what the model's files and the flags say.
struct ChatStyle {
  tokenizer::ChatTemplate chat_template;
  tokenizer::ChatOptions options;
};

class Chat {
 public:
  Chat(const ChatFlags& flags, ChatStyle style, std::shared_ptr<const grammar::Grammar> grammar,
       engine::Model* model, engine::Session* session, engine::Drafter* drafter)
      : flags_(flags),
        style_(std::move(style)),
        grammar_(std::move(grammar)),
        model_(model),
        session_(session),
        drafter_(drafter) {
    if (!flags.system.empty()) messages_.push_back({ChatRole::kSystem, flags.system});
  }

  // The prompt that the conversation becomes with this message. InvalidArgument if it cannot be
  // answered; the conversation is then as it was.
  absl::StatusOr<std::vector<int32_t>> Take(std::string message) {
    ++taken_;
    messages_.push_back({ChatRole::kUser, std::move(message)});
    absl::StatusOr<std::vector<int32_t>> prompt = Prompt();
    if (!prompt.ok()) messages_.pop_back();
    return prompt;
  }

  // Answers what was taken last; the answer becomes part of the conversation.
  absl::Status Answer(const std::vector<int32_t>& prompt, const Interrupt& interrupt) {
    absl::Status written;
    engine::GenerateOptions options;
    options.max_new_tokens = flags_.generate.max_new_tokens;
    options.sampler = SamplerOf(flags_.generate.sampler, model_->DefaultSampler());
    options.stop_tokens = model_->StopTokens();
    for (const int32_t id : tokenizer::TurnEnds(*model_->tokenizer())) {
      options.stop_tokens.push_back(id);
    }
    options.stop_strings = flags_.generate.stops;
    options.speculate = SpeculateOf(flags_.generate);
    options.drafter = drafter_;
    options.continues = false;
    ASSIGN_OR_RETURN(
        options.constraint,
        ConstraintOf(grammar_, *model_, grammar::BehindThought(*model_->tokenizer(), prompt)));
    options.cancel = interrupt.flag();
    if (!flags_.generate.json) {
      options.on_text = [&](absl::string_view piece) {
        written = WriteStdout(piece);
        return written.ok();
      };
    }
    ASSIGN_OR_RETURN(engine::Generation generation, session_->Generate(prompt, options));
    messages_.push_back({ChatRole::kAssistant, generation.text});
    const tools::GenerationReport report =
        tools::ReportOf(*model_, *session_, std::move(generation));
    if (written.ok()) written = EndAnswer(report);
    if (!written.ok()) return written;
    if (report.generation.finish == engine::FinishReason::kContext) {
      std::cerr << "lluda: " << FullContextText(*session_) << "\n";
    }
    if (flags_.generate.stats) std::cerr << tools::GenerationStatsText(report);
    return absl::OkStatus();
  }

 private:
  // What follows the text of an answer that was written as it came, or stands in its place.
  absl::Status EndAnswer(const tools::GenerationReport& report) const {
    if (flags_.generate.json) {
      return WriteStdout(tools::ChatAnswerJson(report, flags_.generate.sampler.seed, taken_));
    }
    // After Ctrl-C the terminal has written "^C".
    const engine::Generation& generation = report.generation;
    const bool at_start_of_line = absl::EndsWith(generation.text, "\n") &&
                                  generation.finish != engine::FinishReason::kCancelled;
    if (at_start_of_line && IsTerminal(STDOUT_FILENO)) return absl::OkStatus();
    return WriteStdout("\n");
  }

  absl::StatusOr<std::vector<int32_t>> Prompt() const {
    ASSIGN_OR_RETURN(const jinja::Text text,
                     style_.chat_template.Render(messages_, style_.options));
    std::vector<int32_t> prompt = tokenizer::EncodeChat(*model_->tokenizer(), text);
    RETURN_IF_ERROR(session_->CheckPrompt(prompt));
    if (flags_.show_prompt) {
      const bool ends_line = absl::EndsWith(text.bytes(), "\n");
      std::cerr << text.bytes() << (ends_line ? "" : "\n") << std::flush;
    }
    return prompt;
  }

  const ChatFlags& flags_;
  ChatStyle style_;
  std::shared_ptr<const grammar::Grammar> grammar_;  // of each answer; null: none
  engine::Model* model_;
  engine::Session* session_;
  engine::Drafter* drafter_;  // of --speculate MODEL
  std::vector<ChatMessage> messages_;
  int64_t taken_ = 0;  // messages of the user, those that were left out included
};

std::tm LocalTime() {
  const std::time_t now = std::time(nullptr);
  std::tm local = {};
  localtime_r(&now, &local);
  return local;
}

// The model's own template, or the one of --chat-template with the model's special tokens.
absl::StatusOr<tokenizer::ChatFormat> FormatOf(const ChatFlags& flags,
                                               const engine::ModelSource& source) {
  absl::StatusOr<tokenizer::ChatFormat> format =
      tokenizer::WithTemplateOf(flags.template_file, source.ReadChatFormat());
  if (format.ok() || !flags.template_file.empty() || !flags.generate.model.model.empty()) {
    return format;
  }
  return absl::InvalidArgumentError(
      "the small default model tells stories and is no chat model; name one: "
      "`lluda chat MODEL`, a folder, a bundle or a hub name in the local cache (Qwen/Qwen3-0.6B)");
}

absl::StatusOr<ChatStyle> StyleOf(const ChatFlags& flags, const engine::ModelSource& source) {
  ASSIGN_OR_RETURN(const tokenizer::ChatFormat format, FormatOf(flags, source));
  ASSIGN_OR_RETURN(tokenizer::ChatTemplate chat_template, tokenizer::ChatTemplate::Create(format));
  ChatStyle style = {std::move(chat_template), {}};
  style.options.enable_thinking = flags.thinking;
  style.options.now = LocalTime();
  if (flags.tools_file.empty()) return style;
  PromptFlags file;
  file.file = flags.tools_file;
  ASSIGN_OR_RETURN(style.options.tools_json, ReadPrompt(file));
  const absl::Status valid = tokenizer::CheckTools(style.options.tools_json);
  if (valid.ok()) return style;
  return absl::InvalidArgumentError(absl::StrCat(flags.tools_file, ": ", valid.message()));
}

// Answers the messages that stdin has, each a line. The exit code.
absl::StatusOr<int> AnswerLines(Chat* chat, Interrupt* interrupt) {
  const bool is_terminal = IsTerminal(STDIN_FILENO);
  LineReader lines(STDIN_FILENO, interrupt);
  std::string message;
  while (true) {
    if (is_terminal) std::cerr << "> " << std::flush;
    ASSIGN_OR_RETURN(LineReader::Event event, lines.Next(&message));
    if (event != LineReader::Event::kLine) {
      if (is_terminal) std::cerr << "\n";
      return event == LineReader::Event::kInterrupted ? kInterruptedExitCode : 0;
    }
    if (message.empty()) continue;
    absl::StatusOr<std::vector<int32_t>> prompt = chat->Take(std::move(message));
    if (!prompt.ok()) {
      std::cerr << "lluda: message left out: " << prompt.status().message() << "\n";
      continue;
    }
    RETURN_IF_ERROR(chat->Answer(*prompt, *interrupt));
    if (!interrupt->flag()->load()) continue;
    if (!is_terminal) return kInterruptedExitCode;
    interrupt->Reset();
  }
}

}  // namespace

absl::StatusOr<int> Run(const ChatFlags& flags) {
  const PromptFlags& prompt = flags.generate.prompt;
  const bool one_message = prompt.text || prompt.file;
  std::string message;
  if (one_message) {
    ASSIGN_OR_RETURN(message, ReadPrompt(prompt));
  }
  ASSIGN_OR_RETURN(std::shared_ptr<const grammar::Grammar> grammar,
                   GrammarOf(flags.generate.grammar));
  ASSIGN_OR_RETURN(engine::LoadOptions options, LoadOptionsOf(flags.generate.model));
  ASSIGN_OR_RETURN(ChatStyle style, StyleOf(flags, *options.source));
  ASSIGN_OR_RETURN(std::unique_ptr<engine::Model> model,
                   LoadModel(std::move(options), flags.generate.model.use_cache));
  ASSIGN_OR_RETURN(std::unique_ptr<engine::Session> session,
                   engine::Session::Create(model.get(), {}));

  ASSIGN_OR_RETURN(const Draft draft, OpenDraft(flags.generate, *model));
  Chat chat(flags, std::move(style), std::move(grammar), model.get(), session.get(),
            draft.drafter.get());
  Interrupt interrupt;
  if (!one_message) return AnswerLines(&chat, &interrupt);
  ASSIGN_OR_RETURN(std::vector<int32_t> ids, chat.Take(std::move(message)));
  RETURN_IF_ERROR(chat.Answer(ids, interrupt));
  return interrupt.flag()->load() ? kInterruptedExitCode : 0;
}

}  // namespace lluda::cli
