// lluda chat: a conversation, in the model's chat template. Each line of stdin is a message of the
// user; answers go to stdout, everything else to stderr. Ctrl-C ends an answer, and the program
// where no answer is being written. A message that does not fit the context is left out, with a
// line on stderr; the conversation goes on as it was before it.
#include <unistd.h>

#include <iostream>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "cli/commands/commands.h"
#include "cli/flags/draft.h"
#include "cli/flags/generation_flags.h"
#include "cli/flags/grammar.h"
#include "cli/flags/model_flags.h"
#include "cli/terminal/line_reader.h"
#include "cli/terminal/output.h"
#include "frontends/tokenizer/chat_template.h"
#include "frontends/tokenizer/reader/chat_format_reader.h"
#include "runtime/machine/interrupt.h"
#include "tools/run/conversation.h"
#include "tools/run/generation_report.h"

namespace lluda::cli {
namespace {

class Chat {
 public:
  Chat(const ChatFlags& flags, tools::ChatStyle style,
       std::shared_ptr<const grammar::Grammar> grammar, engine::Model* model,
       engine::Session* session, engine::Drafter* drafter)
      : flags_(flags),
        conversation_(std::move(style), flags.system, model, session),
        grammar_(std::move(grammar)),
        model_(model),
        session_(session),
        drafter_(drafter) {}

  absl::StatusOr<tools::ChatPrompt> Take(std::string message) {
    absl::StatusOr<tools::ChatPrompt> prompt = conversation_.Ask(std::move(message));
    if (prompt.ok() && flags_.show_prompt) {
      const bool ends_line = absl::EndsWith(prompt->text, "\n");
      std::cerr << prompt->text << (ends_line ? "" : "\n") << std::flush;
    }
    return prompt;
  }

  // Answers what was taken last; the answer becomes part of the conversation.
  absl::Status Answer(const tools::ChatPrompt& prompt, const runtime::Interrupt& interrupt) {
    absl::Status written;
    engine::GenerateOptions options = GenerateOptionsOf(flags_.generate, *model_, drafter_);
    options.stop_tokens = conversation_.StopTokens();
    options.continues = false;
    const auto thought = grammar::BehindThought(*model_->tokenizer(), prompt.ids);
    ASSIGN_OR_RETURN(options.constraint, ConstraintOf(grammar_, *model_, thought));
    options.cancel = interrupt.flag();
    if (!flags_.generate.json) options.on_text = StdoutWriter(&written);
    ASSIGN_OR_RETURN(engine::Generation generation, session_->Generate(prompt.ids, options));
    conversation_.Add(generation.text);
    const tools::GenerationReport report =
        tools::ReportOf(*model_, *session_, std::move(generation));
    if (written.ok()) written = EndAnswer(report);
    if (!written.ok()) return written;
    TellEnd("lluda", flags_.generate, *session_, report);
    return absl::OkStatus();
  }

 private:
  // What follows the text of an answer that was written as it came, or stands in its place.
  absl::Status EndAnswer(const tools::GenerationReport& report) const {
    if (flags_.generate.json) {
      const int64_t seed = flags_.generate.sampler.seed;
      return WriteStdout(tools::ChatAnswerJson(report, seed, conversation_.asked()));
    }
    // After Ctrl-C the terminal has written "^C".
    const engine::Generation& generation = report.generation;
    const bool at_start_of_line = absl::EndsWith(generation.text, "\n") &&
                                  generation.finish != engine::FinishReason::kCancelled;
    if (at_start_of_line && IsTerminal(STDOUT_FILENO)) return absl::OkStatus();
    return WriteStdout("\n");
  }

  const ChatFlags& flags_;
  tools::Conversation conversation_;
  std::shared_ptr<const grammar::Grammar> grammar_;  // of each answer; null: none
  engine::Model* model_;
  engine::Session* session_;
  engine::Drafter* drafter_;  // of --speculate MODEL
};

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

absl::StatusOr<tools::ChatStyle> StyleOf(const ChatFlags& flags,
                                         const engine::ModelSource& source) {
  ASSIGN_OR_RETURN(const tokenizer::ChatFormat format, FormatOf(flags, source));
  ASSIGN_OR_RETURN(tokenizer::ChatTemplate chat_template, tokenizer::ChatTemplate::Create(format));
  tools::ChatStyle style = {std::move(chat_template), {}};
  style.options.enable_thinking = flags.thinking;
  style.options.now = tokenizer::LocalTime();
  if (flags.tools_file.empty()) return style;
  PromptFlags file;
  file.file = flags.tools_file;
  ASSIGN_OR_RETURN(style.options.tools_json, ReadPrompt(file));
  if (style.options.tools_json.empty()) {
    return absl::InvalidArgumentError(absl::StrCat(flags.tools_file, ": is empty, no JSON list"));
  }
  const absl::Status valid = tokenizer::CheckTools(style.options.tools_json);
  if (valid.ok()) return style;
  return absl::InvalidArgumentError(absl::StrCat(flags.tools_file, ": ", valid.message()));
}

// Answers the messages that stdin has, each a line. The exit code.
absl::StatusOr<int> AnswerLines(Chat* chat, runtime::Interrupt* interrupt) {
  const bool is_terminal = IsTerminal(STDIN_FILENO);
  LineReader lines(STDIN_FILENO, interrupt);
  std::string message;
  while (true) {
    if (is_terminal) std::cerr << "> " << std::flush;
    ASSIGN_OR_RETURN(LineReader::Event event, lines.Next(&message));
    if (event != LineReader::Event::kLine) {
      if (is_terminal) std::cerr << "\n";
      return event == LineReader::Event::kInterrupted ? runtime::kInterruptedExitCode : 0;
    }
    if (message.empty()) continue;
    absl::StatusOr<tools::ChatPrompt> prompt = chat->Take(std::move(message));
    if (!prompt.ok()) {
      std::cerr << "lluda: message left out: " << prompt.status().message() << "\n";
      continue;
    }
    RETURN_IF_ERROR(chat->Answer(*prompt, *interrupt));
    if (!interrupt->flag()->load()) continue;
    if (!is_terminal) return runtime::kInterruptedExitCode;
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
  ASSIGN_OR_RETURN(tools::ChatStyle style, StyleOf(flags, *options.source));
  ASSIGN_OR_RETURN(std::unique_ptr<engine::Model> model,
                   LoadModel(std::move(options), flags.generate.model.use_cache));
  ASSIGN_OR_RETURN(std::unique_ptr<engine::Session> session,
                   engine::Session::Create(model.get(), {}));

  ASSIGN_OR_RETURN(const Draft draft, OpenDraft(flags.generate, *model));
  Chat chat(flags, std::move(style), std::move(grammar), model.get(), session.get(),
            draft.drafter.get());
  runtime::Interrupt interrupt;
  if (!one_message) return AnswerLines(&chat, &interrupt);
  ASSIGN_OR_RETURN(const tools::ChatPrompt ask, chat.Take(std::move(message)));
  RETURN_IF_ERROR(chat.Answer(ask, interrupt));
  return interrupt.flag()->load() ? runtime::kInterruptedExitCode : 0;
}

}  // namespace lluda::cli
