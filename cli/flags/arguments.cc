#include "cli/flags/arguments.h"

#include <cstdint>
#include <iostream>
#include <vector>

#include "CLI/App.hpp"
#include "CLI/Config.hpp"
#include "CLI/Formatter.hpp"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "cli/flags/argument_groups.h"
#include "ir/text/suggest.h"

namespace lluda::cli {
namespace {

constexpr int kMostRepeats = 1000;
constexpr int kMostSeconds = 24 * 3600;

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
  // A function, for a flag into an optional makes it false where it is not given.
  sub->add_flag_function(
      "--thinking,!--no-thinking", [flags](int64_t given) { flags->thinking = given > 0; },
      "Whether the model thinks before it answers [as its template has it]");
  sub->add_option("--tools", flags->tools_file, "A JSON list of tools that the model may call");
  sub->add_option("--chat-template", flags->template_file,
                  "A Jinja template to use instead of the model's own");
  sub->add_flag("--show-prompt", flags->show_prompt,
                "Print what the conversation becomes, on stderr, before each answer");
  return sub;
}

void AddServeAccess(CLI::App* sub, ServeFlags* flags) {
  sub->add_option("--host", flags->host, "The address to listen on")->capture_default_str();
  sub->add_option("--port", flags->port, "The port [8080; 0: any that is free]")
      ->check(CLI::Range(0, 65535));
  sub->add_option("--unix", flags->unix_path,
                  "Listen on a socket at this path, and on a port only if --port is given");
  sub->add_option("--api-key-file", flags->api_key_file,
                  "Keys that clients need, lines NAME:KEY; also LLUDA_API_KEYS [nobody needs one]");
  sub->add_flag("--no-auth", flags->no_auth, "Listen beyond this machine without keys");
  sub->add_option("--allow-host", flags->allow_hosts,
                  "Also answer to this name; repeatable [localhost, 127.0.0.1, [::1]]");
  sub->add_option("--allow-origin", flags->allow_origins,
                  "Pages of this site may ask, https://NAME; repeatable");
  sub->add_flag("--public-metrics", flags->public_metrics, "/metrics needs no key");
}

void AddServeLimits(CLI::App* sub, ServeFlags* flags) {
  constexpr int64_t kMostSequences = 256;
  sub->add_option("--max-sequences", flags->max_sequences, "Texts that are written side by side")
      ->check(CLI::Range(int64_t{1}, kMostSequences))
      ->capture_default_str();
  sub->add_option("--kv-memory", flags->kv_memory,
                  "Keys and values of all texts together, such as 4GiB [what they could fill, at "
                  "most half of the memory that is left]")
      ->transform(CLI::AsSizeValue(/*kb_is_1000=*/false))
      ->check(CLI::Range(int64_t{1}, int64_t{1} << 50));
  sub->add_option("--max-queue", flags->max_queue, "Requests that may wait")
      ->check(CLI::Range(int64_t{1}, int64_t{1} << 20))
      ->capture_default_str();
  sub->add_option("--queue-seconds", flags->queue_seconds, "How long one may wait")
      ->check(CLI::Range(0.001, 1e6))
      ->capture_default_str();
  sub->add_option("--step-ms", flags->step_ms,
                  "How long a step may take that reads prompts while texts are written")
      ->check(CLI::Range(1.0, 1e5))
      ->capture_default_str();
  sub->add_flag("--share-prefixes", flags->share_prefixes,
                "What is computed of a prompt is used for other keys' requests, too");
  sub->add_option("--max-body", flags->max_body, "Bytes of a request, or with a unit [8MiB]")
      ->transform(CLI::AsSizeValue(/*kb_is_1000=*/false))
      ->check(CLI::Range(int64_t{1}, int64_t{1} << 30));
  sub->add_option("--max-connections", flags->max_connections, "Connections at a time")
      ->check(CLI::Range(int64_t{1}, int64_t{1} << 20))
      ->capture_default_str();
  sub->add_option("--drain-seconds", flags->drain_seconds,
                  "After SIGTERM, how long answers that have begun may go on")
      ->check(CLI::Range(0.0, 1e6))
      ->capture_default_str();
  sub->add_flag("--strict-fields", flags->strict_fields,
                "Refuse requests with unknown fields instead of naming these in a header");
}

CLI::App* AddServe(CLI::App* app, ServeFlags* flags) {
  CLI::App* sub = app->add_subcommand("serve", "Answer requests of OpenAI's API over HTTP");
  AddGenerationModel(sub, &flags->model);
  sub->add_option("--chat-template", flags->chat_template_file,
                  "A Jinja template to use instead of the model's own");
  sub->add_option("--alias", flags->aliases, "Another name of the model; repeatable");
  AddServeAccess(sub, flags);
  AddServeLimits(sub, flags);
  sub->add_option("--log", flags->log, "A line for each request on stderr: json, text, off")
      ->check(CLI::IsMember({"json", "text", "off"}))
      ->capture_default_str();
  sub->add_option("--log-text", flags->log_text_file,
                  "A file, for its owner alone, that prompts and answers are added to [none]");
  CLI::Option* plan =
      sub->add_flag("--plan", flags->plan, "Print what memory is needed for, and end");
  sub->add_flag("--embeddings", flags->embeddings,
                "Answer /v1/embeddings with vectors of texts, instead of writing texts")
      ->excludes(plan);
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
  });
  AddQuestion(sub, flags);
  AddJson(sub, &flags->json);
  AddLoadedModel(sub, &flags->model);
  return sub;
}

