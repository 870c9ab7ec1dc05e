// The flags of what shows the inside of a model.
#include <cstdint>

#include "CLI/App.hpp"
#include "cli/flags/argument_groups.h"
#include "cli/flags/subcommands.h"

namespace lluda::cli {
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

CLI::App* AddInspect(CLI::App* app, InspectFlags* flags) {
  CLI::App* sub = app->add_subcommand(
      "inspect",
      "Print what a GGUF file, a folder's safetensors or a bundle hold, and what is odd");
  AddModel(sub, &flags->model);
  AddJson(sub, &flags->json);
  return sub;
}

}  // namespace lluda::cli
