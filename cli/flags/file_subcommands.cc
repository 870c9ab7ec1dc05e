// The flags of what writes and keeps compiled models.
#include <cstdint>

#include "CLI/App.hpp"
#include "cli/flags/argument_groups.h"
#include "cli/flags/subcommands.h"

namespace lluda::cli {
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

CLI::App* AddCache(CLI::App* app, CacheFlags* flags) {
  CLI::App* sub = app->add_subcommand("cache", "The compiled code that earlier runs have kept");
  sub->require_subcommand(1);
  CLI::App* list = sub->add_subcommand("ls", "List it");
  list->callback([flags] { flags->action = CacheAction::kList; });
  CLI::App* prune = sub->add_subcommand("prune", "Drop what is damaged or unused for longest");
  prune->callback([flags] { flags->action = CacheAction::kPrune; });
  AddSize(prune, "--max-size", &flags->max_bytes,
          "What may stay, in bytes or with a unit, such as 64MB; 0: nothing [256MB]", 0,
          int64_t{1} << 60);
  CLI::App* verify = sub->add_subcommand("verify", "Compare it, or a bundle, with its hashes");
  verify->callback([flags] { flags->action = CacheAction::kVerify; });
  verify->add_option("bundle", flags->file, "A bundle to check instead of the cache, FILE.llb");
  for (CLI::App* action : {list, prune, verify}) AddJson(action, &flags->json);
  return sub;
}

}  // namespace lluda::cli