CLI::App* AddIr(CLI::App* app, IrFlags* flags) {
  CLI::App* sub = app->add_subcommand("ir", "Print a model's module; after all passes, by default");
  AddModel(sub, &flags->model.model);
  CLI::Option* before = sub->add_flag("--before", flags->before, "Before the first pass");
  CLI::Option* after = sub->add_option(
      "--after", flags->after, "After this pass: its name (its last run) or its number, from 1");
  CLI::Option* all = sub->add_option("--all", flags->all_folder,
                                     "Write the module before, and after each pass that changed "
                                     "it, to files in this folder");
  CLI::Option* diff = sub->add_option(
      "--diff", flags->diff,
      "Print what each pass changed, or what one did: --diff=fuse-rope, or its number");
  diff->expected(0, 1)->default_str("");
  CLI::Option* plan =
      sub->add_flag("--plan", flags->plan,
                    "Print the memory plan and the list of calls that a step is compiled to");
  AddEntry(sub, &flags->entry,
           "Only what this entry uses: step, or of a model that hears audio or audio_chunk");
  CLI::Option* func =
      sub->add_option("--func", flags->func, "Only this function, or `load` for the load block");
  before->excludes(after)->excludes(all)->excludes(diff)->excludes(plan);
  after->excludes(all)->excludes(diff)->excludes(plan);
  all->excludes(diff)->excludes(plan)->excludes(func);
  diff->excludes(plan);
  sub->add_option("--color", flags->color, "Colours in --diff: auto (on a terminal), always, never")
      ->check(CLI::IsMember({"auto", "always", "never"}))
      ->capture_default_str();
  sub->add_option(
         "--passes", flags->passes,
         "Passes to run, separated by commas; 'default' is the whole pipeline, 'rest' what of it "
         "the module has not gone through")
      ->capture_default_str();
  AddJson(sub, &flags->json);
  AddContext(sub, &flags->model);
  AddPrecision(sub, &flags->model);
  AddResult(sub, &flags->model);
  AddIrFile(sub, &flags->model);
  AddDevice(sub, &flags->model);
  return sub;
}

CLI::App* AddAsm(CLI::App* app, AsmFlags* flags) {
  CLI::App* sub = app->add_subcommand("asm", "Print the machine code of a statement");
  AddModel(sub, &flags->model.model);
  CLI::Option* op = sub->add_option(
      "--op", flags->op,
      "The statement: attn.qkv, or \"@attn %qkv\" as a dump spells it; or a kernel's name");
  CLI::Option* list =
      sub->add_flag("--list", flags->list, "Print the statements and their kernels");
  op->excludes(list);
  AddEntry(sub, &flags->entry, "Only statements of this entry: step, audio, audio_chunk [all]");
  sub->add_option("--emit", flags->emit, "asm: assembly; llvm: LLVM IR as it is compiled")
      ->check(CLI::IsMember({"asm", "llvm"}))
      ->capture_default_str();
  AddJson(sub, &flags->json);
  AddContext(sub, &flags->model);
  AddPrecision(sub, &flags->model);
  AddIrFile(sub, &flags->model);
  AddIsa(sub, &flags->model);
  AddDevice(sub, &flags->model);
  return sub;
}

