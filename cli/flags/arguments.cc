#include "cli/flags/arguments.h"

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "CLI/App.hpp"
#include "cli/flags/argument_groups.h"
#include "cli/flags/parse.h"
#include "cli/flags/subcommands.h"

namespace lluda::cli {
namespace {

struct Subcommand {
  CLI::App* app;
  std::function<Arguments()> arguments;  // once they are parsed
};

template <typename Flags>
Subcommand Add(CLI::App* app, CLI::App* (*add)(CLI::App*, Flags*)) {
  const auto flags = std::make_shared<Flags>();
  return {add(app, flags.get()), [flags] { return Arguments(*flags); }};
}

}  // namespace

ParseResult ParseArguments(int argc, char** argv, const Version& version) {
  ParseResult result;
  CLI::App app("Compiles a language model for this machine and runs it.", "lluda");
  app.set_version_flag("--version", version, "Print lluda's version, LLVM's and the CPU's row");
  app.require_subcommand(0, 1);
  const Subcommand subcommands[] = {
      Add(&app, AddGenerate),   Add(&app, AddChat),    Add(&app, AddServe),
      Add(&app, AddTokenize),   Add(&app, AddEmbed),   Add(&app, AddRerank),
      Add(&app, AddTranscribe), Add(&app, AddIr),      Add(&app, AddAsm),
      Add(&app, AddExplain),    Add(&app, AddReport),  Add(&app, AddVerify),
      Add(&app, AddValidate),   Add(&app, AddEval),    Add(&app, AddImatrix),
      Add(&app, AddBench),      Add(&app, AddCompile), Add(&app, AddInspect),
      Add(&app, AddCache),
  };
  result.exit_code = Parse(&app, argc, argv);
  if (result.exit_code) return result;
  std::string names;
  for (const Subcommand& subcommand : subcommands) {
    names += " " + subcommand.app->get_name();
    if (subcommand.app->parsed()) result.arguments = subcommand.arguments();
  }
  // Not left to the parser, which would say this of a misspelt subcommand, too.
  if (app.get_subcommands().empty()) {
    result.exit_code = ExitOf(app, CLI::RequiredError("A subcommand is required:" + names,
                                                      CLI::ExitCodes::RequiredError));
  }
  return result;
}

RunParseResult ParseRunArguments(int argc, char** argv, const Version& version) {
  RunParseResult result;
  GenerateFlags& flags = result.flags;
  CLI::App app("Continues a text, or transcribes sounds, with a bundle that `lluda compile` wrote.",
               "lluda-run");
  app.set_version_flag("--version", version, "Print the version");
  AddBundle(&app, &flags.model);
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
  // For --help: another program takes a command line that has it, as a whole.
  app.add_flag("--serve", "Answer requests of OpenAI's API instead; --serve --help tells more");
  result.exit_code = Parse(&app, argc, argv);
  result.transcribe.model = flags.model;
  result.transcribe.json = flags.json;
  return result;
}

ServeParseResult ParseServeArguments(int argc, char** argv, const Version& version) {
  ServeParseResult result;
  CLI::App app(
      "Answers requests of OpenAI's API over HTTP with a bundle that `lluda compile` wrote.",
      "lluda-serve");
  app.set_version_flag("--version", version, "Print the version");
  AddBundle(&app, &result.flags.model);
  AddServing(&app, &result.flags);
  result.exit_code = Parse(&app, argc, argv);
  return result;
}

}  // namespace lluda::cli
