// The flags of what turns texts and sounds into others.
#include <cstdint>

#include "CLI/App.hpp"
#include "cli/flags/argument_groups.h"
#include "cli/flags/subcommands.h"

namespace lluda::cli {
CLI::App* AddGenerate(CLI::App* app, GenerateFlags* flags) {
  CLI::App* sub = app->add_subcommand("generate", "Continue a text");
  AddGenerationModel(sub, &flags->model);
  AddGeneration(sub, flags);
  AddGrammar(sub, &flags->grammar);
  AddContinuation(sub, flags);
  AddIrFile(sub, &flags->model);
  sub->add_option("--trace", flags->trace_file,
                  "Write when each thread worked on which call and when it waited, for Perfetto");
  return sub;
}

CLI::App* AddChat(CLI::App* app, ChatFlags* flags) {
  CLI::App* sub = app->add_subcommand("chat", "Talk with a model: each line of stdin is a message");
  AddGenerationModel(sub, &flags->generate.model);
  AddGeneration(sub, &flags->generate);
  AddGrammar(sub, &flags->generate.grammar);
  AddPrompt(sub, &flags->generate.prompt, "One message to answer, instead of stdin's lines");
  AddJson(sub, &flags->generate.json)
      ->description("Print a JSON document for each answer instead of its text: docs/json.md");
  sub->add_option("--system", flags->system, "The system message");
  AddSwitch(sub, "thinking", "Let the model think before it answers [as its template has it]",
            [flags](bool on) { flags->thinking = on; });
  sub->add_option("--tools", flags->tools_file, "A JSON list of tools that the model may call");
  sub->add_option("--chat-template", flags->template_file,
                  "A Jinja template to use instead of the model's own");
  sub->add_flag("--show-prompt", flags->show_prompt,
                "Print what the conversation becomes, on stderr, before each answer");
  return sub;
}

CLI::App* AddTokenize(CLI::App* app, TokenizeFlags* flags) {
  CLI::App* sub = app->add_subcommand("tokenize", "Print the token ids of a text");
  AddModel(sub, &flags->model);
  AddTokenizer(sub, &flags->tokenizer);
  AddPrompt(sub, &flags->prompt, "The text [stdin]");
  CLI::Option* jsonl =
      sub->add_flag("--jsonl", flags->jsonl,
                    "Read lines {\"text\": ...}, write lines {\"ids\": ..., \"decoded\": ...}");
  AddJson(sub, &flags->json)->excludes(jsonl);
  sub->add_flag("--no-special-tokens", flags->text_only,
                "Leave out what the tokenizer puts around a text, such as <s>");
  return sub;
}

CLI::App* AddEmbed(CLI::App* app, EmbedFlags* flags) {
  CLI::App* sub = app->add_subcommand(
      "embed", "Turn texts into vectors: lines {\"text\": ...} in, {\"embedding\": ...} out");
  AddGenerationModel(sub, &flags->model);
  CLI::Option* text =
      sub->add_option("-p,--prompt", flags->input.text, "One text, instead of lines");
  sub->add_option("-f,--file", flags->input.file, "Where the lines come from [stdin]")
      ->excludes(text);
  CLI::Option* name = sub->add_option(
      "--prompt-name", flags->prompt_name,
      "Which of the model's prompts stands before each text: query, document [its default one]");
  sub->add_option("--instruct", flags->instruction,
                  "The texts are queries of this task: \"Instruct: TASK\\nQuery:TEXT\"")
      ->excludes(name);
  sub->add_option("--dimensions", flags->dimensions,
                  "Only the first so many numbers of each vector [all]")
      ->check(CLI::Range(int64_t{1}, kMostTokens));
  AddJson(sub, &flags->json);
  return sub;
}

CLI::App* AddRerank(CLI::App* app, RerankFlags* flags) {
  CLI::App* sub = app->add_subcommand(
      "rerank",
      "Order documents by how well they answer a query: lines {\"query\": ..., \"documents\": "
      "[...]} in, {\"results\": ...} out");
  AddGenerationModel(sub, &flags->model);
  sub->add_option("-f,--file", flags->file, "Where the lines come from [stdin]");
  sub->add_option("--query", flags->query, "The query of lines that have none");
  sub->add_option("--instruct", flags->instruction,
                  "What is asked of the documents [to answer a web search query]");
  AddJson(sub, &flags->json);
  return sub;
}

CLI::App* AddTranscribe(CLI::App* app, TranscribeFlags* flags) {
  CLI::App* sub = app->add_subcommand(
      "transcribe",
      "Turn speech into text. Times are where long sounds were cut; the model gives no others");
  sub->add_option("files", flags->files,
                  "Sounds (WAV, FLAC, Ogg Vorbis, Opus, MP3; - is stdin), and behind them the "
                  "MODEL: a folder, a bundle, or a hub name (Qwen/Qwen3-ASR-0.6B)")
      ->required();
  // One list to the parser, which gives a list all that it can.
  sub->callback([flags] {
    if (flags->files.size() < 2) {
      throw CLI::ValidationError("transcribe takes one sound or more, and behind them the MODEL");
    }
    flags->model.model = flags->files.back();
    flags->files.pop_back();
    if (flags->model.device != "cpu") {
      throw CLI::ValidationError("--device", "models hear on the CPU alone");
    }
  });
  AddQuestion(sub, flags);
  AddJson(sub, &flags->json);
  AddLoadedModel(sub, &flags->model);
  return sub;
}

}  // namespace lluda::cli