CLI::App* AddExplain(CLI::App* app, ExplainFlags* flags) {
  CLI::App* sub = app->add_subcommand(
      "explain", "Tell of each statement where it came from, what it costs and how long it takes");
  AddModel(sub, &flags->model.model);
  AddEntry(sub, &flags->entry, "Explain a run of this entry: step, audio, audio_chunk [step]");
  CLI::Option* tokens =
      sub->add_option("--tokens", flags->tokens,
                      "Explain a prompt of so many tokens [a single token]; of another entry than "
                      "the step, so many rows of sound [as many as it takes]");
  tokens->check(CLI::Range(int64_t{1}, kMostTokens));
  sub->add_option("--depth", flags->depth, "Tokens that come before the single one [128]")
      ->check(CLI::Range(int64_t{0}, kMostTokens))
      ->excludes(tokens);
  AddContext(sub, &flags->model);
  AddPrecision(sub, &flags->model);
  AddIrFile(sub, &flags->model);
  AddMachine(sub, &flags->model);
  AddDevice(sub, &flags->model);
  AddListeners(sub, &flags->model);
  AddJson(sub, &flags->json);
  return sub;
}

CLI::App* AddReport(CLI::App* app, ReportFlags* flags) {
  CLI::App* sub = app->add_subcommand(
      "report", "Write a page with what the passes did, how long kernels take, and the memory");
  AddModel(sub, &flags->model.model);
  sub->add_option("-o,--output", flags->output, "The page to write, FILE.html");
  AddJson(sub, &flags->json)
      ->description("Print what the page shows as one JSON document: docs/json.md");
  AddEntry(
      sub, &flags->entry,
      "Only this entry, of the passes and in what is run: step, audio, audio_chunk [the passes "
      "of all, and the step]");
  CLI::Option* no_measure =
      sub->add_flag("!--no-measure", flags->measure, "Run nothing: a page without times");
  sub->add_option("--tokens", flags->tokens,
                  "Tokens of the prompt that is run [512]; of another entry than the step, rows of "
                  "sound [as many as it takes]")
      ->check(CLI::Range(int64_t{1}, kMostTokens))
      ->excludes(no_measure);
  sub->add_option("--depth", flags->depth, "Tokens before the single one that is run [128]")
      ->check(CLI::Range(int64_t{0}, kMostTokens))
      ->excludes(no_measure);
  AddContext(sub, &flags->model);
  AddPrecision(sub, &flags->model);
  AddIrFile(sub, &flags->model);
  AddMachine(sub, &flags->model);
  AddDevice(sub, &flags->model);
  return sub;
}

CLI::App* AddVerify(CLI::App* app, VerifyFlags* flags) {
  CLI::App* sub = app->add_subcommand(
      "verify",
      "Hold every pass and every kernel against the interpreter, and a dump against the imported "
      "model; name the first fault");
  AddModel(sub, &flags->model.model);
  sub->add_option("--layers", flags->layers,
                  "Only the first so many layers [all of a small model, one of a large one]")
      ->check(CLI::Range(int64_t{1}, kMostTokens));
  CLI::Option* entry =
      AddEntry(sub, &flags->entry, "Verify this entry: step, audio, audio_chunk [step]");
  sub->add_option("--tokens", flags->tokens,
                  "Tokens of the prompt that is run; of audio, rows of sound")
      ->check(CLI::Range(int64_t{1}, int64_t{63}))
      ->capture_default_str();
  CLI::Option* reference = sub->add_option(
      "--reference", flags->reference,
      "Compare the imported module, too, with what extract_reference.py wrote: NAME.json");
  sub->add_option("--repro", flags->repro_file, "Where to write the module that has the fault")
      ->capture_default_str();
  AddContext(sub, &flags->model);
  AddPrecision(sub, &flags->model);
  AddIrFile(sub, &flags->model);
  reference->excludes("--ir")->excludes(entry);
  sub->add_flag("--as-is", flags->as_is,
                "Of --ir: take what the dump computes to be right, and do not hold it against the "
                "imported model")
      ->needs("--ir");
  AddJson(sub, &flags->json);
  AddIsa(sub, &flags->model);
  AddDevice(sub, &flags->model);
  return sub;
}

