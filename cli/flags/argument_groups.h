// Flags that several subcommands share, added to a subcommand in groups.
//
//   AddModel(sub, &flags->model.model);
//   AddPrecision(sub, &flags->model);
#ifndef LLUDA_CLI_FLAGS_ARGUMENT_GROUPS_H_
#define LLUDA_CLI_FLAGS_ARGUMENT_GROUPS_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "cli/flags/flags.h"

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace lluda::cli {

inline constexpr int64_t kMostTokens = int64_t{1} << 31;

void AddModel(CLI::App* app, std::string* model);  // the positional argument
void AddTokenizer(CLI::App* app, std::string* tokenizer);
inline constexpr char kContext[] = "Tokens the context holds [the model's maximum, at most 4096]";
void AddContext(CLI::App* app, ModelFlags* flags, const char* what = kContext);
// --precision, --kv-cache, --weights and what it needs, --activations, --partial-head
void AddPrecision(CLI::App* app, ModelFlags* flags);
// The same flags by other names and for another model: "--against-precision", ...
void AddNumbers(CLI::App* app, const std::string& prefix, const std::string& whose,
                ModelFlags* flags);
void AddResult(CLI::App* app, ModelFlags* flags);
// Which of the module's entries; empty if it is left out.
CLI::Option* AddEntry(CLI::App* app, std::string* entry, const char* what);
void AddIrFile(CLI::App* app, ModelFlags* flags);  // after AddContext and AddPrecision
void AddIsa(CLI::App* app, ModelFlags* flags);
void AddDevice(CLI::App* app, ModelFlags* flags);
void AddThreads(CLI::App* app, ModelFlags* flags);
void AddForce(CLI::App* app, ModelFlags* flags);
void AddMachine(CLI::App* app, ModelFlags* flags);    // all three of them
void AddListeners(CLI::App* app, ModelFlags* flags);  // --perf, --gdb
void AddCodeCache(CLI::App* app, ModelFlags* flags);
// Two flags, --NAME and --no-NAME, of which one may be given: `set` is called with which.
void AddSwitch(CLI::App* app, const std::string& name, const char* help,
               std::function<void(bool on)> set);
// A size in bytes or with a unit, as base::ParseByteSize reads it, from `least` to `most`.
CLI::Option* AddSize(CLI::App* app, const char* name, int64_t* bytes, const char* help,
                     int64_t least, int64_t most);
// One meaning everywhere: a document on stdout in place of the text.
CLI::Option* AddJson(CLI::App* app, bool* json);
void AddCheck(CLI::App* app, ModelFlags* flags);
void AddPrompt(CLI::App* app, PromptFlags* flags, const char* what);

// What a bundle is run with where there is no compiler: the positional argument and its flags.
void AddBundle(CLI::App* app, ModelFlags* flags);
// All that a model is loaded with to generate.
void AddGenerationModel(CLI::App* app, ModelFlags* flags);
// The same but for the model's name.
void AddLoadedModel(CLI::App* app, ModelFlags* flags, const char* context = kContext);
// What a generation wants, whatever model it is of.
void AddGeneration(CLI::App* app, GenerateFlags* flags);
void AddGrammar(CLI::App* app, GrammarFlags* flags);
// --language and --context, of sounds; returns them.
std::vector<CLI::Option*> AddQuestion(CLI::App* app, TranscribeFlags* flags);
// What a server takes beside its model; returns --plan.
CLI::Option* AddServing(CLI::App* app, ServeFlags* flags);
// Of one that continues a text.
void AddContinuation(CLI::App* app, GenerateFlags* flags);

}  // namespace lluda::cli

#endif  // LLUDA_CLI_FLAGS_ARGUMENT_GROUPS_H_
