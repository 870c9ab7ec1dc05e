#include "cli/flags/argument_groups.h"

#include <limits>
#include <optional>

#include "CLI/App.hpp"
#include "CLI/Config.hpp"
#include "CLI/Formatter.hpp"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/byte_size.h"
#include "engine/source/module_options.h"

namespace lluda::cli {
namespace {

constexpr int kMostThreads = 1024;

// CLI::Range would take a number that is too large for the largest there is.
std::string SeedError(const std::string& text) {
  int64_t seed = 0;
  if (absl::SimpleAtoi(text, &seed) && seed >= 0) return "";
  return absl::StrCat("'", text, "' is not a whole number from 0 to ",
                      std::numeric_limits<int64_t>::max());
}

void AddSampler(CLI::App* app, SamplerFlags* flags) {
  app->add_option("--temperature", flags->temperature, "0: always the likeliest token");
  app->add_option("--top-k", flags->top_k, "Only the k likeliest tokens; 0: all");
  app->add_option("--top-p", flags->top_p, "Only the likeliest tokens that reach p together");
  app->add_option("--min-p", flags->min_p, "Only tokens p times as likely as the likeliest");
  app->add_option("--repetition-penalty", flags->repetition_penalty, "1: none");
  app->add_option("--presence-penalty", flags->presence_penalty, "0: none");
  app->add_option("--frequency-penalty", flags->frequency_penalty, "0: none");
  app->add_option("--seed", flags->seed, "Of the random draws")
      ->check(SeedError)
      ->capture_default_str();
}

}  // namespace

void AddModel(CLI::App* app, std::string* model) {
  app->add_option("model", *model,
                  "Hugging Face folder, a GGUF file, a bundle (FILE.llb), or a hub name in the "
                  "local cache (Qwen/Qwen3-0.6B); the small default model if left out");
}

void AddTokenizer(CLI::App* app, std::string* tokenizer) {
  app->add_option("--tokenizer", *tokenizer,
                  "A folder, or a tokenizer.json, whose tokenizer is used instead of the model's");
}

CLI::Option* AddEntry(CLI::App* app, std::string* entry, const char* what) {
  return app->add_option("--entry", *entry, what);
}

void AddContext(CLI::App* app, ModelFlags* flags, const char* what) {
  app->add_option("--ctx", flags->context, what)->check(CLI::Range(int64_t{1}, kMostTokens));
}

void AddNumbers(CLI::App* app, const std::string& prefix, const std::string& whose,
                ModelFlags* flags) {
  app->add_option(prefix + "precision", flags->precision,
                  absl::StrCat("bf16: matmul inputs and the cache", whose,
                               " in bf16; f32: everything in f32 [bf16, or as a bundle has it]"))
      ->check(CLI::IsMember({"bf16", "f32"}));
  app->add_option(prefix + "kv-cache", flags->kv_cache,
                  absl::StrCat("int8: half the memory of the cache", whose,
                               ", for an error that validate and bench print [as the precision or "
                               "a bundle has it]"))
      ->check(CLI::IsMember({"bf16", "f32", "int8"}));
  CLI::Option* weights = app->add_option(
      prefix + "weights", flags->weights,
      absl::StrCat("Quantise matrices", whose,
                   " while they are loaded: ", engine::WeightTypeNames(),
                   "; auto: each as --budget allows. Rows of no whole blocks of 256 get blocks of "
                   "32 [as the model has them]"));
  app->add_option(prefix + "budget", flags->budget,
                  "What auto may cost: kl=0.01, nats of KL divergence; top1=99%, of the likeliest "
                  "tokens the same; or bytes=500M, of all weights")
      ->needs(weights);
  app->add_option(prefix + "calibrate", flags->calibrate,
                  "A text on which auto measures that [stories that come with the default model]")
      ->needs(weights);
  app->add_option(
         prefix + "imatrix", flags->imatrix,
         "What `lluda imatrix` or llama.cpp wrote: q2_k to q6_k and iq4 take more care of columns "
         "that count")
      ->needs(weights);
  app->add_option(prefix + "activations", flags->activations,
                  absl::StrCat("int8: what meets quantised matrices", whose,
                               " is quantised, too, which is faster, for an error that eval "
                               "measures; exact: it is not [exact, or as a bundle has it]"))
      ->check(CLI::IsMember({"exact", "int8"}));
}

void AddPrecision(CLI::App* app, ModelFlags* flags) {
  AddNumbers(app, "--", "", flags);
  app->add_flag("--partial-head", flags->partial_head,
                "Hold the LM head in 8 bits as well, in about its size more, and read of its own "
                "numbers what may be needed: the same tokens in less time where they are the "
                "likeliest, or drawn with --top-k");
}

void AddResult(CLI::App* app, ModelFlags* flags) {
  app->add_option("--result", flags->result,
                  "What a step gives: logits, or hidden for `lluda embed` [logits, or as a bundle "
                  "has it]")
      ->check(CLI::IsMember({"logits", "hidden"}));
}

void AddIrFile(CLI::App* app, ModelFlags* flags) {
  CLI::Option* file = app->add_option(
      "--ir", flags->ir_file,
      "Run this dump of `lluda ir` on the model's weights: the passes go on where it stopped; - is "
      "stdin");
  for (const char* other :
       {"--ctx", "--precision", "--kv-cache", "--weights", "--activations", "--partial-head"}) {
    file->excludes(other);
  }
}

void AddIsa(CLI::App* app, ModelFlags* flags) {
  app->add_option("--isa", flags->isa,
                  "host, or an older one: amx, avx512bf16, avx512, avx2, generic; of --device cuda "
                  "sm_90a, sm_89, sm_86, sm_80")
      ->capture_default_str();
}

void AddDevice(CLI::App* app, ModelFlags* flags) {
  app->add_option(
         "--device", flags->device,
         "cpu; cuda: an NVIDIA GPU; gpu-sim: its kernels, on the CPU and slow: docs/gpu.md")
      ->check(CLI::IsMember({"cpu", "cuda", "gpu-sim"}))
      ->capture_default_str();
}

void AddThreads(CLI::App* app, ModelFlags* flags) {
  app->add_option("-t,--threads", flags->threads, "Threads [the physical cores there are]")
      ->check(CLI::Range(1, kMostThreads));
}

void AddForce(CLI::App* app, ModelFlags* flags) {
  app->add_flag("--force", flags->force,
                "Load the model even if it needs more memory than is left");
}

void AddMachine(CLI::App* app, ModelFlags* flags) {
  AddThreads(app, flags);
  AddForce(app, flags);
  AddIsa(app, flags);
}

void AddPrompt(CLI::App* app, PromptFlags* flags, const char* what) {
  CLI::Option* text = app->add_option("-p,--prompt", flags->text, what);
  app->add_option("-f,--file", flags->file,
                  "The same from a file, - is stdin; all of it, a newline at the end included")
      ->excludes(text);
}

void AddCodeCache(CLI::App* app, ModelFlags* flags) {
  AddSwitch(app, "cache", "Keep compiled code for the next run [so it is]",
            [flags](bool on) { flags->use_cache = on; });
}

void AddSwitch(CLI::App* app, const std::string& name, const char* help,
               std::function<void(bool on)> set) {
  // Functions, for a flag into an optional makes it false where it is not given.
  const auto add = [&](const std::string& flag, bool on, const std::string& text) {
    return app->add_flag_function(flag, [set, on](int64_t) { set(on); }, text);
  };
  CLI::Option* const yes = add("--" + name, true, help);
  add("--no-" + name, false, absl::StrCat("The opposite of --", name))->excludes(yes);
}

CLI::Option* AddSize(CLI::App* app, const char* name, int64_t* bytes, const char* help,
                     int64_t least, int64_t most) {
  const auto to_bytes = [least, most](std::string& text) -> std::string {
    const std::optional<int64_t> size = base::ParseByteSize(text);
    if (!size || *size < least || *size > most) {
      return absl::StrCat("'", text, "' is not a size from ", least, " to ", most,
                          " bytes, as in 64MB");
    }
    text = absl::StrCat(*size);
    return "";
  };
  return app->add_option(name, *bytes, help)->transform(CLI::Validator(to_bytes, "SIZE"));
}

CLI::Option* AddJson(CLI::App* app, bool* json) {
  return app->add_flag("--json", *json, "Print one JSON document instead of text: docs/json.md");
}

void AddCheck(CLI::App* app, ModelFlags* flags) {
  app->add_flag("--check", flags->check, "Of a bundle: compare all of it with its hashes first");
}

void AddGeneration(CLI::App* app, GenerateFlags* flags) {
  app->add_option("-n,--max-new-tokens", flags->max_new_tokens, "Most tokens to generate")
      ->check(CLI::Range(int64_t{0}, kMostTokens))
      ->capture_default_str();
  app->add_option("--stop", flags->stops, "Text that ends the generation; may be repeated")
      ->allow_extra_args(false);
  AddSampler(app, &flags->sampler);
  app->add_option("--speculate", flags->speculate,
                  "Guess tokens and check several in a step; the text is the same, and sooner "
                  "there. prompt: by what followed the last ones before; or a smaller model of the "
                  "same tokenizer, as MODEL is given; off")
      ->capture_default_str();
  app->add_flag("--stats", flags->stats, "Print times, speed and memory on stderr");
}

void AddGrammar(CLI::App* app, GrammarFlags* flags) {
  CLI::Option* schema =
      app->add_option("--json-schema", flags->schema_file,
                      "The text is JSON that this file's schema allows; - is stdin: "
                      "docs/constrained_decoding.md");
  app->add_option("--regex", flags->regex,
                  "The text is one that this regular expression matches as a whole")
      ->excludes(schema);
}

void AddListeners(CLI::App* app, ModelFlags* flags) {
  app->add_flag("--perf", flags->perf,
                "Write /tmp/perf-PID.map, where perf looks for the kernels' names");
  app->add_flag("--gdb", flags->gdb, "Tell GDB the kernels' names");
}

void AddBundle(CLI::App* app, ModelFlags* flags) {
  app->add_option("bundle", flags->model, "The bundle, FILE.llb")->required();
  AddContext(app, flags);
  AddThreads(app, flags);
  AddForce(app, flags);
  AddCheck(app, flags);
}

void AddGenerationModel(CLI::App* app, ModelFlags* flags) {
  AddModel(app, &flags->model);
  AddLoadedModel(app, flags);
}

void AddLoadedModel(CLI::App* app, ModelFlags* flags, const char* context) {
  AddTokenizer(app, &flags->tokenizer);
  AddContext(app, flags, context);
  AddPrecision(app, flags);
  AddMachine(app, flags);
  AddDevice(app, flags);
  AddListeners(app, flags);
  AddCodeCache(app, flags);
  AddCheck(app, flags);
}

std::vector<CLI::Option*> AddQuestion(CLI::App* app, TranscribeFlags* flags) {
  return {
      app->add_option("--language", flags->language,
                      "What is spoken: English, or en [the model finds out]"),
      app->add_option(
          "--context", flags->about,
          "Names and words that may come, and what it is about: helps with the spelling"),
  };
}

void AddContinuation(CLI::App* app, GenerateFlags* flags) {
  AddPrompt(app, &flags->prompt, "The text to continue [stdin]");
  AddJson(app, &flags->json);
}

}  // namespace lluda::cli