CLI::App* AddValidate(CLI::App* app, ValidateFlags* flags) {
  CLI::App* sub = app->add_subcommand("validate", "Compare a model with Hugging Face's outputs");
  AddModel(sub, &flags->model.model);
  sub->add_option("--reference", flags->reference,
                  "What extract_reference.py wrote: NAME.json, with NAME.safetensors beside it")
      ->required();
  AddContext(sub, &flags->model);
  AddPrecision(sub, &flags->model);
  AddMachine(sub, &flags->model);
  AddDevice(sub, &flags->model);
  AddListeners(sub, &flags->model);
  AddCodeCache(sub, &flags->model);
  AddJson(sub, &flags->json);
  return sub;
}

CLI::App* AddEval(CLI::App* app, EvalFlags* flags) {
  CLI::App* sub = app->add_subcommand(
      "eval", "Measure how well a model predicts a text, and how far it is from another one");
  AddModel(sub, &flags->model.model);
  AddTokenizer(sub, &flags->model.tokenizer);
  sub->add_option("-f,--file", flags->file,
                  "The text, - is stdin [some stories that come with the default model]");
  sub->add_option("--against", flags->against,
                  "Another model with the same vocabulary, which is taken to be right [the same "
                  "model, if the flags below ask for anything]");
  AddNumbers(sub, "--against-", " of the other model", &flags->against_precision,
             &flags->against_kv_cache, &flags->against_weights, &flags->against_activations);
  AddContext(sub, &flags->model,
             "Tokens of a window, and of the context [512, or all that the model holds]");
  sub->add_option("--stride", flags->stride, "From one window to the next, in tokens [half of one]")
      ->check(CLI::Range(int64_t{1}, kMostTokens));
  AddPrecision(sub, &flags->model);
  AddMachine(sub, &flags->model);
  AddDevice(sub, &flags->model);
  AddListeners(sub, &flags->model);
  AddCodeCache(sub, &flags->model);
  AddCheck(sub, &flags->model);
  AddJson(sub, &flags->json);
  return sub;
}

CLI::App* AddBench(CLI::App* app, BenchFlags* flags) {
  CLI::App* sub = app->add_subcommand(
      "bench", "Measure a model's speed and how near the machine's limits it is");
  AddModel(sub, &flags->model.model);
  CLI::Option* entry = AddEntry(sub, &flags->entry,
                                "What is measured: step; or audio, of a model that hears: its "
                                "encoder [step]");
  sub->add_option("--seconds", flags->seconds, "Of sound to encode")
      ->needs(entry)
      ->check(CLI::Range(1, kMostSeconds))
      ->capture_default_str();
  sub->add_option("--prompt-tokens", flags->prompt_tokens, "Lengths of the prompts, by commas")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->check(CLI::Range(int64_t{1}, kMostTokens))
      ->capture_default_str();
  sub->add_option("--gen-tokens", flags->gen_tokens, "Tokens to generate")
      ->check(CLI::Range(int64_t{1}, kMostTokens))
      ->capture_default_str();
  sub->add_option("--depth", flags->depths,
                  "Tokens in the cache before those that are generated, by commas")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->check(CLI::Range(int64_t{0}, kMostTokens))
      ->capture_default_str();
  sub->add_option("--repeat", flags->repeat, "How often each is measured")
      ->check(CLI::Range(1, kMostRepeats))
      ->capture_default_str();
  sub->add_option("--streams", flags->streams,
                  "Also measure so many texts side by side, by commas: 1,2,4,8 [none]")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->check(CLI::Range(int64_t{1}, int64_t{64}));
  sub->add_option("--batch", flags->batch,
                  "Also measure steps of so many tokens against steps of one, by commas: "
                  "1,2,4,8,16 [none]")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->check(CLI::Range(int64_t{1}, int64_t{64}));
  AddContext(sub, &flags->model, "Tokens the context holds [as many as are measured]");
  AddPrecision(sub, &flags->model);
  AddMachine(sub, &flags->model);
  AddDevice(sub, &flags->model);
  AddListeners(sub, &flags->model);
  flags->model.use_cache = false;  // compiling is measured
  sub->add_option(
         "--json", flags->json_file,
         "Print one JSON document instead of text: docs/json.md; with a FILE, write it there, too")
      ->expected(0, 1)
      ->default_str("-");
  sub->add_flag("--stats", flags->stats, "Count the calls of a step and those shared by threads");
  for (const char* of_step :
       {"--prompt-tokens", "--gen-tokens", "--depth", "--streams", "--batch", "--stats"}) {
    entry->excludes(of_step);
  }
  return sub;
}

