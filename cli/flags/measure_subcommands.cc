// The flags of what checks a model and measures it.
#include <cstdint>
#include <optional>
#include <string>

#include "CLI/App.hpp"
#include "cli/flags/argument_groups.h"
#include "cli/flags/subcommands.h"

namespace lluda::cli {
namespace {

constexpr int kMostRepeats = 1000;
constexpr int kMostSeconds = 24 * 3600;
constexpr char kWindow[] =
    "Tokens of a window, and of the context [512, or all that the model holds]";

void AddText(CLI::App* app, std::optional<std::string>* file) {
  app->add_option("-f,--file", *file,
                  "The text, - is stdin [some stories that come with the default model]");
}

// A list of numbers from `least` to `most`, by commas.
void AddList(CLI::App* app, const char* name, std::vector<int64_t>* list, const char* help,
             int64_t least, int64_t most) {
  CLI::Option* option = app->add_option(name, *list, help)->delimiter(',')->allow_extra_args(false);
  option->check(CLI::Range(least, most));
  if (!list->empty()) option->capture_default_str();
}

}  // namespace

CLI::App* AddVerify(CLI::App* app, VerifyFlags* flags) {
  CLI::App* sub = app->add_subcommand(
      "verify",
      "Hold every pass and every kernel against the interpreter, and a dump against the imported "
      "model; name the first fault");
  AddModel(sub, &flags->model.model);
  sub->add_option("--layers", flags->layers,
                  "Only the first so many layers [all of a small model, two of a large one]")
      ->check(CLI::Range(int64_t{1}, kMostTokens));
  CLI::Option* entry =
      AddEntry(sub, &flags->entry, "Verify this entry: step, audio, audio_chunk [step]");
  sub->add_option("--tokens", flags->tokens,
                  "Tokens of the prompt that is run; of audio, rows of sound [13]")
      ->check(CLI::Range(int64_t{1}, int64_t{63}));
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
  AddText(sub, &flags->file);
  sub->add_option("--against", flags->against.model,
                  "Another model with the same vocabulary, which is taken to be right [the same "
                  "model, if the flags below ask for anything]");
  AddNumbers(sub, "--against-", " of the other model", &flags->against);
  sub->add_option("--stride", flags->stride, "From one window to the next, in tokens [half of one]")
      ->check(CLI::Range(int64_t{1}, kMostTokens));
  AddLoadedModel(sub, &flags->model, kWindow);
  AddJson(sub, &flags->json);
  return sub;
}

CLI::App* AddImatrix(CLI::App* app, ImatrixFlags* flags) {
  CLI::App* sub = app->add_subcommand(
      "imatrix", "Measure on a text how important the columns of a model's matrices are");
  AddModel(sub, &flags->model.model);
  AddText(sub, &flags->file);
  sub->add_option("-o,--output", flags->output, "The file to write, as llama.cpp does")->required();
  AddLoadedModel(sub, &flags->model, kWindow);
  return sub;
}

CLI::App* AddBench(CLI::App* app, BenchFlags* flags) {
  CLI::App* sub = app->add_subcommand(
      "bench", "Measure a model's speed and how near the machine's limits it is");
  AddModel(sub, &flags->model.model);
  CLI::Option* entry = AddEntry(sub, &flags->entry,
                                "What is measured: step; or audio, of a model that hears: its "
                                "encoder [step]");
  sub->add_option("--seconds", flags->seconds, "Of sound to encode [30]")
      ->needs(entry)
      ->check(CLI::Range(1, kMostSeconds));
  AddList(sub, "--prompt-tokens", &flags->prompt_tokens, "Lengths of the prompts, by commas", 1,
          kMostTokens);
  sub->add_option("--gen-tokens", flags->gen_tokens, "Tokens to generate")
      ->check(CLI::Range(int64_t{1}, kMostTokens))
      ->capture_default_str();
  AddList(sub, "--depth", &flags->depths,
          "Tokens in the cache before those that are generated, by commas", 0, kMostTokens);
  sub->add_option("--repeat", flags->repeat, "How often each is measured")
      ->check(CLI::Range(1, kMostRepeats))
      ->capture_default_str();
  AddList(sub, "--streams", &flags->streams,
          "Also measure so many texts side by side, by commas: 1,2,4,8 [none]", 1, 64);
  AddList(sub, "--batch", &flags->batch,
          "Also measure steps of so many tokens against steps of one, by commas [none]", 1, 64);
  sub->add_option("--peer", flags->peers, "Also run an engine in turns: LLAMA_BENCH,GGUF[,FLAG...]")
      ->allow_extra_args(false);
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
  for (const char* of_step : {"--prompt-tokens", "--gen-tokens", "--depth", "--streams", "--batch",
                              "--peer", "--stats"}) {
    entry->excludes(of_step);
  }
  return sub;
}

}  // namespace lluda::cli