CLI::App* AddCompile(CLI::App* app, CompileFlags* flags) {
  CLI::App* sub = app->add_subcommand(
      "compile", "Write a model as one file that starts in milliseconds: a bundle");
  AddModel(sub, &flags->model.model);
  AddTokenizer(sub, &flags->model.tokenizer);
  sub->add_option("-o,--output", flags->output, "The file to write, FILE.llb")->required();
  sub->add_option("--emit", flags->emit,
                  "Write for C programs, beside the bundle: object (FILE.o), header (FILE.h)")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->check(CLI::IsMember({"object", "header"}));
  AddJson(sub, &flags->json);
  AddContext(sub, &flags->model);
  AddPrecision(sub, &flags->model);
  AddResult(sub, &flags->model);
  AddMachine(sub, &flags->model);
  AddDevice(sub, &flags->model);
  return sub;
}

CLI::App* AddInspect(CLI::App* app, InspectFlags* flags) {
  CLI::App* sub = app->add_subcommand(
      "inspect", "Print what a GGUF file or a folder's safetensors hold, and what is odd");
  AddModel(sub, &flags->model);
  AddJson(sub, &flags->json);
  return sub;
}

CLI::App* AddCache(CLI::App* app, CacheFlags* flags) {
  CLI::App* sub = app->add_subcommand("cache", "The compiled code that earlier runs have kept");
  sub->require_subcommand(1);
  CLI::App* list = sub->add_subcommand("ls", "List it");
  list->callback([flags] { flags->action = CacheAction::kList; });
  CLI::App* prune = sub->add_subcommand("prune", "Drop what is damaged or unused for longest");
  prune->callback([flags] { flags->action = CacheAction::kPrune; });
  prune
      ->add_option("--max-size", flags->max_bytes,
                   "What may stay, in bytes or with a unit, such as 64MB; 0: nothing [256MB]")
      ->transform(CLI::AsSizeValue(/*kb_is_1000=*/false));
  CLI::App* verify = sub->add_subcommand("verify", "Compare it, or a bundle, with its hashes");
  verify->callback([flags] { flags->action = CacheAction::kVerify; });
  verify->add_option("bundle", flags->file, "A bundle to check instead of the cache, FILE.llb");
  for (CLI::App* action : {list, prune, verify}) AddJson(action, &flags->json);
  return sub;
}

// The end of a program that got --help or was used wrongly.
int ExitOf(const CLI::App& app, const CLI::Success& success) {
  app.exit(success);
  if (std::cout.flush()) return 0;
  std::cerr << app.get_name() << ": stdout: cannot be written\n";
  return 1;
}

int UsageError(absl::string_view program, absl::string_view what) {
  std::cerr << program << ": " << what << " (" << program << " --help tells more)\n";
  return 2;
}

// "unknown flag '--sed'; did you mean '--seed'?"
std::string Unknown(absl::string_view what, const std::string& name,
                    const std::vector<std::string>& known) {
  const std::string nearest = ir::Nearest(name, {known.begin(), known.end()});
  std::string text = absl::StrCat("unknown ", what, " '", name, "'");
  if (!nearest.empty()) absl::StrAppend(&text, "; did you mean '", nearest, "'?");
  return text;
}

// The command that was used: of subcommands, the innermost.
const CLI::App* Used(const CLI::App* app) {
  while (!app->get_subcommands().empty()) app = app->get_subcommands().front();
  return app;
}

std::vector<std::string> LongFlags(const CLI::App& app) {
  std::vector<std::string> flags;
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames()) flags.push_back("--" + name);
  }
  return flags;
}

// What is wrong with the words that the parser has left over, "" if nothing is.
std::string LeftOver(const CLI::App& app) {
  const CLI::App* used = Used(&app);
  for (const std::string& word : app.remaining(/*recurse=*/true)) {
    if (word.size() > 1 && word[0] == '-') {
      return Unknown("flag", word.substr(0, word.find('=')), LongFlags(*used));
    }
    std::vector<std::string> commands;
    for (const CLI::App* sub : used->get_subcommands({})) commands.push_back(sub->get_name());
    if (!commands.empty()) return Unknown("command", word, commands);
  }
  return "";
}

int ExitOf(const CLI::App& app, const CLI::Error& error) {
  // A mistyped word is often why the parser lacks another one.
  const bool lacks = dynamic_cast<const CLI::ExtrasError*>(&error) != nullptr ||
                     dynamic_cast<const CLI::RequiredError*>(&error) != nullptr;
  const std::string left_over = lacks ? LeftOver(app) : "";
  return UsageError(app.get_name(), left_over.empty() ? error.what() : left_over);
}

// The exit code if there is nothing to run.
std::optional<int> Parse(CLI::App* app, int argc, char** argv) {
  try {
    app->parse(argc, argv);
  } catch (const CLI::Success& success) {  // --help, --version
    return ExitOf(*app, success);
  } catch (const CLI::Error& error) {
    return ExitOf(*app, error);
  }
  return std::nullopt;
}

}  // namespace

ParseResult ParseArguments(int argc, char** argv, const Version& version) {
  ParseResult result;
  Arguments& arguments = result.arguments;
  CLI::App app("Compiles a language model for this machine and runs it.", "lluda");
  app.set_version_flag("--version", version, "Print lluda's version, LLVM's and the CPU's row");
  app.require_subcommand(0, 1);
  const std::pair<CLI::App*, Command> commands[] = {
      {AddGenerate(&app, &arguments.generate), Command::kGenerate},
      {AddChat(&app, &arguments.chat), Command::kChat},
      {AddServe(&app, &arguments.serve), Command::kServe},
      {AddTokenize(&app, &arguments.tokenize), Command::kTokenize},
      {AddEmbed(&app, &arguments.embed), Command::kEmbed},
      {AddRerank(&app, &arguments.rerank), Command::kRerank},
      {AddTranscribe(&app, &arguments.transcribe), Command::kTranscribe},
      {AddIr(&app, &arguments.ir), Command::kIr},
      {AddAsm(&app, &arguments.assembly), Command::kAsm},
      {AddExplain(&app, &arguments.explain), Command::kExplain},
      {AddReport(&app, &arguments.report), Command::kReport},
      {AddVerify(&app, &arguments.verify), Command::kVerify},
      {AddValidate(&app, &arguments.validate), Command::kValidate},
      {AddEval(&app, &arguments.eval), Command::kEval},
      {AddBench(&app, &arguments.bench), Command::kBench},
      {AddCompile(&app, &arguments.compile), Command::kCompile},
      {AddInspect(&app, &arguments.inspect), Command::kInspect},
      {AddCache(&app, &arguments.cache), Command::kCache},
  };
  result.exit_code = Parse(&app, argc, argv);
  if (result.exit_code) return result;
  // Not left to the parser, which would say this of a misspelt subcommand, too.
  if (app.get_subcommands().empty()) {
    std::string names;
    for (const auto& [sub, command] : commands) names += " " + sub->get_name();
    result.exit_code = ExitOf(app, CLI::RequiredError("A subcommand is required:" + names,
                                                      CLI::ExitCodes::RequiredError));
  }
  for (const auto& [sub, command] : commands) {
    if (sub->parsed()) arguments.command = command;
  }
  return result;
}

RunParseResult ParseRunArguments(int argc, char** argv, const Version& version) {
  RunParseResult result;
  GenerateFlags& flags = result.flags;
  CLI::App app("Continues a text, or transcribes sounds, with a bundle that `lluda compile` wrote.",
               "lluda-run");
  app.set_version_flag("--version", version, "Print the version");
  app.add_option("bundle", flags.model.model, "The bundle, FILE.llb")->required();
  AddContext(&app, &flags.model);
  AddThreads(&app, &flags.model);
  AddForce(&app, &flags.model);
  AddCheck(&app, &flags.model);
  const size_t shared = app.get_options().size();
  AddGeneration(&app, &flags);
  AddContinuation(&app, &flags);
  const std::vector<CLI::Option*> options = app.get_options();
  CLI::Option* audio = app.add_option(
      "--audio", result.transcribe.files,
      "Transcribe this sound instead, with a model that hears; repeatable, - is stdin");
  audio->allow_extra_args(false);
  for (size_t i = shared; i < options.size(); ++i) {
    if (!options[i]->check_name("--json")) audio->excludes(options[i]);
  }
  for (CLI::Option* option : AddQuestion(&app, &result.transcribe)) option->needs(audio);
  result.exit_code = Parse(&app, argc, argv);
  result.transcribe.model = flags.model;
  result.transcribe.json = flags.json;
  return result;
}

}  // namespace lluda::cli
